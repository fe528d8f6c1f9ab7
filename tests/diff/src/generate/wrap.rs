//! The ways a query is run: as it is, by the extended protocol, prepared, through cursors, functions, views, copies.

use super::Gen;
use crate::schema::{TABLES, Ty};
use crate::script::{Compare, Script, Step};

impl Gen<'_> {
    pub(super) fn script(&mut self, writes: bool) -> Script {
        if writes && self.tape.chance(30) {
            if self.tape.chance(15) {
                self.params = Some(Vec::new());
            }
            let steps = self.writes();
            return Script { steps, shapes: std::mem::take(&mut self.shapes), expects: self.expects };
        }
        let way = self.tape.weighted(&[24, 6, 5, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1]);
        if way == 12 {
            return Script {
                steps: self.whole_tables(),
                shapes: std::mem::take(&mut self.shapes),
                expects: self.expects,
            };
        }
        // Where the text is put into another statement, it can't have parameters.
        if matches!(way, 1 | 2) {
            self.params = Some(Vec::new());
        }
        let top = matches!(way, 0..=3);
        let query = self.query(&Vec::new(), None, top);
        let sql = query.sql.clone();
        let compare = if query.ordered { Compare::InOrder } else { Compare::AnyOrder };
        let names: Vec<String> = (1..=query.columns.len()).map(|n| format!("c{n}")).collect();
        let list = names.join(", ");
        let casts: Vec<String> =
            query.columns.iter().zip(&names).map(|((_, ty), name)| format!("q.{name}::{}", ty.sql())).collect();
        let casts = casts.join(", ");
        let outputs: Vec<String> =
            query.columns.iter().zip(&names).map(|((_, ty), name)| format!("{name} {}", ty.sql())).collect();
        let outputs = outputs.join(", ");
        let simple = |sql: String, compare| Step::simple(sql, compare);
        let steps = match way {
            1 => self.extended(sql, compare, query.ordered),
            2 => self.prepared(&sql, compare),
            3 => {
                let binary =
                    !sql.contains(".*") && !query.columns.iter().any(|(_, ty)| matches!(ty, Ty::Row(_) | Ty::Other(_)));
                self.cursor(&sql, query.ordered, binary)
            }
            4 => {
                self.shape("CREATE TABLE AS");
                vec![
                    simple(format!("CREATE TEMP TABLE made({list}) AS {sql}"), Compare::AnyOrder),
                    simple("SELECT * FROM made".to_owned(), Compare::AnyOrder),
                ]
            }
            5 => {
                self.shape("view of the session's own");
                let barrier = self.tape.pick(&["", "WITH (security_barrier) "]);
                vec![
                    simple(format!("CREATE TEMP VIEW made({list}) {barrier}AS {sql}"), Compare::AnyOrder),
                    simple(
                        "SELECT made.*, made::text FROM made WHERE made.c1 IS NOT NULL".to_owned(),
                        Compare::AnyOrder,
                    ),
                ]
            }
            6 => {
                self.shape("SQL function of the session's own");
                let volatility = self.tape.pick(&["STABLE", "VOLATILE", "STABLE STRICT"]);
                vec![
                    simple(
                        format!(
                            "CREATE FUNCTION pg_temp.made() RETURNS TABLE ({outputs}) LANGUAGE sql {volatility} AS \
                             $made$SELECT {casts} FROM ({sql}) AS q({list})$made$"
                        ),
                        Compare::AnyOrder,
                    ),
                    simple("SELECT * FROM pg_temp.made()".to_owned(), compare),
                    simple(
                        "SELECT count(*) FROM pg_temp.made() AS m WHERE m.c1 IS NOT NULL".to_owned(),
                        Compare::AnyOrder,
                    ),
                ]
            }
            7 => {
                self.shape("PL/pgSQL");
                let body = format!(
                    "DECLARE r record; a text; b text; c text; d text; BEGIN FOR r IN {sql} LOOP RAISE NOTICE 'row %', r; END LOOP; \
                     EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS a = MESSAGE_TEXT, b = PG_EXCEPTION_DETAIL, c = PG_EXCEPTION_HINT, \
                     d = PG_EXCEPTION_CONTEXT; RAISE NOTICE 'caught %', SQLSTATE; RAISE NOTICE 'fields % % % %', a, b, c, d; END"
                );
                vec![simple(format!("DO $made${body}$made$"), Compare::AnyOrder)]
            }
            8 => {
                self.shape("COPY of a query");
                vec![simple(format!("COPY ({sql}) TO STDOUT"), compare)]
            }
            9 => {
                self.shape("INSERT of a query");
                vec![
                    simple(format!("CREATE TEMP TABLE made({outputs})"), Compare::AnyOrder),
                    simple(
                        format!("INSERT INTO made SELECT {casts} FROM ({sql}) AS q({list}) RETURNING *"),
                        Compare::AnyOrder,
                    ),
                    simple("SELECT * FROM made".to_owned(), Compare::AnyOrder),
                ]
            }
            10 => {
                self.shape("EXPLAIN");
                let options =
                    self.tape.pick(&["ANALYZE, TIMING off", "VERBOSE", "ANALYZE, VERBOSE, FORMAT json", "SETTINGS"]);
                vec![simple(format!("EXPLAIN ({options}) {sql}"), Compare::Nothing)]
            }
            11 => {
                self.shape("query in text");
                let quoted = sql.replace('\'', "''");
                vec![simple(
                    format!(
                        "SELECT query_to_xml('SELECT * FROM ({quoted}) AS q({list}) ORDER BY q::text', true, false, '')::text"
                    ),
                    Compare::InOrder,
                )]
            }
            13 => {
                self.shape("SELECT INTO, then statistics");
                vec![
                    simple(format!("CREATE TEMP TABLE made AS SELECT q.*, q::text AS whole FROM ({sql}) AS q({list})"), Compare::AnyOrder),
                    simple("ANALYZE made".to_owned(), Compare::AnyOrder),
                    simple("SELECT attname, most_common_vals, histogram_bounds, null_frac FROM pg_stats WHERE tablename = 'made'".to_owned(), Compare::AnyOrder),
                ]
            }
            _ => vec![simple(sql, compare)],
        };
        let mut steps: Vec<Step> = steps;
        if self.tape.chance(15) {
            let setting = self.tape.pick(&[
                "SET LOCAL enable_hashjoin = off",
                "SET LOCAL enable_nestloop = off",
                "SET LOCAL enable_seqscan = off",
                "SET LOCAL enable_hashagg = off",
                "SET LOCAL force_parallel_mode = on",
                "SET LOCAL jit_above_cost = 0",
                "SET LOCAL join_collapse_limit = 1",
                "SET LOCAL work_mem = '64kB'",
                "SET LOCAL enable_partitionwise_join = on; SET LOCAL enable_partitionwise_aggregate = on",
                "SET LOCAL force_parallel_mode = on; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; \
                 SET LOCAL min_parallel_table_scan_size = 0",
            ]);
            self.shape("other plan");
            steps.insert(0, Step::simple(setting, Compare::AnyOrder));
        }
        Script { steps, shapes: std::mem::take(&mut self.shapes), expects: self.expects }
    }

    /// What reads tables as a whole, by name.
    fn whole_tables(&mut self) -> Vec<Step> {
        let table = &TABLES[self.tape.below(TABLES.len())];
        let name = table.name;
        let columns: Vec<&str> =
            table.columns.iter().filter(|column| !column.generated).map(|column| column.name).collect();
        let some = columns[..1 + self.tape.below(columns.len())].join(", ");
        self.shape("whole table by name");
        let (sql, compare) = match self.tape.below(9) {
            0 => (format!("TABLE {name}"), Compare::AnyOrder),
            1 => (format!("COPY {name} TO STDOUT"), Compare::AnyOrder),
            2 => (format!("COPY {name}({some}) TO STDOUT (FORMAT csv, HEADER)"), Compare::AnyOrder),
            3 => (format!("SELECT table_to_xml('{name}', true, false, '')"), Compare::Nothing),
            4 => (format!("SELECT * FROM pg_stats WHERE tablename = '{name}'"), Compare::Nothing),
            5 => (
                format!(
                    "CREATE TEMP TABLE made (LIKE {name}); INSERT INTO made({some}) SELECT {some} FROM {name}; TABLE made"
                ),
                Compare::AnyOrder,
            ),
            6 => (
                format!("DECLARE made CURSOR FOR TABLE {name}; SELECT cursor_to_xml('made', 100, true, false, '')"),
                Compare::Nothing,
            ),
            7 => {
                (format!("SELECT {some} INTO TEMP made FROM {name}; SELECT made, made.* FROM made"), Compare::AnyOrder)
            }
            _ => (format!("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {name} ORDER BY {some}"), Compare::Nothing),
        };
        vec![Step::simple(sql, compare)]
    }

    fn extended(&mut self, sql: String, compare: Compare, ordered: bool) -> Vec<Step> {
        self.shape("extended protocol");
        let values = self.params.take().unwrap_or_default().into_iter().map(|(_, value)| value).collect();
        let chunk = if ordered && self.tape.chance(40) { 2 } else { 0 };
        vec![Step { sql, values: Some(values), chunk, compare }]
    }

    fn prepared(&mut self, sql: &str, compare: Compare) -> Vec<Step> {
        self.shape("PREPARE");
        let params = self.params.take().unwrap_or_default();
        let types: Vec<&str> = params.iter().map(|(ty, _)| ty.sql()).collect();
        let values: Vec<String> = params.iter().map(|(ty, value)| format!("'{value}'::{}", ty.sql())).collect();
        let brackets = |list: String| if list.is_empty() { list } else { format!("({list})") };
        let execute = format!("EXECUTE made{}", brackets(values.join(", ")));
        let mode = self.tape.pick(&["force_generic_plan", "force_custom_plan", "auto"]);
        let mut steps = vec![
            Step::simple(format!("SET LOCAL plan_cache_mode = {mode}"), Compare::AnyOrder),
            Step::simple("DEALLOCATE ALL", Compare::AnyOrder),
            Step::simple(format!("PREPARE made{} AS {sql}", brackets(types.join(", "))), Compare::AnyOrder),
            Step::simple(execute.clone(), compare),
        ];
        match self.tape.below(5) {
            1 => {
                self.shape("executed under another role");
                // The one role that both sides may be.
                steps.push(Step::simple("SET LOCAL ROLE diff_keeper", Compare::AnyOrder));
                steps.push(Step::simple(execute, compare));
                steps.push(Step::simple("RESET ROLE", Compare::AnyOrder));
                steps.push(Step::simple("DEALLOCATE made", Compare::AnyOrder));
            }
            2 => steps
                .push(Step::simple(format!("CREATE TEMP TABLE stored AS {execute}; TABLE stored"), Compare::AnyOrder)),
            3 => steps.push(Step::simple(format!("EXPLAIN (ANALYZE, VERBOSE) {execute}"), Compare::Nothing)),
            _ => steps.push(Step::simple(execute, compare)),
        }
        steps
    }

    fn cursor(&mut self, sql: &str, ordered: bool, binary: bool) -> Vec<Step> {
        self.shape("cursor");
        let mut kind = self.tape.pick(&["", "NO SCROLL ", "SCROLL ", "BINARY ", "INSENSITIVE "]);
        // In binary form, rows hold OIDs of types that were made twice.
        if !binary {
            kind = kind.strip_prefix("BINARY ").unwrap_or(kind);
        }
        let mut steps = vec![Step::simple(format!("DECLARE made {kind}CURSOR FOR {sql}"), Compare::AnyOrder)];
        if ordered {
            steps.push(Step::simple("FETCH 2 FROM made", Compare::InOrder));
            if kind == "SCROLL " {
                steps.push(Step::simple("FETCH BACKWARD 1 FROM made", Compare::InOrder));
                steps.push(Step::simple("FETCH LAST FROM made", Compare::InOrder));
                steps.push(Step::simple("MOVE ABSOLUTE 1 FROM made", Compare::InOrder));
            }
        }
        let compare = if ordered { Compare::InOrder } else { Compare::AnyOrder };
        steps.push(Step::simple("FETCH ALL FROM made", compare));
        steps
    }
}
