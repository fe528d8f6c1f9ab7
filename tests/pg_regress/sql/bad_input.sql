-- Bad input: each refusal has an SQLSTATE, says what is wrong and holds the call to make; nothing half-done stays behind.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_bad_input_reader LOGIN;
CREATE ROLE regress_bad_input_blind LOGIN;
CREATE ROLE regress_bad_input_dpo LOGIN;
SELECT * FROM jitmask.grant_right('regress_bad_input_dpo', 'approver');
CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO PUBLIC;
CREATE TABLE crm.customers (id int, ssn text, email text, card text, born date, phone varchar(20), plain text);
GRANT SELECT ON crm.customers TO regress_bad_input_reader;

-- Masks.
SELECT * FROM jitmask.create_policy('p', 'mask_partial(value, 0,');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_partial(value, 0, 4), 1');
:code
SELECT * FROM jitmask.create_policy('p', 'no_such_function(value)');
:code
SELECT * FROM jitmask.create_policy('p', 'value || random()::text');
:code
SELECT * FROM jitmask.create_policy('p', '(SELECT max(rolname) FROM pg_roles)');
:code
SELECT * FROM jitmask.create_policy('p', 'max(value)');
:code
CREATE FUNCTION crm.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
SELECT * FROM jitmask.create_policy('p', 'crm.shout(value)');
:code
SELECT * FROM jitmask.create_policy('p', '');
:code
SELECT * FROM jitmask.create_policy('p', NULL);
:code
SELECT count(*) FROM jitmask.policies;
-- An unqualified mask is looked up in schema jitmask, whatever the search_path.
CREATE FUNCTION public.mask_default(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SELECT * FROM jitmask.create_policy('standard', 'mask_default(value)');
SELECT "column", state FROM jitmask.attach('standard', 'crm.customers.ssn');
SET SESSION AUTHORIZATION regress_bad_input_reader;
INSERT INTO crm.customers (ssn) VALUES ('x');
:code
RESET SESSION AUTHORIZATION;
INSERT INTO crm.customers (ssn) VALUES ('473-11-4137');
SET SESSION AUTHORIZATION regress_bad_input_reader;
SELECT ssn FROM crm.customers;
RESET SESSION AUTHORIZATION;

-- Names and rules of policies.
SELECT * FROM jitmask.create_policy('Upper Case', 'mask_null(value)');
:code
SELECT * FROM jitmask.create_policy('mask_null(value)', 'swapped');
:code
SELECT * FROM jitmask.create_policy('standard', 'mask_null(value)');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', quorum => 0);
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', quorum => 21);
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', approvers => '{nobody_of_that_name}');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', approvers => ARRAY[NULL]);
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', max_duration => '1 month');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', default_duration => '9 hours');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', request_ttl => '-1 hour');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', reason_pattern => '(unclosed');
:code
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)', purposes => '{""}');
:code
SELECT name FROM jitmask.policies;
SELECT * FROM jitmask.alter_policy('no_such_policy', mask => 'mask_null(value)');
:code
SELECT * FROM jitmask.drop_policy('no_such_policy');
:code

-- Attaching.
SELECT * FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT * FROM jitmask.create_policy('number', '42');
SELECT * FROM jitmask.attach('no_such_policy', 'crm.customers.email');
:code
SELECT * FROM jitmask.attach('crm.customers.email', 'last4');
:code
SELECT * FROM jitmask.attach('last4', 'crm.customers.emial');
:code
SELECT * FROM jitmask.attach('last4', 'crm.no_such_table.email');
:code
SELECT * FROM jitmask.attach('last4', 'email');
:code
SELECT * FROM jitmask.attach('last4', 'crm."customers.email');
:code
SELECT * FROM jitmask.attach('last4', 'crm.customers.born');
:code
SELECT * FROM jitmask.attach('number', 'crm.customers.born');
:code
SELECT * FROM jitmask.attach('last4', '{}'::text[]);
:code
SELECT * FROM jitmask.attach('last4', ARRAY['crm.customers.email', NULL]);
:code
SELECT * FROM jitmask.attach('last4', 'crm.customers.email', to_roles => '{no_such_role}');
:code
SELECT * FROM jitmask.attach('last4', 'crm.customers.email', to_roles => '{}');
:code
SELECT * FROM jitmask.attach('last4', 'crm.customers.email', except_roles => '{public}');
:code
-- What depends on the reader's settings is an instrument; what reads text as another type prints it when that fails.
ALTER TABLE crm.customers ADD seen timestamptz;
SELECT * FROM jitmask.create_policy('month', 'date_trunc(''month'', value)');
SELECT * FROM jitmask.attach('month', 'crm.customers.seen');
:code
SELECT * FROM jitmask.create_policy('next_day', '(value::date + 1)::text');
:code
SELECT * FROM jitmask.create_policy('first_part', '(parse_ident(value))[1]');
:code
SELECT * FROM jitmask.create_policy('by_unit', 'date_part(value, date ''2020-01-01'')::int');
:code
SELECT * FROM jitmask.alter_policy('month', mask => 'date_trunc(''month'', value AT TIME ZONE ''UTC'') AT TIME ZONE ''UTC''');
SELECT * FROM jitmask.attach('month', 'crm.customers.seen');
SELECT * FROM jitmask.detach('crm.customers.seen');
SELECT * FROM jitmask.drop_policy('month');
ALTER TABLE crm.customers DROP seen;
-- One bad column among several, and none is protected.
SELECT * FROM jitmask.attach('last4', ARRAY['crm.customers.email', 'crm.customers.born']);
:code
SELECT "column" FROM jitmask.masked_columns;
SELECT * FROM jitmask.detach('crm.customers.email');
:code
SELECT * FROM jitmask.detach('crm.customers.ssn', 'last4');
:code

-- Asking.
SET SESSION AUTHORIZATION regress_bad_input_reader;
SELECT * FROM jitmask.request('crm.customers.nossn', 'because');
:code
SELECT * FROM jitmask.request('nosuch.customers.ssn', 'because');
:code
SELECT * FROM jitmask.request('ssn', 'because');
:code
SELECT * FROM jitmask.request('I need it for a call', 'crm.customers.ssn');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', '30 minutes');
:code
SELECT * FROM jitmask.request('crm.customers.plain', 'because');
:code
SELECT * FROM jitmask.request('{crm.customers.ssn,crm.customers.plain}'::text[], 'because');
:code
SELECT * FROM jitmask.request(NULL::text, 'because');
:code
SELECT * FROM jitmask.request('{}'::text[], 'because');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', NULL);
:code
SELECT * FROM jitmask.request('crm.customers.ssn', '   ');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', repeat('x', 4097));
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', '0');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', '-5 minutes');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', '1 mon');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', '1200 mon -36000 days 1 hour');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', make_interval(0, 0, 0, 2147483647, 0, 0, 0));
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'because', '8 hours 1 second');
:code
-- No privilege, no reason to ask; nor for those who read it anyway.
SET SESSION AUTHORIZATION regress_bad_input_blind;
SELECT * FROM jitmask.request('crm.customers.ssn', 'because');
:code
RESET SESSION AUTHORIZATION;
SELECT * FROM jitmask.request('crm.customers.ssn', 'because');
:code
-- What a rule demands.
SELECT state FROM jitmask.alter_policy('standard', reason_pattern => '.*customer.*', ticket_pattern => 'T-[0-9]+', purposes => '{support,fraud}');
SET SESSION AUTHORIZATION regress_bad_input_reader;
SELECT * FROM jitmask.request('crm.customers.ssn', 'because');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'a customer called');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'a customer called', ticket => 'x');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'a customer called', ticket => 'T-1');
:code
SELECT * FROM jitmask.request('crm.customers.ssn', 'a customer called', ticket => 'T-1', purpose => 'curiosity');
:code
SELECT id, state FROM jitmask.request('crm.customers.ssn', 'a customer called', ticket => 'T-1', purpose => 'fraud');
-- A session that can't write.
BEGIN READ ONLY;
SELECT * FROM jitmask.request('crm.customers.ssn', 'because');
:code
ROLLBACK;
-- Nobody else could approve: the only approver asks.
RESET SESSION AUTHORIZATION;
GRANT SELECT ON crm.customers TO regress_bad_input_dpo;
SELECT "column", state FROM jitmask.attach('last4', 'crm.customers.email');
SET SESSION AUTHORIZATION regress_bad_input_dpo;
SELECT * FROM jitmask.request('crm.customers.email', 'because');
:code

-- Deciding.
SELECT * FROM jitmask.approve(99);
:code
SELECT * FROM jitmask.approve(NULL);
:code
SELECT * FROM jitmask.approve(1, duration => '0');
:code
SELECT * FROM jitmask.approve(1, repeat('x', 4097));
:code
SELECT * FROM jitmask.revoke(1);
:code
SELECT * FROM jitmask.wait_for(99);
:code
SELECT * FROM jitmask.wait_for(1, '-1 second');
:code
SELECT id, state FROM jitmask.requests;

-- Asking why.
SELECT * FROM jitmask.why('crm.customers.*');
:code
SELECT * FROM jitmask.why('crm.customers.ssn', 'no_such_role');
:code
SELECT jitmask.is_masked(NULL);
:code
SELECT * FROM jitmask.health();
:code
SELECT * FROM jitmask.status();
:code
