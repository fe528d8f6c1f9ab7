-- Dropping the extension is the off switch: not by accident, and what was protected is not raw when it comes back.
SET client_min_messages = warning;
CREATE ROLE regress_extension_user LOGIN;
CREATE TABLE people (id int, ssn text);
INSERT INTO people VALUES (1, '111-22-3333');
GRANT SELECT ON people TO regress_extension_user;
SELECT state FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT state FROM jitmask.attach('last4', 'people.ssn');
SET ROLE regress_extension_user;
PREPARE reads AS SELECT * FROM people;
EXECUTE reads;
DROP EXTENSION jitmask CASCADE;
RESET ROLE;
DROP EXTENSION jitmask;
DROP EXTENSION jitmask CASCADE;
-- Raw: nothing of jitmask is there.
SET ROLE regress_extension_user;
EXECUTE reads;
SELECT * FROM people;
RESET ROLE;
-- The label is still on the column; its policy is gone, so the column is NULL until there is one of that name.
CREATE EXTENSION jitmask;
SET ROLE regress_extension_user;
EXECUTE reads;
SELECT * FROM people;
RESET ROLE;
SELECT object, problem FROM jitmask.health() WHERE object LIKE 'public.%';
SELECT state FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SET ROLE regress_extension_user;
EXECUTE reads;
RESET ROLE;
SELECT state FROM jitmask.detach('people.ssn');
DROP EXTENSION jitmask;
