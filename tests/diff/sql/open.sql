-- Rows of the tables that hold nothing protected: the same on both sides, with values that masked ones may be equal to.
INSERT INTO words SELECT i, (ARRAY['one', 'two', '*********ab', '*********n1', 'a***@***.com', '***', '4', NULL, 'KODE', '0', 'S'])[i],
    NULLIF(i % 7, 6), date '1990-01-01' + i, CASE WHEN i % 2 = 0 THEN '***' END FROM generate_series(1, 11) AS i;
INSERT INTO pairs SELECT i % 4, i % 3, CASE i % 3 WHEN 0 THEN '***' WHEN 1 THEN 'one' END, i FROM generate_series(1, 9) AS i;
ANALYZE;
