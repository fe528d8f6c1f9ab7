//! Queries: WITH, set operations, and SELECT in all its clauses.

use std::rc::Rc;

use super::from::From;
use super::scope::{Leaf, Level, Scope, within};
use super::{Cte, Gen, Rel};
use crate::schema::Ty;

/// The select list and what follows it.
struct Body {
    distinct: String,
    list: Vec<(String, Ty)>,
    /// WHERE, GROUP BY, HAVING.
    clauses: String,
    /// ORDER BY expressions that must come first, and whether they make the order total.
    order: Option<(String, bool)>,
    scope: Scope,
    lockable: bool,
}

impl Gen<'_> {
    /// A query. `want` says of which types its columns are; otherwise there are one to four of any.
    pub(super) fn query(&mut self, outer: &Scope, want: Option<&[Ty]>, top: bool) -> Rel {
        self.part(|generator| generator.some_query(outer, want, top))
    }

    fn some_query(&mut self, outer: &Scope, want: Option<&[Ty]>, top: bool) -> Rel {
        self.fuel -= 2;
        let known = self.ctes.len();
        let with = if self.may(if top { 22 } else { 6 }) { self.with(outer) } else { String::new() };
        let mut rel = match self.tape.weighted(&[14, if self.fuel > 10 { 3 } else { 0 }]) {
            0 => self.select(outer, want, top),
            _ => self.set_operation(outer, want),
        };
        self.ctes.truncate(known);
        rel.sql.insert_str(0, &with);
        rel
    }

    fn with(&mut self, outer: &Scope) -> String {
        self.part(|generator| generator.some_with(outer))
    }

    fn some_with(&mut self, outer: &Scope) -> String {
        let mut parts = Vec::new();
        let mut recursive = "";
        for _ in 0..1 + self.tape.below(2) {
            let name = self.name("w");
            if self.may(25) {
                self.shape("WITH RECURSIVE");
                recursive = "RECURSIVE ";
                let (sql, columns) = self.recursion(outer, &name);
                parts.push(sql);
                self.ctes.push(Cte { name, columns });
                continue;
            }
            let query = self.query(outer, None, false);
            let kind = self.tape.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]);
            self.shape(match kind {
                "" => "WITH",
                "MATERIALIZED " => "WITH MATERIALIZED",
                _ => "WITH NOT MATERIALIZED",
            });
            let columns: Vec<(String, Ty)> =
                query.columns.iter().enumerate().map(|(n, (_, ty))| (format!("c{}", n + 1), *ty)).collect();
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            parts.push(format!("{name}({}) AS {kind}({})", names.join(", "), query.sql));
            self.ctes.push(Cte { name, columns });
        }
        format!("WITH {recursive}{} ", parts.join(", "))
    }

    fn recursion(&mut self, outer: &Scope, name: &str) -> (String, Vec<(String, Ty)>) {
        let start = self.query(outer, Some(&[Ty::Int, Ty::Text]), false);
        let level = Level {
            leaves: vec![
                Leaf { sql: format!("{name}.n"), ty: Ty::Int, simple: true, field: None },
                Leaf { sql: format!("{name}.c1"), ty: Ty::Int, simple: true, field: None },
                Leaf { sql: format!("{name}.c2"), ty: Ty::Text, simple: true, field: None },
            ],
            ..Level::default()
        };
        let (table, item) = if self.tape.chance(40) { ("people", "score") } else { ("dept", "id") };
        let alias = self.name("t");
        let mut both = level.clone();
        both.leaves.push(Leaf { sql: format!("{alias}.{item}"), ty: Ty::Int, simple: true, field: None });
        let next = self.exprs(&[Ty::Int, Ty::Text], &within(outer, both));
        let seed = self.name("q");
        let union = self.tape.pick(&["UNION ALL", "UNION"]);
        let search =
            self.tape.pick(&["", "", " SEARCH BREADTH FIRST BY c2 SET place", " CYCLE c1 SET again USING path"]);
        let sql = format!(
            "{name}(n, c1, c2) AS (SELECT 0, {seed}.c1::int, {seed}.c2::text FROM ({}) AS {seed}(c1, c2) {union} \
             SELECT {name}.n + 1, ({})::int, ({})::text FROM {name} JOIN {table} AS {alias} ON {alias}.id = {name}.c1 WHERE {name}.n < 2){search}",
            start.sql, next[0], next[1]
        );
        (sql, vec![("n".to_owned(), Ty::Int), ("c1".to_owned(), Ty::Int), ("c2".to_owned(), Ty::Text)])
    }

    fn set_operation(&mut self, outer: &Scope, want: Option<&[Ty]>) -> Rel {
        let left = self.query(outer, want, false);
        let types: Vec<Ty> = left.columns.iter().map(|(_, ty)| *ty).collect();
        let right = self.query(outer, Some(&types), false);
        let operation = self.tape.pick(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]);
        self.shape(operation);
        let mut sql = format!("({}) {operation} ({})", left.sql, right.sql);
        let columns = types.iter().enumerate().map(|(n, ty)| (format!("c{}", n + 1), *ty)).collect();
        let mut ordered = false;
        if self.may(25) {
            let order: Vec<String> = (1..=types.len()).map(|n| format!("{n} {}", self.direction())).collect();
            sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
            self.limit(&mut sql);
            ordered = true;
        }
        Rel { sql, columns, ordered }
    }

    fn select(&mut self, outer: &Scope, want: Option<&[Ty]>, top: bool) -> Rel {
        let from = self.from(outer);
        let mut clauses = String::new();
        if self.may(50) {
            let scope = within(outer, from.level.clone());
            clauses = format!(" WHERE {}", self.expr(Ty::Bool, &scope, 0));
        }
        let body = match self.tape.weighted(&[10, 5, 1, 2, if want.is_none() { 3 } else { 1 }]) {
            1 if self.fuel > 2 => self.grouped(outer, &from, clauses, want),
            2 => Body { distinct: "DISTINCT ".to_owned(), ..self.plain(outer, &from, clauses, want) },
            3 if from.level.key.is_some() => self.distinct_on(outer, &from, clauses, want),
            4 if self.fuel > 2 => self.windowed(outer, &from, clauses, want),
            _ => self.plain(outer, &from, clauses, want),
        };
        self.finished(&from, body, top)
    }

    fn list(&mut self, scope: &Scope, want: Option<&[Ty]>) -> Vec<(String, Ty)> {
        let types: Vec<Ty> = match want {
            Some(types) => types.to_vec(),
            None => (0..1 + self.tape.below(4)).map(|_| self.some_type(scope)).collect(),
        };
        types.into_iter().map(|ty| (self.expr(ty, scope, 0), ty)).collect()
    }

    fn plain(&mut self, outer: &Scope, from: &From, clauses: String, want: Option<&[Ty]>) -> Body {
        let scope = within(outer, from.level.clone());
        let mut list = self.list(&scope, want);
        if want.is_none() && self.may(5) {
            self.shape("rows from the select list");
            let (one, other) = (self.expr(Ty::Int, &scope, 2), self.expr(Ty::Texts, &scope, 2));
            list.push(match self.tape.below(4) {
                0 => (format!("generate_series(1, least({one}, 3))"), Ty::Int),
                1 => (format!("unnest({other})"), Ty::Text),
                2 => (format!("(f_people({one})).name"), Ty::Text),
                _ => ("(f_setof()).mail".to_owned(), Ty::Text),
            });
            return Body { distinct: String::new(), list, clauses, order: None, scope, lockable: false };
        }
        Body { distinct: String::new(), list, clauses, order: None, scope, lockable: true }
    }

    fn windowed(&mut self, outer: &Scope, from: &From, clauses: String, want: Option<&[Ty]>) -> Body {
        let mut body = self.plain(outer, from, clauses, want);
        body.lockable = false;
        let (sql, ty) = self.window(&body.scope.clone());
        match want {
            None => body.list.push((sql, ty)),
            Some(_) => {
                if let Some(place) = body.list.iter().position(|(_, other)| *other == ty) {
                    body.list[place].0 = sql;
                }
            }
        }
        body
    }

    fn distinct_on(&mut self, outer: &Scope, from: &From, clauses: String, want: Option<&[Ty]>) -> Body {
        self.shape("DISTINCT ON");
        let mut body = self.plain(outer, from, clauses, want);
        let of = self.some_type(&body.scope.clone());
        let by = self.expr(of, &body.scope.clone(), 1);
        let keys = from.level.key.clone().unwrap_or_default();
        let direction = self.direction();
        body.distinct = format!("DISTINCT ON ({by}) ");
        // In that order the first of each is the same row whatever the plan; of the result the order is total, too.
        body.order = Some((format!("{by} {direction}, {}", keys.join(", ")), true));
        body.lockable = false;
        body
    }

    fn grouped(&mut self, outer: &Scope, from: &From, mut clauses: String, want: Option<&[Ty]>) -> Body {
        let ungrouped = within(outer, from.level.clone());
        let mut level = Level { ungrouped: ungrouped.last().cloned(), ..Level::default() };
        let primary =
            from.items.iter().find(|item| item.table.is_some_and(|table| table.primary) && item.key.is_some());
        let mut keys = Vec::new();
        match primary.filter(|_| self.tape.chance(20)) {
            Some(item) => {
                self.shape("GROUP BY primary key");
                keys.push(format!("{}.{}", item.alias, item.key.clone().unwrap_or_default()));
                for (column, ty) in &item.columns {
                    let sql = format!("{}.{column}", item.alias);
                    level.leaves.push(Leaf { sql, ty: *ty, simple: true, field: None });
                }
            }
            None => {
                for _ in 0..1 + self.tape.weighted(&[5, 3, 1]) {
                    let (sql, ty, simple) = if self.tape.chance(25) {
                        let ty = self.some_type(&ungrouped);
                        (self.expr(ty, &ungrouped, 2), ty, false)
                    } else {
                        let leaf = from.level.leaves[self.tape.below(from.level.leaves.len())].clone();
                        (leaf.sql, leaf.ty, leaf.simple)
                    };
                    keys.push(if ty == Ty::Int && !simple { format!("({sql} + 0)") } else { sql });
                    let sql = keys.last().cloned().unwrap_or_default();
                    level.leaves.push(Leaf { sql, ty, simple, field: None });
                }
            }
        }
        let sets = match self.tape.weighted(&[8, 1, 1, 1, 1, 2]) {
            5 => {
                // One group of all rows.
                level.leaves.clear();
                String::new()
            }
            0 => keys.join(", "),
            1 => format!("ROLLUP ({})", keys.join(", ")),
            2 => format!("CUBE ({})", keys.join(", ")),
            3 => format!("GROUPING SETS (({}), ())", keys.join(", ")),
            _ => format!("DISTINCT {}, GROUPING SETS (({}), ({}))", keys[0], keys.join(", "), keys[0]),
        };
        let plain = sets.is_empty() || sets == keys.join(", ");
        self.shape(if plain { "GROUP BY" } else { "GROUPING SETS" });
        if !plain {
            let sql = format!("GROUPING({})", keys[0]);
            level.leaves.push(Leaf { sql, ty: Ty::Int, simple: false, field: None });
        }
        let scope = {
            let mut scope = outer.clone();
            scope.push(Rc::new(level));
            scope
        };
        if !sets.is_empty() {
            clauses.push_str(&format!(" GROUP BY {sets}"));
        }
        if self.may(25) {
            self.shape("HAVING");
            clauses.push_str(&format!(" HAVING {}", self.expr(Ty::Bool, &scope, 0)));
        }
        let mut list = self.list(&scope, want);
        if want.is_none() {
            let ty = [Ty::Int, Ty::Text, Ty::Num][self.tape.below(3)];
            list.push((self.aggregate(ty, &scope), ty));
        }
        Body { distinct: String::new(), list, clauses, order: None, scope, lockable: false }
    }

    /// The select list's names, ORDER BY, LIMIT, FOR UPDATE.
    fn finished(&mut self, from: &From, body: Body, top: bool) -> Rel {
        let Body { distinct, list, clauses, order, scope, lockable } = body;
        // Names by themselves, and stars, where nobody needs to know them.
        let bare = top && self.tape.chance(40);
        let star = top && lockable && distinct.is_empty() && self.tape.chance(12);
        let columns: Vec<(String, Ty)> =
            list.iter().enumerate().map(|(n, (_, ty))| (format!("c{}", n + 1), *ty)).collect();
        let mut parts: Vec<String> = list
            .iter()
            .zip(&columns)
            .map(|((sql, _), (name, _))| if bare { sql.clone() } else { format!("{sql} AS {name}") })
            .collect();
        if star {
            self.shape("star");
            let item = &from.items[self.tape.below(from.items.len())];
            let star = if item.whole && self.tape.chance(30) {
                format!("({}).*", item.alias)
            } else {
                format!("{}.*", item.alias)
            };
            // Not every column of this one may be read.
            let closed = item.table.is_some_and(|table| !table.whole) && !self.tape.chance(20);
            parts.push(if closed { format!("{}.n", item.alias) } else { star });
        }
        let mut sql = format!("SELECT {distinct}{} FROM {}{clauses}", parts.join(", "), from.sql);
        let mut ordered = false;
        if let Some((by, total)) = order {
            sql.push_str(&format!(" ORDER BY {by}"));
            ordered = total;
        } else if self.may(30) {
            let by: Vec<String> = (1..=list.len()).map(|n| format!("{n} {}", self.direction())).collect();
            sql.push_str(&format!(" ORDER BY {}", by.join(", ")));
            // Rows that are equal in all that is ordered by are the same, unless the star shows more of them.
            ordered = !star;
        } else if distinct.is_empty() && self.may(12) {
            let of = self.some_type(&scope);
            let by = self.expr(of, &scope, 2);
            // A bare number would be a position.
            sql.push_str(&format!(" ORDER BY coalesce({by}, {by}) {}", self.direction()));
            if self.tape.chance(30) && lockable {
                self.shape("WITH TIES");
                sql.push_str(&format!(" FETCH FIRST {} ROWS WITH TIES", 1 + self.tape.below(5)));
                return Rel { sql, columns, ordered };
            }
        }
        if ordered {
            self.limit(&mut sql);
        }
        if lockable && distinct.is_empty() && top && self.may(8) {
            let lockable = from.items.iter().find(|item| item.inner && item.table.is_some_and(|table| table.whole));
            if let Some(item) = lockable {
                self.shape("FOR UPDATE or SHARE");
                let strength = self.tape.pick(&["UPDATE", "SHARE", "NO KEY UPDATE", "KEY SHARE"]);
                let rest = self.tape.pick(&["", " NOWAIT", " SKIP LOCKED"]);
                sql.push_str(&format!(" FOR {strength} OF {}{rest}", item.alias));
            }
        }
        Rel { sql, columns, ordered }
    }

    fn limit(&mut self, sql: &mut String) {
        if self.tape.chance(40) {
            self.shape("LIMIT");
            let some = self.tape.below(8);
            // What the limit is read from is masked, too.
            sql.push_str(&match self.tape.chance(10) {
                true => format!(" LIMIT (SELECT least(max(score), 5) FROM people WHERE id < {some})"),
                false => format!(" LIMIT {some}"),
            });
            if self.tape.chance(30) {
                sql.push_str(&format!(" OFFSET {}", self.tape.below(4)));
            }
        }
    }
}
