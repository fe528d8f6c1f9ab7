-- jitmask's own tables. They hold what administrators decided and what people asked for; nothing in here is readable
-- or writable by anybody but the extension's owner (privileges.sql), and the engine refuses everybody else whatever the
-- privileges say. People read the views in views.sql and call the functions.
--
-- The engine reads these tables by column NAME with plain scans, so a rename here is a change there (src/catalog).
-- Names: a table whose plain name is taken by a view or a keyword ends in an underscore.

CREATE TABLE jitmask.policy (
    policy_id       int         NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text        NOT NULL UNIQUE CHECK (name ~ '^[a-z_][a-z0-9_]{0,62}$'),
    mask            text        NOT NULL,
    write_back      text        NOT NULL DEFAULT 'keep' CHECK (write_back IN ('keep', 'error', 'allow')),
    description     text        NOT NULL DEFAULT '',
    revision        int         NOT NULL DEFAULT 1,
    created_by_name text,
    created_at      timestamptz DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.policy IS 'Masking policies: a name, and the mask, an SQL expression in which "value" is the column.';

CREATE TABLE jitmask.rule (
    rule_id          int       NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy_id        int       NOT NULL REFERENCES jitmask.policy ON DELETE CASCADE,
    relid            oid,
    attnum           int2,
    approvers        regrole[] NOT NULL DEFAULT '{}',
    quorum           int       NOT NULL DEFAULT 1 CHECK (quorum BETWEEN 1 AND 20),
    deny_threshold   int       NOT NULL DEFAULT 1 CHECK (deny_threshold >= 1),
    default_duration interval  NOT NULL DEFAULT '1 hour',
    max_duration     interval  NOT NULL DEFAULT '8 hours',
    request_ttl      interval  NOT NULL DEFAULT '24 hours',
    reason_pattern   text,
    ticket_pattern   text,
    purposes         text[],
    auto_approve     jsonb,
    CHECK ((relid IS NULL) = (attnum IS NULL)),
    -- Otherwise two rules of one policy could disagree, both with nulls.
    UNIQUE NULLS NOT DISTINCT (policy_id, relid, attnum)
);
COMMENT ON TABLE jitmask.rule IS 'What a request has to satisfy and who decides it: per policy, or (relid and attnum set) per attachment.';
COMMENT ON COLUMN jitmask.rule.approvers IS 'Roles whose members decide; empty: whoever holds the right approver.';

CREATE TABLE jitmask.right_ (
    role            regrole     NOT NULL,
    "right"         text        NOT NULL CHECK ("right" IN ('admin', 'approver', 'auditor', 'relay')),
    granted_by_name text,
    granted_at      timestamptz DEFAULT clock_timestamp(),
    PRIMARY KEY (role, "right")
);
COMMENT ON TABLE jitmask.right_ IS 'Who may administer, approve, audit, relay: roles; their members hold the right too.';

CREATE TABLE jitmask.exemption (
    role            regrole     PRIMARY KEY,
    inherit         boolean     NOT NULL DEFAULT false,
    reason          text        NOT NULL,
    until           timestamptz,
    granted_by_name text,
    granted_at      timestamptz DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.exemption IS 'Standing exemptions: roles that read raw values without asking.';

CREATE TABLE jitmask.trusted_owner (
    role            regrole     PRIMARY KEY,
    reason          text,
    granted_by_name text,
    granted_at      timestamptz DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.trusted_owner IS 'Owners whose functions, views and triggers may see what a grant reveals.';

CREATE TABLE jitmask.trusted_function (
    func            regprocedure PRIMARY KEY,
    reason          text,
    granted_by_name text,
    granted_at      timestamptz DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.trusted_function IS 'Functions that a mask may call beyond those of jitmask and the built-in ones.';

CREATE TABLE jitmask.shared_login_ (
    role            regrole     PRIMARY KEY,
    reason          text,
    granted_by_name text,
    granted_at      timestamptz DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.shared_login_ IS 'Logins that many people share: they neither request nor vote nor hold grants.';

CREATE TABLE jitmask.request_ (
    id              bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    requester       oid         NOT NULL,
    requester_name  text        NOT NULL,
    state           text        NOT NULL CHECK (state IN
                        ('pending', 'changes_requested', 'approved', 'denied', 'cancelled', 'timed_out')),
    revision        int         NOT NULL DEFAULT 1,
    reason          text        NOT NULL,
    ticket          text,
    purpose         text,
    duration        interval    NOT NULL,
    starts_at       timestamptz,
    quorum          int         NOT NULL,
    deny_threshold  int         NOT NULL,
    eligible        oid[]       NOT NULL,
    decide_by       timestamptz NOT NULL,
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at      timestamptz,
    decided_by_name text
);
COMMENT ON TABLE jitmask.request_ IS 'Requests for raw values. A request and its grant share one id.';
COMMENT ON COLUMN jitmask.request_.eligible IS 'Logins that may decide, fixed when the request was made; never the requester.';
CREATE INDEX request_pending ON jitmask.request_ (decide_by) WHERE state IN ('pending', 'changes_requested');
CREATE INDEX request_requester ON jitmask.request_ (requester);

CREATE TABLE jitmask.request_column (
    request_id    bigint  NOT NULL REFERENCES jitmask.request_,
    relid         oid     NOT NULL,
    attnum        int2    NOT NULL,
    relation_name text    NOT NULL,
    column_name   text    NOT NULL,
    policy_name   text    NOT NULL,
    approved      boolean NOT NULL DEFAULT true,
    PRIMARY KEY (request_id, relid, attnum)
);
COMMENT ON TABLE jitmask.request_column IS 'The columns a request asks for, by meaning (relid, attnum) and, for people, by name as of then.';
COMMENT ON COLUMN jitmask.request_column.policy_name IS 'The policies whose rules the request has to satisfy for this column, comma-separated.';

CREATE TABLE jitmask.vote (
    vote_id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    request_id bigint      NOT NULL REFERENCES jitmask.request_,
    voter      oid         NOT NULL,
    voter_name text        NOT NULL,
    vote       text        NOT NULL CHECK (vote IN ('approve', 'deny')),
    revision   int         NOT NULL,
    comment    text,
    voted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (request_id, voter, revision)
);
COMMENT ON TABLE jitmask.vote IS 'Who approved or denied which revision of a request. People count once.';

CREATE TABLE jitmask.grant_ (
    id                bigint      PRIMARY KEY REFERENCES jitmask.request_,
    grantee           oid         NOT NULL,
    grantee_name      text        NOT NULL,
    state             text        NOT NULL CHECK (state IN
                          ('scheduled', 'active', 'suspended', 'ended', 'exhausted', 'revoked', 'returned', 'lapsed')),
    starts_at         timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    allow_copy        boolean     NOT NULL DEFAULT false,
    approved_at       timestamptz DEFAULT clock_timestamp(),
    ended_at          timestamptz,
    ended_by_name     text,
    end_comment       text,
    database          oid         NOT NULL,
    system_identifier bigint      NOT NULL,
    CHECK (starts_at < expires_at)
);
COMMENT ON TABLE jitmask.grant_ IS 'Temporary permissions to read raw values: one person, some columns, until an instant.';
COMMENT ON COLUMN jitmask.grant_.database IS 'OID of the database it was given in; with system_identifier, what keeps a copy from reviving it.';
-- All that planning a protected query looks at, however many grants have ended.
CREATE INDEX grants_live ON jitmask.grant_ (grantee) WHERE state IN ('scheduled', 'active');

CREATE TABLE jitmask.grant_column (
    grant_id        bigint NOT NULL REFERENCES jitmask.grant_,
    relid           oid    NOT NULL,
    attnum          int2   NOT NULL,
    policy_id       int,
    policy_revision int,
    PRIMARY KEY (grant_id, relid, attnum)
);
COMMENT ON TABLE jitmask.grant_column IS 'The columns a grant reveals, by meaning, and the policy as it was when they were approved.';

CREATE TABLE jitmask.key_ (
    name       text        NOT NULL,
    version    int         NOT NULL,
    secret     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE jitmask.key_ IS 'Secrets of keyed masks. Read by the engine alone, and by no dump.';

CREATE TABLE jitmask.outbox (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id bigint,
    event      text        NOT NULL,
    payload    jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE jitmask.outbox IS 'Messages for systems outside that take part in the workflow. Not written yet.';

CREATE TABLE jitmask.audit_log (
    -- Not unique: setval() on the sequence, open to pg_write_all_data, must not be able to stop a decision.
    seq              bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    event            text        NOT NULL,
    login            text        NOT NULL,
    effective_role   text        NOT NULL,
    client_addr      inet,
    application_name text,
    request_id       bigint,
    object           text,
    detail           jsonb       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE jitmask.audit_log IS 'Changes of state, each written in the transaction that made it. Auditors read the view jitmask.audit.';
COMMENT ON COLUMN jitmask.audit_log.application_name IS 'What the client says it is; not verified.';
CREATE INDEX audit_log_seq ON jitmask.audit_log (seq);
CREATE INDEX audit_log_request ON jitmask.audit_log (request_id) WHERE request_id IS NOT NULL;

-- Whatever changes in these tables changes decisions in every session, whoever changed it and how.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['policy', 'rule', 'right_', 'exemption', 'trusted_owner', 'trusted_function',
                                'shared_login_', 'grant_', 'grant_column', 'key_']
    LOOP
        EXECUTE format('CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jitmask.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION jitmask.note_change()', name);
        -- Replication and restore modes must not silence it.
        EXECUTE format('ALTER TABLE jitmask.%I ENABLE ALWAYS TRIGGER note_change', name);
    END LOOP;
END
$$;

-- A grant that ends stops the statements that are revealing by it.
CREATE TRIGGER note_grant_end AFTER UPDATE OR DELETE ON jitmask.grant_
    FOR EACH ROW EXECUTE FUNCTION jitmask.note_grant_end();
ALTER TABLE jitmask.grant_ ENABLE ALWAYS TRIGGER note_grant_end;

-- What a dump carries: decisions and history. Not keys, no grant that could reveal anything, and no request that could
-- still turn into one: the numbers in them mean other people and other tables where the dump is restored.
SELECT pg_catalog.pg_extension_config_dump('jitmask.policy', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.policy_policy_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.rule', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.rule_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.right_', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.exemption', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.trusted_owner', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.trusted_function', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.shared_login_', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.request_',
    'WHERE state NOT IN (''pending'', ''changes_requested'')');
SELECT pg_catalog.pg_extension_config_dump('jitmask.request__id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.request_column',
    'WHERE request_id IN (SELECT id FROM jitmask.request_ WHERE state NOT IN (''pending'', ''changes_requested''))');
SELECT pg_catalog.pg_extension_config_dump('jitmask.vote',
    'WHERE request_id IN (SELECT id FROM jitmask.request_ WHERE state NOT IN (''pending'', ''changes_requested''))');
SELECT pg_catalog.pg_extension_config_dump('jitmask.vote_vote_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.grant_',
    'WHERE state NOT IN (''scheduled'', ''active'', ''suspended'')');
SELECT pg_catalog.pg_extension_config_dump('jitmask.grant_column',
    'WHERE grant_id IN (SELECT id FROM jitmask.grant_ WHERE state NOT IN (''scheduled'', ''active'', ''suspended''))');
SELECT pg_catalog.pg_extension_config_dump('jitmask.audit_log', '');
SELECT pg_catalog.pg_extension_config_dump('jitmask.audit_log_seq_seq', '');
