-- # 4. A grant runs out in front of the reader
-- Now an e-mail address, for one second.
-- @sam_support
SELECT id, state, message FROM jitmask.request('customers.email', reason => 'ticket 4712: bounced mail', duration => '1 second');
-- @alex_approver
SELECT * FROM jitmask.approve(2);
-- @sam_support
-- @shows comptonrickey@example.org
SELECT id, email FROM customers WHERE id = 1;
SELECT pg_sleep(1.1);
-- @hides comptonrickey
SELECT id, email FROM customers WHERE id = 1;
