-- # 3. Sam asks, Alex approves
-- A tax id is wrong, and Sam needs to see the real ones for half an hour.
-- @sam_support
SELECT id, state, deciders, message
FROM jitmask.request('customers.ssn', reason => 'ticket 4711: wrong tax id', duration => '30 minutes');

-- Nothing changes until somebody else has decided.
-- @hides 473-11-4137
SELECT id, name, ssn FROM customers WHERE id = 1;

-- Alex sees what is waiting, and approves.
-- @alex_approver
-- @shows ticket 4711
SELECT id, requester, columns, reason, duration, time_left FROM jitmask.pending_requests;
SELECT * FROM jitmask.approve(1, 'go ahead');

-- Sam never logged out: the same session, the same query, raw now. Only the column that was asked for.
-- @sam_support
-- @shows 473-11-4137
-- @hides comptonrickey
SELECT id, name, ssn, email FROM customers ORDER BY id LIMIT 4;
-- @shows 473-11-4137
SELECT * FROM contact_sheet WHERE id <= 3 ORDER BY id;

-- It is Sam's grant and nobody else's. Alex, who approved it, reads:
-- @alex_approver
-- @hides 473-11-4137
SELECT id, name, ssn FROM customers WHERE id = 1;
