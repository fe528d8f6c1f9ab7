-- A protected table that no other test has to do with: from here on jitmask is at work in this database.
CREATE SCHEMA jitmask_elsewhere;
CREATE TABLE jitmask_elsewhere.people (id int, ssn text);
INSERT INTO jitmask_elsewhere.people VALUES (1, '473-11-9921');
GRANT USAGE ON SCHEMA jitmask_elsewhere TO PUBLIC;
GRANT SELECT ON jitmask_elsewhere.people TO PUBLIC;
SELECT state FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT state FROM jitmask.attach('last4', 'jitmask_elsewhere.people.ssn');
