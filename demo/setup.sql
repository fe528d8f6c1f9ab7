-- What stands before the story begins: a small shop's data and four logins. Run as the superuser, from the project's root.
CREATE EXTENSION jitmask;

CREATE TABLE customers (
    id      int PRIMARY KEY,
    name    text,
    email   text,
    ssn     text,
    card    text,
    iban    text,
    phone   text,
    dob     date,
    salary  numeric(12, 2),
    address text,
    ip      inet,
    notes   text,
    profile jsonb
);
\copy customers FROM PROGRAM 'gzip -dc tests/data/customers.csv.gz' WITH (FORMAT csv, HEADER)

-- Three orders a customer, made up from their numbers alone, so that they are the same in every demo.
CREATE TABLE orders AS
SELECT n AS id, 1 + (n * 7) % 5000 AS customer_id, date '2025-01-01' + n % 365 AS ordered, 5 + (n * 37) % 400 + 0.95 AS total
FROM generate_series(1, 15000) AS n;
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE INDEX ON orders (customer_id);

CREATE VIEW contact_sheet AS
SELECT id, name, coalesce(email, phone) AS reach, 'SSN ' || ssn AS tax_id FROM customers;

CREATE ROLE sam_support LOGIN;
CREATE ROLE alex_approver LOGIN;
CREATE ROLE ada_auditor LOGIN;
GRANT SELECT ON customers, orders, contact_sheet TO sam_support, alex_approver, ada_auditor;
ANALYZE customers, orders;
