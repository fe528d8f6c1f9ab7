-- The workflow: asking, voting, granting, ending; who may do what, and what each call answers.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
-- Messages of reveals hold timestamps.
SET client_min_messages = warning;
CREATE ROLE regress_workflow_admin LOGIN;
CREATE ROLE regress_workflow_sam LOGIN;
CREATE ROLE regress_workflow_alice LOGIN;
CREATE ROLE regress_workflow_bob LOGIN;
CREATE ROLE regress_workflow_carol LOGIN;
CREATE ROLE regress_workflow_dpo;
CREATE ROLE regress_workflow_auditor LOGIN;
GRANT regress_workflow_dpo TO regress_workflow_alice, regress_workflow_bob, regress_workflow_sam;
CREATE ROLE regress_workflow_desk;
GRANT regress_workflow_desk TO regress_workflow_sam;
SELECT * FROM jitmask.grant_right('regress_workflow_dpo', 'approver');
SELECT * FROM jitmask.grant_right('regress_workflow_admin', 'admin');
SELECT * FROM jitmask.grant_right('regress_workflow_auditor', 'auditor');
CREATE TABLE customers (id int PRIMARY KEY, ssn text, email text, note text);
INSERT INTO customers VALUES (1, '473-11-4137', 'ann@example.com', 'n');
GRANT SELECT ON customers TO regress_workflow_sam, regress_workflow_carol;
SELECT * FROM jitmask.create_policy('ssn', 'mask_partial(value, 0, 4)', max_duration => '2 hours');
SELECT * FROM jitmask.create_policy('email', 'mask_email(value)', quorum => 2, approvers => '{regress_workflow_dpo,regress_workflow_carol}',
    max_duration => '1 hour', request_ttl => '2 hours', default_duration => '45 minutes');
SELECT "column", state FROM jitmask.attach('ssn', 'public.customers.ssn');
SELECT "column", state FROM jitmask.attach('email', 'public.customers.email');

-- One column, one approval. The requester is an approver too, and doesn't count.
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT id, state, columns, deciders, needed, message, decide_by - now() BETWEEN '23 hours' AND '25 hours' AS a_day
  FROM jitmask.request('public.customers.ssn', 'call from the customer', '30 minutes');
SELECT id, state, columns, reason, duration, approvals, needed, deciders FROM jitmask.my_requests;
SELECT id FROM jitmask.pending_requests;
SELECT * FROM jitmask.approve(1);
:code
SELECT ssn FROM customers;

-- Somebody without a part in it sees nothing of it and can't vote.
SET SESSION AUTHORIZATION regress_workflow_carol;
SELECT count(*) FROM jitmask.requests;
SELECT * FROM jitmask.approve(1);
:code
SELECT * FROM jitmask.cancel(1);
:code
SELECT * FROM jitmask.wait_for(1);
:code

-- Approving reveals at once, in the session that was open all the time.
SET SESSION AUTHORIZATION regress_workflow_alice;
SELECT id, requester, columns, reason, duration, approvals, needed FROM jitmask.pending_requests;
SELECT id, state, regexp_replace(message, '\d{4}-.*', '(time)') AS message, until - now() BETWEEN '29 minutes' AND '31 minutes' AS for_30_minutes
  FROM jitmask.approve(1, 'fine');
SELECT * FROM jitmask.approve(1);
:code
SELECT * FROM jitmask.deny(1);
:code
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT ssn, email FROM customers;
SELECT masked, because, grant_id FROM jitmask.why('customers.ssn');
SELECT id, state, columns, reason, approved_by, time_left BETWEEN '29 minutes' AND '30 minutes' AS left FROM jitmask.my_grants;
SELECT id, state, regexp_replace(message, '\d{4}-.*', '(time)') AS message FROM jitmask.wait_for(1);
-- SET ROLE keeps what belongs to the person.
SET ROLE regress_workflow_desk;
SELECT jitmask.is_masked('customers.ssn');
RESET ROLE;
SELECT * FROM jitmask.request('customers.ssn', 'again');
:code

-- Revoking ends it at once; the same id means request and grant.
SET SESSION AUTHORIZATION regress_workflow_carol;
SELECT * FROM jitmask.revoke(1);
:code
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT id, grantee, columns, approved_by FROM jitmask.active_grants;
SELECT id, state, message FROM jitmask.revoke(1, 'the call is over');
SELECT * FROM jitmask.revoke(1);
:code
SELECT id, state, ended_by, end_comment, ended_at IS NOT NULL AS ended FROM jitmask.grants;
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT ssn FROM customers;

-- Two policies in one request: the strictest of both holds. carol may decide only one of them.
SELECT id, columns, deciders, needed, message, decide_by - now() BETWEEN '1 hour' AND '3 hours' AS two_hours
  FROM jitmask.request('{customers.ssn,customers.email}'::text[], 'both', ticket => 'T-1');
SELECT * FROM jitmask.request('{customers.ssn,customers.email}'::text[], 'both', '90 minutes');
:code
SET SESSION AUTHORIZATION regress_workflow_alice;
SELECT * FROM jitmask.approve(2, duration => '2 hours');
:code
SELECT * FROM jitmask.approve(2, columns => '{customers.note}');
:code
SELECT * FROM jitmask.approve(2, columns => '{}');
:code
SELECT * FROM jitmask.approve(2, '10 minutes');
:code
SELECT id, state, message FROM jitmask.approve(2, 'the email is enough', duration => '10 minutes', columns => '{public.customers.email}');
SELECT * FROM jitmask.approve(2);
:code
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT id, duration, approvals, denials FROM jitmask.pending_requests;
SELECT * FROM jitmask.approve(2, columns => '{public.customers.ssn}');
:code
SELECT id, state, until - now() BETWEEN '9 minutes' AND '11 minutes' AS for_10_minutes FROM jitmask.approve(2);
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT ssn, email FROM customers;
SELECT id, columns, approved_by FROM jitmask.my_grants WHERE state = 'active';
-- Its holder gives it back.
SELECT id, state, message FROM jitmask.return_grant(2, 'done');
SELECT email FROM customers;
SELECT * FROM jitmask.return_grant(2);
:code

-- Denying, taking back, and not deciding.
SELECT id FROM jitmask.request('customers.ssn', 'one');
SELECT id FROM jitmask.request('customers.ssn', 'two');
SELECT id FROM jitmask.request('customers.ssn', 'three');
SELECT id, state, message FROM jitmask.cancel(4);
SELECT * FROM jitmask.cancel(4);
:code
SELECT * FROM jitmask.deny(3);
:code
SELECT * FROM jitmask.revoke(3);
:code
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT id, state, message FROM jitmask.deny(3, 'not without a ticket');
SELECT * FROM jitmask.approve(3);
:code
SELECT * FROM jitmask.approve(4);
:code
SELECT * FROM jitmask.reject(4);
:code
RESET SESSION AUTHORIZATION;
UPDATE jitmask.request_ SET decide_by = clock_timestamp() - interval '1 second' WHERE id = 5;
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT * FROM jitmask.approve(5);
:code
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT id, state FROM jitmask.my_requests ORDER BY id;
SELECT id, state, message FROM jitmask.wait_for(3);
SELECT id, state, message FROM jitmask.wait_for(5);

-- A denial after one's approval counts, and the other way round does not go.
SELECT id FROM jitmask.request('customers.email', 'four');
SET SESSION AUTHORIZATION regress_workflow_alice;
SELECT id, state, message FROM jitmask.approve(6);
SELECT id, state, message FROM jitmask.deny(6, 'on second thought');

-- Who lost the right before voting doesn't count; whoever gets it later was not asked.
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT id, deciders FROM jitmask.request('customers.ssn', 'five');
RESET SESSION AUTHORIZATION;
REVOKE regress_workflow_dpo FROM regress_workflow_alice;
GRANT regress_workflow_dpo TO regress_workflow_carol;
SET SESSION AUTHORIZATION regress_workflow_alice;
SELECT * FROM jitmask.approve(7);
:code
SET SESSION AUTHORIZATION regress_workflow_carol;
SELECT * FROM jitmask.approve(7);
:code

-- Expiry by the wall clock at use, within one transaction.
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT id FROM jitmask.request('customers.ssn', 'a moment', '1 second');
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT state FROM jitmask.approve(8);
SET SESSION AUTHORIZATION regress_workflow_sam;
BEGIN;
SELECT ssn FROM customers;
SELECT pg_sleep(1.1);
SELECT ssn FROM customers;
COMMIT;
SELECT id, state, time_left FROM jitmask.my_grants WHERE id = 8;
SELECT id, state, message FROM jitmask.wait_for(8);
SELECT * FROM jitmask.return_grant(8);
:code

-- Detaching ends grants on the column.
SELECT id FROM jitmask.request('customers.ssn', 'six', '1 hour');
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT state FROM jitmask.approve(9);
SET SESSION AUTHORIZATION regress_workflow_admin;
SELECT * FROM jitmask.detach('customers.ssn');
SELECT "column", state FROM jitmask.attach('ssn', 'customers.ssn');
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT ssn FROM customers;
SELECT id, state, end_comment FROM jitmask.my_grants WHERE id = 9;

-- Deciding takes the client's own statement.
SELECT id FROM jitmask.request('customers.ssn', 'seven', '1 hour');
RESET SESSION AUTHORIZATION;
CREATE FUNCTION innocent() RETURNS text LANGUAGE sql AS 'SELECT state FROM jitmask.approve(10)';
CREATE VIEW harmless AS SELECT * FROM jitmask.approve(10);
GRANT SELECT ON harmless TO PUBLIC;
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT innocent();
:code
SELECT * FROM harmless;
:code
DO $$ BEGIN PERFORM jitmask.approve(10); END $$;
:code

-- A login that many people share stands for nobody.
SET SESSION AUTHORIZATION regress_workflow_admin;
SELECT * FROM jitmask.shared_login('regress_workflow_bob');
SET SESSION AUTHORIZATION regress_workflow_bob;
SELECT * FROM jitmask.approve(10);
:code
SET SESSION AUTHORIZATION regress_workflow_admin;
SELECT * FROM jitmask.shared_login('regress_workflow_sam');
SET SESSION AUTHORIZATION regress_workflow_sam;
SELECT * FROM jitmask.request('customers.ssn', 'eight');
:code
SET SESSION AUTHORIZATION regress_workflow_admin;
SELECT * FROM jitmask.shared_login('regress_workflow_sam', false);
SELECT * FROM jitmask.shared_login('regress_workflow_sam', false);
:code

-- Waiting sees nothing of the future under a stricter isolation level, nor of what is not committed.
SET SESSION AUTHORIZATION regress_workflow_sam;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM jitmask.wait_for(10);
:code
ROLLBACK;
BEGIN;
SELECT id FROM jitmask.request('customers.ssn', 'nine');
SELECT * FROM jitmask.wait_for(11);
:code
ROLLBACK;
SELECT id, state, message FROM jitmask.wait_for(10, '300 milliseconds');

-- The trail, for the auditor; to others it is empty.
SELECT count(*) FROM jitmask.audit;
SET SESSION AUTHORIZATION regress_workflow_auditor;
SELECT event, login, request_id, object, detail - 'until' AS detail FROM jitmask.audit WHERE request_id IS NOT NULL ORDER BY seq;
