-- preview_as: what another role would see, for administrators; and never a way to more.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_preview_admin LOGIN;
CREATE ROLE regress_preview_desk;
CREATE ROLE regress_preview_etl;
CREATE ROLE regress_preview_user LOGIN;
GRANT regress_preview_desk, regress_preview_etl TO regress_preview_admin;
SELECT state FROM jitmask.grant_right('regress_preview_admin', 'admin');
CREATE TABLE people (id int PRIMARY KEY, ssn text);
INSERT INTO people VALUES (1, '111-22-3333'), (2, NULL);
GRANT SELECT ON people TO regress_preview_desk, regress_preview_etl;
SELECT state FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT state FROM jitmask.attach('last4', 'people.ssn');
SELECT state FROM jitmask.exempt('regress_preview_etl', 'loads');
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'SELECT * FROM people ORDER BY id');
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'SELECT * FROM people ORDER BY id;', rows => 1);
SELECT * FROM jitmask.preview_as('regress_preview_user', 'SELECT * FROM people');
:code
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'DELETE FROM people RETURNING *');
:code
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'SELECT 1 AS a) AS preview; CREATE TABLE stays (a int); SELECT preview FROM (SELECT 1 AS a');
:code
SELECT * FROM jitmask.preview_as('no_such_role', 'SELECT 1');
:code
-- An administrator sees what the role sees, if it could become the role; not what exempt roles see.
CREATE TABLE other (ssn text);
CREATE ROLE regress_preview_out;
GRANT regress_preview_out TO regress_preview_admin;
GRANT SELECT ON other TO regress_preview_out;
SELECT state FROM jitmask.attach('last4', 'other.ssn', except_roles => '{regress_preview_out}');
SELECT * FROM jitmask.preview_as('pg_execute_server_program', 'SELECT 1');
:code
SET SESSION AUTHORIZATION regress_preview_admin;
SELECT * FROM jitmask.preview_as('regress_preview_out', 'SELECT * FROM other');
:code
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'SELECT * FROM people ORDER BY id');
SELECT * FROM jitmask.preview_as('regress_preview_etl', 'SELECT * FROM people ORDER BY id');
:code
SELECT * FROM jitmask.preview_as('regress_preview_user', 'SELECT 1');
:code
SELECT * FROM jitmask.preview_as(current_setting('is_superuser'), 'SELECT 1');
:code
SET SESSION AUTHORIZATION regress_preview_user;
SELECT * FROM jitmask.preview_as('regress_preview_desk', 'SELECT * FROM people');
:code
