-- Rows of the protected tables. Each raw value of a protected column carries a marker: texts RAWZQ, integers 777 and six
-- digits, numerics 8888 and four digits, dates and times the years 2777 and 3777, and so on. Nothing else holds these.
INSERT INTO people (id, name, mail, dept, born, pay, score, note, code, tags, meta, home, active, word)
SELECT i,
    CASE WHEN i % 9 = 0 THEN NULL WHEN i % 11 = 0 THEN '' ELSE 'RAWZQ-' || lpad(i::text, 3, '0') || (ARRAY['n1','ab','Äß','%_'])[1 + i % 4] END,
    CASE WHEN i % 8 = 0 THEN NULL ELSE chr(97 + i % 3) || 'rawzq' || i || '@rawzq.' || CASE WHEN i % 2 = 0 THEN 'com' ELSE 'zq' END END,
    CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 END,
    CASE WHEN i % 6 = 0 THEN NULL ELSE date '2777-01-01' + i * 3 END,
    CASE WHEN i % 10 = 0 THEN NULL ELSE 88880000 + i + 0.25 END,
    CASE WHEN i % 12 = 0 THEN NULL ELSE 777000000 + i * 7 END,
    CASE WHEN i % 5 = 0 THEN NULL ELSE 'RAWZQ' || i END,
    CASE WHEN i % 13 = 0 THEN NULL ELSE 'RAWZQ' || i % 10 END,
    CASE WHEN i % 3 = 0 THEN NULL ELSE ARRAY['RAWZQ' || i, 'b'] END,
    CASE WHEN i % 4 = 0 THEN NULL ELSE jsonb_build_object('name', 'RAWZQ' || i, 'n', 777000000 + i) END,
    CASE WHEN i % 3 = 1 THEN NULL ELSE ROW('RAWZQ street', 777000000 + i)::addr END,
    CASE WHEN i % 4 = 0 THEN NULL ELSE i % 3 = 0 END,
    CASE WHEN i % 5 = 0 THEN NULL ELSE (ARRAY['one', 'two', 'three', '4', '*********n1'])[1 + i % 5] END
FROM generate_series(1, 26) AS i;
INSERT INTO dept SELECT i, 'dept ' || i, CASE WHEN i <> 3 THEN 88880000 + i * 1000 + 0.5 END, NULLIF(i * 3 % 7, 0), CASE WHEN i <> 5 THEN date '2777-05-01' + i END
FROM generate_series(0, 6) AS i;
INSERT INTO orders SELECT i, (ARRAY['n', 's', 'w'])[1 + i % 3], NULLIF(i % 6, 5), NULLIF(i % 28, 0),
    CASE WHEN i % 7 = 0 THEN NULL ELSE (10 + i % 4) || '-RAWZQ-' || i END,
    CASE WHEN i % 9 = 0 THEN NULL ELSE 88880000 + i * 3 + 0.75 END,
    CASE WHEN i % 8 = 0 THEN NULL ELSE timestamptz '2777-03-01 10:00+00' + i * interval '1 hour' END
FROM generate_series(1, 30) AS i;
INSERT INTO animal SELECT i, 'kind ' || i % 2, CASE WHEN i <> 4 THEN 'RAWZQ chip ' || i % 3 END, i, i + 0.5 FROM generate_series(1, 6) AS i;
INSERT INTO dog SELECT i, 'dog', 'RAWZQ chip ' || i % 4, NULLIF(i, 12), i + 0.25, i % 2 = 0, CASE WHEN i <> 11 THEN 'RAWZQ secret ' || i END FROM generate_series(10, 15) AS i;
INSERT INTO cat (id, kind, chip, owner, weight, lives) SELECT i, 'cat', CASE WHEN i <> 21 THEN 'RAWZQ chip ' || i % 4 END, i - 19, i - 0.5, 9 FROM generate_series(20, 24) AS i;
INSERT INTO vault SELECT i, 777000000 + i, 'RAWZQ label ' || i % 4, (ARRAY['one', 'two', NULL])[1 + i % 3] FROM generate_series(1, 12) AS i;
INSERT INTO misc SELECT i % 6,
    CASE WHEN i % 5 <> 0 THEN ('deadfa11-0000-4000-8000-00000000000' || i % 4)::uuid END,
    CASE WHEN i % 4 <> 0 THEN ('203.0.113.' || i)::inet END,
    CASE WHEN i % 6 <> 0 THEN ('RAWZQ' || i % 2)::bytea END,
    CASE WHEN i % 7 <> 0 THEN i % 2 = 0 END,
    CASE WHEN i % 5 <> 1 THEN 777000000000 + i % 9 END,
    CASE WHEN i % 6 <> 1 THEN timestamp '3777-06-01 12:00' + i % 4 * interval '1 day' END,
    CASE WHEN i % 3 <> 1 THEN ARRAY[777000000 + i, 777000000] END,
    (ARRAY['sad', 'fine', NULL, 'glad'])[1 + i % 4]::mood,
    CASE WHEN i % 4 <> 2 THEN date '2777-07-01' + i % 3 END,
    CASE WHEN i % 5 <> 3 THEN 'RAWZQ' || i % 3 END,
    CASE WHEN i % 6 <> 3 THEN 'RAWZQ' || i % 4 END,
    CASE WHEN i % 6 <> 4 THEN 777000000 + i END,
    CASE WHEN i % 6 <> 5 THEN 88880000 + i + 0.5 END,
    CASE WHEN i % 4 <> 3 THEN i % 3 = 0 END
FROM generate_series(1, 16) AS i, generate_series(1, 1 + (i % 5 = 0)::int) AS twice;
INSERT INTO secured SELECT i, i % 6, 'RAWZQ value ' || i % 5, 777000000 + i FROM generate_series(1, 15) AS i;
INSERT INTO narrow SELECT i, 'RAWZQ' || i, 'hidden', i FROM generate_series(1, 5) AS i;
INSERT INTO notes SELECT i, NULLIF(i, 3), CASE WHEN i <> 4 THEN 'RAWZQ note ' || i END FROM generate_series(1, 6) AS i;
