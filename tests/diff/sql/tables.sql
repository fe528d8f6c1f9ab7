-- The tables, made twice: in schema prot, where columns get masks, and in schema twin, which is filled with what the
-- masks make of the values. A generated column is generated in both: from what is stored, and from what the mask of the
-- generated column makes of it.
CREATE TYPE mood AS ENUM ('sad', 'fine', 'glad');
CREATE TYPE addr AS (street text, zip int);
CREATE DOMAIN mail AS text CHECK (length(VALUE) < 200);
CREATE DOMAIN small AS int CHECK (VALUE < 800000000);
CREATE DOMAIN cash AS numeric(10,2);

CREATE TABLE people (
    id int PRIMARY KEY,
    gone1 int,
    name text,
    mail mail,
    dept int,
    born date,
    pay numeric(10,2) @only_prot CHECK (pay > 88000000 OR pay < 5000)@,
    score int,
    note varchar(12),
    code char(6),
    gone2 text DEFAULT 'dropped',
    tags text[],
    meta jsonb,
    home addr,
    active boolean,
    word text,
    same text @generated name | name@,
    low text @generated lower(name) | NULL::text@
);
ALTER TABLE people DROP COLUMN gone1, DROP COLUMN gone2;
CREATE INDEX ON people (name);
CREATE INDEX ON people (score, dept);
CREATE INDEX ON people (dept);
CREATE UNIQUE INDEX ON people (id) INCLUDE (word);
@only_prot CREATE UNIQUE INDEX ON people (mail);@

CREATE TABLE dept (id int PRIMARY KEY, dname text NOT NULL, budget numeric(12,2), boss int, since date);
@only_prot CREATE UNIQUE INDEX ON dept (budget);@

-- One partition has its columns in another order and a dropped one before them.
CREATE TABLE orders (
    id int NOT NULL, region text NOT NULL, dept int, person int, card text, amount numeric(10,2), placed timestamptz,
    PRIMARY KEY (id, region)
) PARTITION BY LIST (region);
CREATE TABLE orders_n PARTITION OF orders FOR VALUES IN ('n');
CREATE TABLE orders_s PARTITION OF orders FOR VALUES IN ('s') PARTITION BY RANGE (id);
CREATE TABLE orders_s1 PARTITION OF orders_s FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE orders_s2 PARTITION OF orders_s FOR VALUES FROM (10) TO (MAXVALUE);
CREATE TABLE orders_d (
    old int, amount numeric(10,2), card text, placed timestamptz, person int, dept int, region text NOT NULL, id int NOT NULL
);
ALTER TABLE orders_d DROP COLUMN old;
ALTER TABLE orders ATTACH PARTITION orders_d DEFAULT;
CREATE INDEX ON orders (card);
CREATE INDEX ON orders (person);

CREATE TABLE animal (id int PRIMARY KEY, kind text, chip text, owner int, weight numeric(6,2));
CREATE TABLE dog (barks boolean, secret text, PRIMARY KEY (id)) INHERITS (animal);
CREATE TABLE cat (lives int, chip text, weight numeric(6,2), kind text, owner int, id int PRIMARY KEY);
ALTER TABLE cat INHERIT animal;
CREATE INDEX ON dog (chip);

-- Partitioned by a protected column. Masked values would be routed elsewhere, so the twin has it by another column.
CREATE TABLE vault (k int NOT NULL, pin int NOT NULL, label text, word text) PARTITION BY RANGE (@either pin | k@);
CREATE TABLE vault_1 PARTITION OF vault FOR VALUES FROM (@either 777000000 | 0@) TO (@either 777000006 | 6@);
CREATE TABLE vault_2 PARTITION OF vault FOR VALUES FROM (@either 777000006 | 6@) TO (MAXVALUE);
CREATE TABLE vault_d PARTITION OF vault DEFAULT;

-- No key, rows that occur twice, many types.
CREATE TABLE misc (
    k int, uid uuid, ip inet, bin bytea, flag boolean, big bigint, at timestamp, ips int[], feel mood, day date, bits varchar(8),
    nick varchar, small small, cash cash, paid boolean
);
CREATE INDEX ON misc (big);
CREATE INDEX ON misc (k);

CREATE TABLE secured (id int PRIMARY KEY, team int, val text, lvl int);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
-- It reads a protected column, raw; the mask keeps what it asks for, so the twin must agree.
CREATE POLICY mine ON secured USING (team < 3 OR id % 5 = 0 OR lvl % 2 = 1) WITH CHECK (team < 4 OR lvl % 2 = 1);

CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE ON UPDATE CASCADE, note text);

-- Nothing protected.
CREATE TABLE words (id int PRIMARY KEY, word text, n int, day date, note varchar(12));
CREATE TABLE pairs (a int, b int, name text, score int);
CREATE POLICY listed ON secured AS RESTRICTIVE USING (EXISTS (SELECT FROM words w WHERE w.id % 4 = team % 4));

-- Not everything may be read.
CREATE TABLE narrow (id int PRIMARY KEY, sec text, hid text, n int);

-- Triggers of the owner's, which look at nothing protected.
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.dname := rtrim(left(NEW.dname, 10), '!') || '!'; RETURN NEW; END$$;
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON dept FOR EACH ROW EXECUTE FUNCTION shout();
CREATE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN RAISE NOTICE 'row gone %', (SELECT array_agg(id ORDER BY id) FROM before);
        ELSE RAISE NOTICE 'row new %', (SELECT array_agg((id, word) ORDER BY id) FROM after);
        END IF;
        RETURN NULL;
    END$$;
CREATE TRIGGER tally_insert AFTER INSERT ON people REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION tally();
CREATE TRIGGER tally_update AFTER UPDATE ON people REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION tally();
CREATE TRIGGER tally_delete AFTER DELETE ON people REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION tally();
