-- # 2. Sam from support sees masked rows
-- Sam holds SELECT on everything here. In a table:
-- @sam_support
-- @hides 473-11-4137
-- @hides comptonrickey
-- @shows 4137
SELECT id, name, ssn, email, card FROM customers ORDER BY id LIMIT 4;

-- through a view of the DBA's:
-- @hides 473-11-4137
-- @shows 4137
SELECT * FROM contact_sheet WHERE id <= 3 ORDER BY id;

-- and through a join:
-- @hides 473-11-4137
SELECT c.name, c.ssn, count(*) AS orders, sum(o.total) AS spent
FROM customers c JOIN orders o ON o.customer_id = c.id
WHERE c.id <= 3 GROUP BY c.id ORDER BY c.id;

-- Guessing doesn't help: the comparison sees the mask as well, so the right number finds nobody.
-- @shows (0 rows)
SELECT id FROM customers WHERE ssn = '473-11-4137';
