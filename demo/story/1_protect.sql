-- # 1. The DBA protects three columns
-- A policy is a name for a mask; attaching it to a column protects the column for everybody, in every statement.
-- @postgres
SELECT policy, mask FROM jitmask.create_policy('ssn_last4', 'mask_partial(value, 0, 4)');
SELECT policy, mask FROM jitmask.create_policy('email_hint', 'mask_email(value)');
SELECT policy, mask FROM jitmask.create_policy('card_last4', 'mask_partial(value, 0, 4)');

SELECT "column", policy, state FROM jitmask.attach('ssn_last4', 'public.customers.ssn');
SELECT "column", policy, state FROM jitmask.attach('email_hint', 'public.customers.email');
SELECT "column", policy, state FROM jitmask.attach('card_last4', 'public.customers.card');

-- Rights are rows in this database: Alex decides requests, Ada reads the trail.
SELECT * FROM jitmask.grant_right('alex_approver', 'approver');
SELECT * FROM jitmask.grant_right('ada_auditor', 'auditor');
