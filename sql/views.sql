-- What people read. Views run with the rights of their owner, so each of them says itself what it shows to whom:
-- one's own; what one may decide; everything, for administrators, auditors and superusers.
-- All are security barriers: a condition of the reader's can't look at rows that are not shown.
-- Time is the wall clock: what has run out shows as such, whether or not anybody has recorded it.

CREATE VIEW jitmask.policies WITH (security_barrier) AS
SELECT p.name, p.mask, p.write_back, p.description,
       ARRAY(SELECT a::text FROM unnest(r.approvers) AS a ORDER BY 1) AS approvers,
       r.quorum, r.deny_threshold, r.default_duration, r.max_duration, r.request_ttl,
       r.reason_pattern, r.ticket_pattern, r.purposes, p.revision, p.created_by_name AS created_by, p.created_at
  FROM jitmask.policy p
  JOIN jitmask.rule r ON r.policy_id = p.policy_id AND r.relid IS NULL
 WHERE (SELECT jitmask.my_rights()) && '{admin,approver,auditor}'::text[]
 ORDER BY p.name;
COMMENT ON VIEW jitmask.policies IS 'Masking policies and the rules of requests under them. For administrators, approvers and auditors.';

-- A label is a JSON array of attachments, one attachment, or the bare name of a policy (the short forms of the DDL).
-- What can't do what it says is listed by health(); it masks with NULL.
CREATE VIEW jitmask.masked_columns WITH (security_barrier) AS
WITH RECURSIVE label AS (
    SELECT s.objoid AS relid, s.objsubid::int2 AS attnum, a.entry
      FROM pg_catalog.pg_seclabel s,
           jsonb_array_elements(CASE left(btrim(s.label), 1)
                                WHEN '[' THEN s.label::jsonb
                                WHEN '{' THEN jsonb_build_array(s.label::jsonb)
                                ELSE jsonb_build_array(jsonb_build_object('policy', btrim(s.label)))
                                END) AS a(entry)
     WHERE s.provider = 'jitmask' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objsubid > 0
), spread AS (
    SELECT relid, attnum, entry, relid AS from_relid, attnum AS from_attnum FROM label
    UNION
    SELECT child.attrelid, child.attnum, s.entry, s.from_relid, s.from_attnum
      FROM spread s
      JOIN pg_catalog.pg_inherits i ON i.inhparent = s.relid
      JOIN pg_catalog.pg_attribute parent ON parent.attrelid = s.relid AND parent.attnum = s.attnum
      JOIN pg_catalog.pg_attribute child ON child.attrelid = i.inhrelid AND child.attname = parent.attname
     WHERE NOT child.attisdropped
), named AS (
    SELECT s.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS relation,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname) AS full_name
      FROM spread s
      JOIN pg_catalog.pg_class c ON c.oid = s.relid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = s.relid AND a.attnum = s.attnum
)
SELECT d.full_name AS "column",
       d.relation,
       d.entry ->> 'policy' AS policy,
       coalesce(ARRAY(SELECT jsonb_array_elements_text(d.entry -> 'to')), '{}')
           || CASE WHEN d.entry -> 'to' IS NULL THEN '{public}' ELSE '{}' END::text[] AS to_roles,
       ARRAY(SELECT jsonb_array_elements_text(d.entry -> 'except')) AS except_roles,
       coalesce((d.entry ->> 'priority')::int, 0) AS priority,
       p.mask,
       CASE WHEN (d.relid, d.attnum) <> (d.from_relid, d.from_attnum) THEN origin.full_name END AS inherited_from,
       r.quorum, r.default_duration, r.max_duration
  FROM named d
  JOIN named origin ON (origin.relid, origin.attnum) = (d.from_relid, d.from_attnum)
                   AND (origin.from_relid, origin.from_attnum) = (d.from_relid, d.from_attnum)
                   AND origin.entry = d.entry
  LEFT JOIN jitmask.policy p ON p.name = d.entry ->> 'policy'
  LEFT JOIN jitmask.rule r ON r.policy_id = p.policy_id AND r.relid IS NULL
 WHERE (SELECT jitmask.my_rights()) && '{admin,approver,auditor}'::text[]
    OR has_column_privilege(session_user, d.relid, d.attnum, 'SELECT')
 ORDER BY d.full_name, priority DESC, policy;
COMMENT ON VIEW jitmask.masked_columns IS 'Protected columns, their policies and for whom they hold; those of partitions and children too. Everybody sees the columns they may read.';

CREATE VIEW jitmask.requests WITH (security_barrier) AS
SELECT r.id, r.requester_name AS requester,
       CASE WHEN r.state IN ('pending', 'changes_requested') AND r.decide_by <= clock_timestamp()
            THEN 'timed_out' ELSE r.state END AS state,
       ARRAY(SELECT c.relation_name || '.' || quote_ident(c.column_name) FROM jitmask.request_column c
              WHERE c.request_id = r.id ORDER BY c.relation_name, c.attnum) AS columns,
       r.reason, r.ticket, r.purpose, r.duration,
       (SELECT count(*) FROM jitmask.vote v
         WHERE v.request_id = r.id AND v.revision = r.revision AND v.vote = 'approve')::int AS approvals,
       (SELECT count(*) FROM jitmask.vote v
         WHERE v.request_id = r.id AND v.revision = r.revision AND v.vote = 'deny')::int AS denials,
       r.quorum AS needed,
       ARRAY(SELECT a.rolname::text FROM pg_catalog.pg_roles a WHERE a.oid = ANY (r.eligible) ORDER BY 1) AS deciders,
       r.requested_at, r.decide_by, r.decided_at, r.decided_by_name AS decided_by
  FROM jitmask.request_ r
 WHERE r.requester = (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user)
    OR (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user) = ANY (r.eligible)
    OR (SELECT jitmask.my_rights()) && '{admin,auditor}'::text[]
 ORDER BY r.id;
COMMENT ON VIEW jitmask.requests IS 'Requests: one''s own and those one may decide; all of them for administrators and auditors.';

CREATE VIEW jitmask.pending_requests WITH (security_barrier) AS
SELECT id, requester, columns, reason, ticket, purpose, duration, approvals, denials, needed, deciders,
       requested_at, decide_by, date_trunc('second', decide_by - clock_timestamp()) AS time_left
  FROM jitmask.requests
 WHERE state = 'pending'
 ORDER BY id;
COMMENT ON VIEW jitmask.pending_requests IS 'Requests that wait for a decision.';

CREATE VIEW jitmask.my_requests WITH (security_barrier) AS
SELECT id, state, columns, reason, ticket, purpose, duration, approvals, denials, needed, deciders,
       requested_at, decide_by, decided_at, decided_by
  FROM jitmask.requests
 WHERE id IN (SELECT r.id FROM jitmask.request_ r
               WHERE r.requester = (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user))
 ORDER BY id;
COMMENT ON VIEW jitmask.my_requests IS 'The requests of this login.';

CREATE VIEW jitmask.grants WITH (security_barrier) AS
SELECT s.id, s.grantee_name AS grantee, s.state,
       ARRAY(SELECT c.relation_name || '.' || quote_ident(c.column_name) FROM jitmask.request_column c
              WHERE c.request_id = s.id AND c.approved ORDER BY c.relation_name, c.attnum) AS columns,
       r.reason,
       ARRAY(SELECT v.voter_name FROM jitmask.vote v
              WHERE v.request_id = s.id AND v.revision = r.revision AND v.vote = 'approve'
              ORDER BY v.voted_at, v.vote_id) AS approved_by,
       s.starts_at, s.expires_at,
       CASE WHEN s.state = 'active' THEN date_trunc('second', s.expires_at - clock_timestamp()) END AS time_left,
       s.allow_copy, s.approved_at,
       CASE WHEN s.state = 'ended' THEN coalesce(s.ended_at, s.expires_at) ELSE s.ended_at END AS ended_at,
       s.ended_by_name AS ended_by, s.end_comment
  FROM (SELECT g.id, g.grantee, g.grantee_name, g.starts_at, g.expires_at, g.allow_copy, g.approved_at, g.ended_at,
               g.ended_by_name, g.end_comment,
               CASE WHEN g.state IN ('scheduled', 'active', 'suspended') AND g.expires_at <= clock_timestamp() THEN 'ended'
                    -- A copy of the database holds no live grants, whatever its rows say.
                    WHEN g.state IN ('scheduled', 'active')
                     AND (g.database, g.system_identifier) <>
                         (SELECT d.oid, c.system_identifier FROM pg_catalog.pg_database d, pg_control_system() c
                           WHERE d.datname = current_database())
                    THEN 'suspended'
                    WHEN g.state = 'scheduled' AND g.starts_at <= clock_timestamp() THEN 'active'
                    ELSE g.state END AS state
          FROM jitmask.grant_ g) AS s
  JOIN jitmask.request_ r ON r.id = s.id
 WHERE s.grantee = (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user)
    OR (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user) = ANY (r.eligible)
    OR (SELECT jitmask.my_rights()) && '{admin,auditor}'::text[]
 ORDER BY s.id;
COMMENT ON VIEW jitmask.grants IS 'Grants, live and past: one''s own and those one could decide; all of them for administrators and auditors.';

CREATE VIEW jitmask.active_grants WITH (security_barrier) AS
SELECT id, grantee, columns, reason, approved_by, starts_at, expires_at, time_left
  FROM jitmask.grants
 WHERE state = 'active'
 ORDER BY id;
COMMENT ON VIEW jitmask.active_grants IS 'Grants that reveal raw values right now.';

CREATE VIEW jitmask.my_grants WITH (security_barrier) AS
SELECT id, state, columns, reason, approved_by, starts_at, expires_at, time_left, ended_at, ended_by, end_comment
  FROM jitmask.grants
 WHERE id IN (SELECT g.id FROM jitmask.grant_ g
               WHERE g.grantee = (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = session_user))
 ORDER BY id;
COMMENT ON VIEW jitmask.my_grants IS 'The grants of this login, live and past.';

CREATE VIEW jitmask.audit WITH (security_barrier) AS
SELECT seq, at, event, login, effective_role, client_addr, application_name AS application_name_unverified,
       request_id, object, detail
  FROM jitmask.audit_log
 WHERE (SELECT jitmask.my_rights()) && '{admin,auditor}'::text[]
 ORDER BY seq;
COMMENT ON VIEW jitmask.audit IS 'The audit trail of changes of state. For auditors and administrators; to others it is empty.';

CREATE VIEW jitmask.exposures WITH (security_barrier) AS
SELECT relation, "column", kind, object, held_by, severity, shows, remedy
  FROM jitmask.exposures();
COMMENT ON VIEW jitmask.exposures IS 'What can still show something of protected columns, the worst first, and what to do about it. For administrators and auditors; to others it is empty.';
