-- Who may use what. Default deny: whatever is not listed here is for the extension's owner alone. A test compares this
-- list with the catalog, so that a new function is usable by nobody until somebody has thought about it.
-- The listed functions check their callers themselves: most are for administrators or deciders (see api/guard.rs).

COMMENT ON FUNCTION jitmask.create_policy(text, text, text, text[], int, interval, interval, interval, text, text, text[], text) IS
    'Makes a masking policy: a mask (an SQL expression over "value") under a name, and the rules of requests under it. For administrators. default_duration is one hour, or the maximum if that is shorter.';
COMMENT ON FUNCTION jitmask.alter_policy(text, text, text, text[], int, interval, interval, interval, text, text, text[], text) IS
    'Changes a masking policy; what is NULL stays as it is, an empty pattern or list of purposes takes it away. For administrators.';
COMMENT ON FUNCTION jitmask.drop_policy(text) IS
    'Drops a masking policy that is attached to no column. For administrators.';
COMMENT ON FUNCTION jitmask.attach(text, text, text[], text[], int, text, boolean) IS
    'Puts a policy on a column (schema.table.column, or table.* for all). dry_run changes nothing and says who can read it and who is at it now. For administrators.';
COMMENT ON FUNCTION jitmask.attach(text, text[], text[], text[], int, text, boolean) IS
    'Puts a policy on several columns. For administrators.';
COMMENT ON FUNCTION jitmask.detach(text, text) IS
    'Takes one policy (or all) off a column and ends the grants on it. For administrators.';
COMMENT ON FUNCTION jitmask.detach(text[], text) IS
    'Takes one policy (or all) off several columns and ends the grants on them. For administrators.';
COMMENT ON FUNCTION jitmask.exempt(text, text, timestamptz, boolean) IS
    'Lets a role read raw values without asking, until then or for good; with inherit its members too. For administrators, never for a role of their own.';
COMMENT ON FUNCTION jitmask.unexempt(text) IS
    'Takes an exemption back. For administrators.';
COMMENT ON FUNCTION jitmask.grant_right(text, text) IS
    'Gives a role the right admin, approver, auditor or relay in this database. For administrators.';
COMMENT ON FUNCTION jitmask.revoke_right(text, text) IS
    'Takes a right back. For administrators.';
COMMENT ON FUNCTION jitmask.trust_owner(text, text) IS
    'Lets the code of an owner see what grants reveal to those who run it. For administrators.';
COMMENT ON FUNCTION jitmask.untrust_owner(text) IS
    'No longer trusts the code of an owner. For administrators.';
COMMENT ON FUNCTION jitmask.trust_function(text, text) IS
    'Lets masks call a function, written schema.name(types). For administrators.';
COMMENT ON FUNCTION jitmask.untrust_function(text) IS
    'No longer lets masks call a function. For administrators.';
COMMENT ON FUNCTION jitmask.shared_login(text, boolean, text) IS
    'Marks a login as shared by many people: it can neither request nor vote nor hold grants. For administrators.';
COMMENT ON FUNCTION jitmask.request(text, text, interval, text, text) IS
    'Asks for raw values of a column (or table.*) for a while. Says who can decide, and by when.';
COMMENT ON FUNCTION jitmask.request(text[], text, interval, text, text) IS
    'Asks for raw values of several columns for a while. Says who can decide, and by when.';
COMMENT ON FUNCTION jitmask.approve(bigint, text, interval, text[]) IS
    'Approves a request, perhaps for a shorter time or fewer columns. For those who may decide it.';
COMMENT ON FUNCTION jitmask.deny(bigint, text) IS
    'Denies a request. For those who may decide it.';
COMMENT ON FUNCTION jitmask.reject(bigint, text) IS
    'The same as deny.';
COMMENT ON FUNCTION jitmask.cancel(bigint) IS
    'Takes a request of one''s own back.';
COMMENT ON FUNCTION jitmask.revoke(bigint, text) IS
    'Ends a grant before its time. For its holder, those who could decide the request, and administrators.';
COMMENT ON FUNCTION jitmask.return_grant(bigint, text) IS
    'Gives a grant of one''s own back.';
COMMENT ON FUNCTION jitmask.wait_for(bigint, interval) IS
    'Waits until a request is decided, or the timeout is over.';
COMMENT ON FUNCTION jitmask.why(text, text) IS
    'Says whether a column is masked for a role (yours, if none is named), and why.';
COMMENT ON FUNCTION jitmask.is_masked(text) IS
    'Whether a column is masked for you right now.';
COMMENT ON FUNCTION jitmask.health() IS
    'What is broken, and how to mend it; no row if nothing is. For administrators and auditors.';
COMMENT ON FUNCTION jitmask.exposures() IS
    'What the view jitmask.exposures shows. For administrators and auditors; to others it is empty.';
COMMENT ON FUNCTION jitmask.status() IS
    'How things stand, as names and values. For administrators and auditors.';
COMMENT ON FUNCTION jitmask.statistics_visible(oid, smallint) IS
    'Whether you may see planner statistics of a column; the engine asks when statistics are read.';
COMMENT ON FUNCTION jitmask.extended_statistics_visible(oid) IS
    'Whether you may see the data of an extended statistics object; the engine asks when it is read.';
COMMENT ON FUNCTION jitmask.keep(anyelement, anyelement, anyelement, text) IS
    'The assigned value; the stored one where what is assigned is what is shown of it. The engine puts it into statements that write.';
COMMENT ON FUNCTION jitmask.keep_part(anyelement, anyelement, anyelement, anyelement, text) IS
    'The same as keep, for the assignment of a part of a value.';
COMMENT ON FUNCTION jitmask.my_rights() IS
    'The rights of this login in this database.';
COMMENT ON FUNCTION jitmask.create_default_key() IS
    'Makes the key of keyed masks if there is none. For superusers; CREATE EXTENSION calls it.';
COMMENT ON FUNCTION jitmask.note_change() IS
    'Trigger on jitmask''s tables: tells all sessions that decisions may have changed.';
COMMENT ON FUNCTION jitmask.mask_partial(text, int, int, text) IS
    'Shows the first and last characters and hides the rest; what is too short to hide half of it is hidden wholly. Still reveals the length and what is shown.';
COMMENT ON FUNCTION jitmask.mask_email(text) IS
    'j***@***.com. Still reveals the first character and a generic or country''s top-level domain.';
COMMENT ON FUNCTION jitmask.mask_null(anyelement) IS
    'NULL. Reveals nothing.';
COMMENT ON FUNCTION jitmask.mask_constant(anyelement, anyelement) IS
    'The constant; NULL for NULL. Still reveals whether there is a value.';
COMMENT ON FUNCTION jitmask.mask_constant(text, text) IS
    'The constant; NULL for NULL. Still reveals whether there is a value.';
COMMENT ON FUNCTION jitmask.mask_hash(text) IS
    'HMAC-SHA-256 under a secret key, as 64 hexadecimal digits. Still reveals which values are equal.';
DO $$
DECLARE
    overload regprocedure;
BEGIN
    FOR overload IN SELECT oid FROM pg_proc WHERE pronamespace = 'jitmask'::regnamespace AND proname = 'mask_default'
    LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', overload,
            'A fixed value of the type (XXXX, 0, 1970-01-01, false …; NULL for types without one); NULL for NULL.');
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA jitmask FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA jitmask FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA jitmask FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA jitmask FROM PUBLIC;

GRANT USAGE ON SCHEMA jitmask TO PUBLIC;

-- Views show each reader their own part.
GRANT SELECT ON
    jitmask.policies, jitmask.masked_columns,
    jitmask.requests, jitmask.pending_requests, jitmask.my_requests,
    jitmask.grants, jitmask.active_grants, jitmask.my_grants,
    jitmask.audit, jitmask.exposures
TO PUBLIC;

-- For everybody.
GRANT EXECUTE ON FUNCTION
    jitmask.request(text, text, interval, text, text),
    jitmask.request(text[], text, interval, text, text),
    jitmask.cancel(bigint),
    jitmask.return_grant(bigint, text),
    jitmask.wait_for(bigint, interval),
    jitmask.why(text, text),
    jitmask.is_masked(text),
    jitmask.my_rights()
TO PUBLIC;

-- The engine puts these into whatever reads statistics, so they run with the privileges of the reader.
GRANT EXECUTE ON FUNCTION
    jitmask.statistics_visible(oid, smallint),
    jitmask.extended_statistics_visible(oid)
TO PUBLIC;

-- For those who may decide; the functions refuse everybody else.
GRANT EXECUTE ON FUNCTION
    jitmask.approve(bigint, text, interval, text[]),
    jitmask.deny(bigint, text),
    jitmask.reject(bigint, text),
    jitmask.revoke(bigint, text)
TO PUBLIC;

-- For administrators and auditors; the functions refuse everybody else.
GRANT EXECUTE ON FUNCTION
    jitmask.create_policy(text, text, text, text[], int, interval, interval, interval, text, text, text[], text),
    jitmask.alter_policy(text, text, text, text[], int, interval, interval, interval, text, text, text[], text),
    jitmask.drop_policy(text),
    jitmask.attach(text, text, text[], text[], int, text, boolean),
    jitmask.attach(text, text[], text[], text[], int, text, boolean),
    jitmask.detach(text, text),
    jitmask.detach(text[], text),
    jitmask.exempt(text, text, timestamptz, boolean),
    jitmask.unexempt(text),
    jitmask.grant_right(text, text),
    jitmask.revoke_right(text, text),
    jitmask.trust_owner(text, text),
    jitmask.untrust_owner(text),
    jitmask.trust_function(text, text),
    jitmask.untrust_function(text),
    jitmask.shared_login(text, boolean, text),
    jitmask.preview_as(text, text, bigint),
    jitmask.health(),
    jitmask.exposures(),
    jitmask.status()
TO PUBLIC;

COMMENT ON FUNCTION jitmask.preview_as(text, text, bigint) IS
    'The first rows a query gives to a role, as JSON, with the masks that role sees. For administrators.';

-- Masks run with the privileges of whoever reads, so everybody needs them; so does what guards the
-- statistics and what keeps stored values from being overwritten by their masks.
DO $$
DECLARE
    mask regprocedure;
BEGIN
    FOR mask IN SELECT oid FROM pg_proc
                 WHERE pronamespace = 'jitmask'::regnamespace
                   AND proname IN ('mask_default', 'mask_partial', 'mask_email', 'mask_null', 'mask_constant', 'mask_hash',
                                   'keep', 'keep_part', 'statistics_visible', 'extended_statistics_visible')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', mask);
    END LOOP;
END
$$;
