//! The questions to the catalogs: for each kind of thing that can show something of a column, one query.
//!
//! Each takes relations ($1), column numbers ($2) and policies ($3) and gives: relation, column number, object, who holds
//! it, the owners of the code in it, what it shows, what to do, and the other column where there is one.

use super::exposures::Severity;

/// What makes it an exposure.
#[derive(Clone, Copy, Debug)]
pub enum Listed {
    /// It is one, and raw if the code in it is a stranger's.
    Always(Severity),
    /// Only if the code in it is a stranger's.
    CodeOfStrangers,
    /// Only if the other column is not protected.
    IfOtherIsBare,
    /// Only if whoever holds it reads raw values.
    IfHolderReadsRaw,
    /// Only if whoever holds it is masked.
    IfHolderIsMasked,
}

/// One question.
pub struct Question {
    /// The kind of what it finds.
    pub kind: &'static str,
    /// What makes it an exposure.
    pub listed: Listed,
    /// The query.
    pub sql: String,
}

/// The columns asked about, with their names.
const ASKED: &str = "WITH a AS (
    SELECT u.relid, u.attnum, u.policy, c.relname, c.relowner, c.relkind, c.relacl, c.relreplident, n.nspname,
           t.attname, t.atttypid, t.attacl, quote_ident(t.attname) AS col,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS rel
      FROM unnest($1::oid[], $2::int2[], $3::text[]) AS u(relid, attnum, policy)
      JOIN pg_class c ON c.oid = u.relid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute t ON t.attrelid = u.relid AND t.attnum = u.attnum)
    ";

/// Owners of the functions that an object calls, as recorded; built-in ones are not.
fn code_of(class: &str, object: &str) -> String {
    format!(
        "ARRAY(SELECT DISTINCT its_f.proowner FROM pg_depend its
                 LEFT JOIN pg_operator its_o ON its.refclassid = 'pg_operator'::regclass AND its_o.oid = its.refobjid
                 JOIN pg_proc its_f
                   ON its_f.oid = CASE WHEN its.refclassid = 'pg_proc'::regclass THEN its.refobjid ELSE its_o.oprcode END
                WHERE its.classid = '{class}'::regclass AND its.objid = {object})"
    )
}

/// Whether an object is recorded as reading the column, or may read it by way of a whole row.
fn reads(class: &str, object: &str, text: &str) -> String {
    format!(
        "(EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{class}'::regclass AND d.objid = {object}
                     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.relid AND d.refobjsubid = a.attnum)
          AND strpos({text}, a.col) > 0 OR {text} LIKE '%.*%')"
    )
}

const NOBODY: &str = "NULL::oid[]";

/// All questions.
pub fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    let mut add = |kind, listed, select: &str, code: &str, object: [&str; 4], from: &str, other: &str| {
        let [object, held_by, shows, remedy] = object;
        let number = match kind {
            "trigger" | "foreign_table" | "replica_identity" => "0::int2",
            "privilege" => "CASE x.part WHEN '' THEN 0 ELSE a.attnum END::int2",
            _ => "a.attnum",
        };
        let sql = format!(
            "{ASKED}SELECT a.relid, {number}, {object}, {held_by}, {code}, {shows}, {remedy}, {other} FROM a {select} {from}"
        );
        all.push(Question { kind, listed, sql });
    };
    const NONE: &str = "NULL::oid, NULL::int2";
    let index_text =
        "coalesce(pg_get_expr(x.indexprs, x.indrelid), '') || ' ' || coalesce(pg_get_expr(x.indpred, x.indrelid), '')";
    add(
        "index",
        Listed::Always(Severity::Hint),
        "JOIN pg_index x ON x.indrelid = a.relid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace m ON m.oid = i.relnamespace",
        &code_of("pg_class", "x.indexrelid"),
        [
            "format('index %I.%I', m.nspname, i.relname)",
            "i.relowner",
            "'its expression or condition is computed from stored values'",
            "format('DROP INDEX %I.%I;', m.nspname, i.relname)",
        ],
        &format!(
            "WHERE (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL) AND {}",
            reads("pg_class", "x.indexrelid", &format!("({index_text})"))
        ),
        NONE,
    );
    add(
        "unique_index",
        Listed::Always(Severity::Hint),
        "JOIN pg_index x ON x.indrelid = a.relid AND (x.indisunique OR x.indisexclusion)
              AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])
         JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace m ON m.oid = i.relnamespace",
        NOBODY,
        [
            "format('index %I.%I', m.nspname, i.relname)",
            "i.relowner",
            "'a duplicate is refused: whoever may write can find out whether a value is there'",
            "format('Give INSERT and UPDATE on %s only to those who may know that.', a.rel)",
        ],
        "",
        NONE,
    );
    add(
        "check",
        Listed::Always(Severity::Hint),
        "JOIN pg_constraint x ON x.conrelid = a.relid AND x.contype = 'c' AND (a.attnum = ANY (x.conkey) OR 0 = ANY (x.conkey))",
        &code_of("pg_constraint", "x.oid"),
        [
            "format('constraint %I on %s', x.conname, a.rel)",
            "a.relowner",
            "'it tells what a value may be, and runs over stored values'",
            "format('ALTER TABLE %s DROP CONSTRAINT %I;', a.rel, x.conname)",
        ],
        "",
        NONE,
    );
    add(
        "statistics",
        Listed::Always(Severity::Hint),
        "JOIN pg_statistic_ext x ON x.stxrelid = a.relid JOIN pg_namespace m ON m.oid = x.stxnamespace",
        &code_of("pg_statistic_ext", "x.oid"),
        [
            "format('statistics %I.%I', m.nspname, x.stxname)",
            "x.stxowner",
            "'row estimates in EXPLAIN rest on it'",
            "format('DROP STATISTICS %I.%I;', m.nspname, x.stxname)",
        ],
        "WHERE a.attnum = ANY (x.stxkeys::int2[])
            OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = x.oid
                          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.relid AND d.refobjsubid = a.attnum)",
        NONE,
    );
    add(
        "generated_column",
        Listed::CodeOfStrangers,
        "JOIN pg_attrdef x ON x.adrelid = a.relid JOIN pg_attribute g ON g.attrelid = x.adrelid AND g.attnum = x.adnum AND g.attgenerated <> ''",
        &code_of("pg_attrdef", "x.oid"),
        [
            "format('column %s.%I', a.rel, g.attname)",
            "a.relowner",
            "'it is computed from stored values when a row is written'",
            "format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION;', a.rel, g.attname)",
        ],
        &format!("WHERE {}", reads("pg_attrdef", "x.oid", "pg_get_expr(x.adbin, x.adrelid)")),
        NONE,
    );
    add(
        "type",
        Listed::CodeOfStrangers,
        "JOIN pg_type x ON x.oid = a.atttypid AND x.typtype = 'd' JOIN pg_constraint k ON k.contypid = x.oid",
        &code_of("pg_constraint", "k.oid"),
        [
            "format('constraint %I of domain %s', k.conname, format_type(x.oid, NULL))",
            "x.typowner",
            "'it runs over each value that is written'",
            "format('ALTER DOMAIN %s DROP CONSTRAINT %I;', format_type(x.oid, NULL), k.conname)",
        ],
        "",
        NONE,
    );
    add(
        "trigger",
        Listed::CodeOfStrangers,
        "JOIN pg_trigger x ON x.tgrelid = a.relid AND NOT x.tgisinternal
              AND ((x.tgtype & 1) = 1 OR x.tgoldtable IS NOT NULL OR x.tgnewtable IS NOT NULL)
         JOIN pg_proc p ON p.oid = x.tgfoid",
        // Its own function, and those of its WHEN condition.
        &code_of("pg_trigger", "x.oid"),
        [
            "format('trigger %I on %s', x.tgname, a.rel)",
            "p.proowner",
            "'its function gets the old and new rows of whoever may write'",
            "format('DROP TRIGGER %I ON %s;', x.tgname, a.rel)",
        ],
        "",
        NONE,
    );
    add(
        "rule",
        Listed::Always(Severity::Raw),
        "JOIN pg_rewrite x ON x.ev_class = a.relid AND x.rulename <> '_RETURN'",
        &code_of("pg_rewrite", "x.oid"),
        [
            "format('rule %I on %s', x.rulename, a.rel)",
            "a.relowner",
            "'its actions get the old and new values of whoever may write, and may put them elsewhere'",
            "format('DROP RULE %I ON %s;', x.rulename, a.rel)",
        ],
        &format!("WHERE {}", reads("pg_rewrite", "x.oid", "pg_get_ruledef(x.oid)")),
        NONE,
    );
    add(
        "row_policy",
        Listed::Always(Severity::Hint),
        "JOIN pg_policy x ON x.polrelid = a.relid",
        // Conditions of strangers see masks.
        NOBODY,
        [
            "format('policy %I on %s', x.polname, a.rel)",
            "a.relowner",
            "'whether a row shows may depend on the stored value'",
            "format('DROP POLICY %I ON %s;', x.polname, a.rel)",
        ],
        &format!(
            "WHERE {}",
            reads(
                "pg_policy",
                "x.oid",
                "(coalesce(pg_get_expr(x.polqual, x.polrelid), '') || ' ' || coalesce(pg_get_expr(x.polwithcheck, x.polrelid), ''))"
            )
        ),
        NONE,
    );
    add(
        "publication",
        Listed::Always(Severity::Raw),
        "JOIN pg_publication_tables x ON x.schemaname = a.nspname AND x.tablename = a.relname AND a.attname = ANY (x.attnames)
         JOIN pg_publication p ON p.pubname = x.pubname",
        NOBODY,
        [
            "format('publication %I', p.pubname)",
            "p.pubowner",
            "'subscribers get raw values'",
            "CASE WHEN EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = a.relid)
                  THEN format('ALTER PUBLICATION %I DROP TABLE %s;', p.pubname, a.rel)
                  ELSE format('Publish tables by name: DROP PUBLICATION %I;', p.pubname) END",
        ],
        "",
        NONE,
    );
    add(
        "replica_identity",
        Listed::Always(Severity::Hint),
        "",
        NOBODY,
        [
            "format('replica identity of %s', a.rel)",
            "a.relowner",
            "'old values of the column go into the stream of logical replication'",
            "format('ALTER TABLE %s REPLICA IDENTITY DEFAULT;', a.rel)",
        ],
        "WHERE a.relreplident = 'f' OR a.relreplident = 'i' AND EXISTS (SELECT FROM pg_index x
            WHERE x.indrelid = a.relid AND x.indisreplident AND a.attnum = ANY (x.indkey::int2[]))",
        NONE,
    );
    add(
        "function",
        Listed::IfHolderReadsRaw,
        "JOIN pg_proc p ON p.prosecdef AND p.oid >= 16384 JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
         JOIN pg_namespace m ON m.oid = p.pronamespace AND m.nspname <> 'jitmask'",
        NOBODY,
        [
            "format('function %s', p.oid::regprocedure)",
            "p.proowner",
            "'it runs as its owner, who reads raw values, and names the table: read what it gives to its callers'",
            "format('REVOKE EXECUTE ON ROUTINE %s FROM %s;', p.oid::regprocedure, (
                SELECT string_agg(CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END, ', ')
                  FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) e
                 WHERE e.privilege_type = 'EXECUTE' AND e.grantee <> p.proowner))",
        ],
        // The table itself, and views over it.
        "WHERE EXISTS (
             WITH RECURSIVE over(relid, relname) AS (
                 SELECT a.relid, a.relname
                 UNION
                 SELECT c.oid, c.relname FROM over
                   JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = over.relid
                                   AND d.classid = 'pg_rewrite'::regclass
                   JOIN pg_rewrite r ON r.oid = d.objid
                   JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v')
             SELECT FROM over
              WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                               AND d.refclassid = 'pg_class'::regclass AND d.refobjid = over.relid
                               AND (d.refobjsubid IN (0, a.attnum) OR over.relid <> a.relid))
                 OR p.prosqlbody IS NULL
                    AND p.prosrc ~* ('\\m' || regexp_replace(over.relname, '(\\W)', '\\\\\\1', 'g') || '\\M'))
           AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) e
                        WHERE e.privilege_type = 'EXECUTE' AND e.grantee <> p.proowner)",
        NONE,
    );
    add(
        "privilege",
        Listed::IfHolderIsMasked,
        "CROSS JOIN LATERAL (SELECT e.grantee, e.privilege_type, '' AS part FROM aclexplode(a.relacl) e
                             UNION ALL
                             SELECT e.grantee, e.privilege_type, ' (' || a.col || ')' FROM aclexplode(a.attacl) e) AS x",
        NOBODY,
        [
            "format('%s%s on %s', x.privilege_type, x.part, a.rel)",
            "x.grantee",
            "'for putting code or references on the table; refused while its holder is masked'",
            "format('REVOKE %s%s ON %s FROM %s;', x.privilege_type, x.part, a.rel,
                    CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END)",
        ],
        "WHERE x.privilege_type IN ('TRIGGER', 'REFERENCES', 'MAINTAIN') AND x.grantee <> a.relowner",
        NONE,
    );
    add(
        "partition_key",
        Listed::Always(Severity::Part),
        "JOIN pg_partitioned_table x ON x.partrelid = a.relid",
        NOBODY,
        [
            "format('partition key of %s', a.rel)",
            "a.relowner",
            "'tableoid, and the names and bounds of the partitions, tell in which of them a value is'",
            "format('Partition %s by another column, or by HASH.', a.rel)",
        ],
        "WHERE a.attnum = ANY (x.partattrs::int2[])
            OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = a.relid
                          AND d.objsubid = a.attnum AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.relid
                          AND d.refobjsubid = 0 AND d.deptype = 'i')",
        NONE,
    );
    add(
        "foreign_table",
        Listed::Always(Severity::Raw),
        "JOIN pg_foreign_table x ON x.ftrelid = a.relid JOIN pg_foreign_server s ON s.oid = x.ftserver",
        NOBODY,
        [
            "format('server %I', s.srvname)",
            "s.srvowner",
            "'the values are on another server, which masks nothing for whoever connects there'",
            "'Attach a policy there, too.'",
        ],
        "",
        NONE,
    );
    add(
        "foreign_key",
        Listed::IfOtherIsBare,
        "JOIN pg_constraint x ON x.contype = 'f' AND x.conparentid = 0 AND a.relid IN (x.conrelid, x.confrelid)
         CROSS JOIN LATERAL (
             SELECT x.conrelid AS relid, x.conkey[k.place] AS attnum FROM generate_subscripts(x.confkey, 1) AS k(place)
              WHERE a.relid = x.confrelid AND x.confkey[k.place] = a.attnum
             UNION
             SELECT x.confrelid, x.confkey[k.place] FROM generate_subscripts(x.conkey, 1) AS k(place)
              WHERE a.relid = x.conrelid AND x.conkey[k.place] = a.attnum) AS b
         JOIN pg_class c ON c.oid = b.relid JOIN pg_namespace m ON m.oid = c.relnamespace
         JOIN pg_attribute t ON t.attrelid = b.relid AND t.attnum = b.attnum",
        NOBODY,
        [
            "format('column %I.%I.%I', m.nspname, c.relname, t.attname)",
            "c.relowner",
            "format('foreign key %I: that column holds the same values and is not protected', x.conname)",
            "format('SELECT * FROM jitmask.attach(%L, %L);', a.policy, format('%I.%I.%I', m.nspname, c.relname, t.attname))",
        ],
        "",
        "b.relid, b.attnum",
    );
    all
}
