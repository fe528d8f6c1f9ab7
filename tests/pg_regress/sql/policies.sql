-- Policies: making, changing, attaching, detaching and dropping them; what is refused, and what the views show then.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_policies_admin LOGIN;
CREATE ROLE regress_policies_reader LOGIN;
CREATE ROLE regress_policies_stranger LOGIN;
CREATE ROLE regress_policies_staff;
CREATE ROLE regress_policies_dpo LOGIN;
GRANT regress_policies_staff TO regress_policies_reader;
SELECT * FROM jitmask.grant_right('regress_policies_admin', 'admin');
SELECT * FROM jitmask.grant_right('regress_policies_dpo', 'approver');

CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO PUBLIC;
CREATE TABLE crm.customers (id int PRIMARY KEY, name text, ssn varchar(11), "E Mail" text, born date, balance numeric(10, 2));
INSERT INTO crm.customers VALUES (1, 'Ann Archer', '473-11-4137', 'ann@example.com', '1980-02-29', 17.50),
                                 (2, 'Bob', NULL, NULL, NULL, NULL);
GRANT SELECT ON crm.customers TO regress_policies_reader;
CREATE VIEW crm.people AS SELECT id, ssn FROM crm.customers;
CREATE TABLE crm.orders (id int, region text, card text) PARTITION BY LIST (region);
CREATE TABLE crm.orders_eu PARTITION OF crm.orders FOR VALUES IN ('eu');
GRANT SELECT ON crm.orders, crm.orders_eu TO regress_policies_reader;

-- An administrator who is no superuser makes them.
SET SESSION AUTHORIZATION regress_policies_admin;
SELECT * FROM jitmask.create_policy('ssn_last4', 'mask_partial(value, 0, 4)', 'the last four digits', max_duration => '30 minutes');
SELECT * FROM jitmask.create_policy('mail', 'jitmask.mask_email(value)', quorum => 2, approvers => '{regress_policies_dpo}');
SELECT * FROM jitmask.create_policy('nothing', 'mask_null(value)');
SELECT * FROM jitmask.create_policy('standard', 'mask_default(value)', purposes => '{support,fraud}', reason_pattern => '.{10,}');
SELECT name, mask, description, approvers, quorum, default_duration, max_duration, request_ttl, reason_pattern, purposes, revision, created_by
  FROM jitmask.policies;

-- A dry run changes nothing and says who could read the column.
SELECT * FROM jitmask.attach('ssn_last4', 'crm.customers.ssn', dry_run => true);
SELECT * FROM jitmask.masked_columns;

-- One column, several columns, quoted names, and names without a schema under the caller's own search_path.
SELECT "column", policy, mask, state FROM jitmask.attach('ssn_last4', 'crm.customers.ssn');
SET search_path = crm, public;
SELECT "column", policy, mask, state FROM jitmask.attach('standard', ARRAY['customers.born', 'CUSTOMERS.balance']);
SELECT "column", policy, mask, state FROM jitmask.attach('mail', 'customers."E Mail"');
RESET search_path;
SELECT * FROM jitmask.masked_columns;

-- Everybody else sees the columns they may read, and no policies.
SET SESSION AUTHORIZATION regress_policies_reader;
SELECT "column", policy FROM jitmask.masked_columns;
SELECT count(*) FROM jitmask.policies;
SELECT * FROM crm.customers ORDER BY id;
SELECT * FROM jitmask.why('crm.customers.ssn');
SELECT jitmask.is_masked('crm.customers.ssn'), jitmask.is_masked('crm.customers.name');
SET SESSION AUTHORIZATION regress_policies_stranger;
SELECT count(*) FROM jitmask.masked_columns;
SELECT * FROM jitmask.why('crm.customers.ssn', 'regress_policies_reader');
:code
SET SESSION AUTHORIZATION regress_policies_admin;
SELECT masked, because, policy FROM jitmask.why('crm.customers.ssn', 'regress_policies_reader');

-- A second policy for some roles needs a priority of its own; the higher one wins.
SELECT * FROM jitmask.attach('nothing', 'crm.customers.ssn', to_roles => '{regress_policies_staff}');
:code
SELECT "column", policy, state FROM jitmask.attach('nothing', 'crm.customers.ssn', to_roles => '{regress_policies_staff}', priority => 5);
SELECT masked, because FROM jitmask.why('crm.customers.ssn', 'regress_policies_reader');
SELECT masked, because FROM jitmask.why('crm.customers.ssn', 'regress_policies_stranger');
SELECT * FROM jitmask.attach('nothing', 'crm.customers.ssn', priority => 9);
:code
SELECT * FROM jitmask.detach('crm.customers.ssn', 'nothing');

-- Roles left out of a policy read raw values; nobody leaves out a role of their own.
SELECT "column", policy, state FROM jitmask.attach('nothing', 'crm.customers.name', except_roles => '{regress_policies_staff}');
SELECT masked, because FROM jitmask.why('crm.customers.name', 'regress_policies_reader');
SELECT * FROM jitmask.attach('nothing', 'crm.customers.id', except_roles => '{regress_policies_admin}');
:code
SELECT * FROM jitmask.detach('crm.customers.name');

-- What can't carry a policy.
SELECT * FROM jitmask.attach('ssn_last4', 'crm.people.ssn');
:code
SELECT * FROM jitmask.attach('ssn_last4', 'pg_catalog.pg_authid.rolpassword');
:code
SELECT * FROM jitmask.attach('ssn_last4', 'jitmask.key_.secret');
:code
SELECT * FROM jitmask.attach('ssn_last4', 'crm.customers.ctid');
:code
SELECT * FROM jitmask.attach('standard', 'crm.customers.id', when_expr => 'id > 1');
:code

-- A partition alone would be raw through its parent; the parent's policy covers the partition.
SELECT * FROM jitmask.attach('standard', 'crm.orders_eu.card');
:code
SELECT "column", policy, state FROM jitmask.attach('standard', 'crm.orders.card');
SELECT "column", policy, inherited_from FROM jitmask.masked_columns WHERE policy = 'standard';
SELECT "column", policy, state FROM jitmask.attach('nothing', ARRAY['crm.orders_eu.id', 'crm.orders.id']);
SELECT * FROM jitmask.detach('crm.orders_eu.card');
:code
SELECT * FROM jitmask.detach(ARRAY['crm.orders.*', 'crm.orders_eu.*']);

-- Changing a policy: what is not named stays; a shorter maximum shortens the default; the mask must suit every column.
SELECT * FROM jitmask.alter_policy('standard', description => 'everything else', max_duration => '20 minutes', reason_pattern => '', purposes => '{}');
SELECT name, mask, description, default_duration, max_duration, reason_pattern, purposes, revision FROM jitmask.policies WHERE name = 'standard';
SELECT * FROM jitmask.alter_policy('standard', mask => 'mask_partial(value, 1, 1)');
:code
SELECT * FROM jitmask.alter_policy('ssn_last4', mask => 'mask_partial(value, 1, 0, ''#'')');
SET SESSION AUTHORIZATION regress_policies_reader;
SELECT ssn FROM crm.customers ORDER BY id;
SET SESSION AUTHORIZATION regress_policies_admin;

-- Dropping one that is attached is refused with the calls that would make it possible.
SELECT * FROM jitmask.drop_policy('standard');
:code
SELECT * FROM jitmask.detach('crm.customers.balance', 'standard');
SELECT * FROM jitmask.detach(ARRAY['crm.customers.*'], 'standard');
SELECT * FROM jitmask.drop_policy('standard');
SELECT * FROM jitmask.detach('crm.customers.born');
:code

-- The label goes with the column, and follows it through renames.
RESET SESSION AUTHORIZATION;
ALTER TABLE crm.customers RENAME COLUMN "E Mail" TO email;
ALTER TABLE crm.customers RENAME TO clients;
SELECT "column", policy FROM jitmask.masked_columns;
ALTER TABLE crm.clients DROP COLUMN email;
SELECT "column", policy FROM jitmask.masked_columns;

-- What is broken is listed, and masks.
SET SESSION AUTHORIZATION regress_policies_admin;
SELECT * FROM jitmask.health();
RESET SESSION AUTHORIZATION;
DELETE FROM jitmask.policy WHERE name = 'ssn_last4';
SELECT object, problem FROM jitmask.health() WHERE object LIKE 'crm.%';
SET SESSION AUTHORIZATION regress_policies_reader;
SELECT ssn FROM crm.clients ORDER BY id;
RESET SESSION AUTHORIZATION;

SELECT event, login, object, detail - 'rule' - 'rule_before' AS detail FROM jitmask.audit WHERE event LIKE 'policy%' ORDER BY seq;
SELECT detail -> 'rule_before' AS before, detail -> 'rule' AS after FROM jitmask.audit WHERE event = 'policy_altered' AND object = 'standard';
