-- # 5. Alex takes the first grant back
-- Sam's half hour is not over, but the ticket is.
-- @sam_support
-- @shows 473-11-4137
SELECT id, ssn FROM customers WHERE id = 1;
-- @alex_approver
SELECT * FROM jitmask.revoke(1, 'ticket 4711 is closed');
-- @sam_support
-- @hides 473-11-4137
SELECT id, ssn FROM customers WHERE id = 1;
