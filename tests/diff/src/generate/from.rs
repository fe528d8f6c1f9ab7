//! FROM: tables, views, functions, sub-queries, joins of all types.

use super::Gen;
use super::scope::{Item, Leaf, Level, Scope, within};
use crate::schema::{TABLES, Ty};
use crate::sources::SOURCES;

/// How often each of `TABLES` is chosen.
const TABLE_WEIGHTS: [usize; 17] = [14, 6, 5, 6, 5, 4, 4, 2, 1, 1, 1, 2, 1, 3, 1, 1, 1];

/// A FROM clause.
pub struct From {
    /// As it is written, without FROM.
    pub sql: String,
    /// What is in it.
    pub items: Vec<Item>,
    /// What can be named of it.
    pub level: Level,
}

impl Gen<'_> {
    pub(super) fn from(&mut self, outer: &Scope) -> From {
        let (mut sql, first) = self.item(outer, &[]);
        let mut items = vec![first];
        let mut merged = Vec::new();
        for more in [45, 25] {
            if !self.may(more) {
                break;
            }
            let comma = self.part(|generator| generator.join(outer, &mut sql, &mut items, &mut merged));
            // It binds less than any JOIN that would follow it.
            if comma {
                break;
            }
        }
        let mut level = Level::of(&items);
        for (column, ty) in merged {
            if items.iter().filter(|item| item.columns.iter().any(|(name, _)| *name == column)).count() == 2 {
                level.leaves.push(Leaf { sql: column, ty, simple: false, field: None });
            }
        }
        for item in &items {
            if item.table.is_some_and(|table| table.same_kind) && self.tape.chance(10) {
                self.shape("system column");
                let sql = format!("{}.tableoid::regclass::text", item.alias);
                level.leaves.push(Leaf { sql, ty: Ty::Text, simple: false, field: None });
                let sql = format!("({}.ctid IS NULL)", item.alias);
                level.leaves.push(Leaf { sql, ty: Ty::Bool, simple: false, field: None });
                if let Some(table) = item.table.filter(|table| table.key == Some("id")) {
                    let of = format!(
                        "SELECT z.ctid FROM {0} z WHERE z.tableoid = {1}.tableoid AND z.id < 9",
                        table.name, item.alias
                    );
                    let sql = format!("({}.ctid = ANY (ARRAY({of})))", item.alias);
                    level.leaves.push(Leaf { sql, ty: Ty::Bool, simple: false, field: None });
                }
            }
        }
        From { sql, items, level }
    }

    fn join(&mut self, outer: &Scope, sql: &mut String, items: &mut Vec<Item>, merged: &mut Vec<(String, Ty)>) -> bool {
        let kind = self.tape.weighted(&[5, 6, 2, 4, 2, 2]);
        let lateral_from = if matches!(kind, 0 | 1 | 4 | 5) { items.as_slice() } else { &[] };
        let (right_sql, mut right) = self.item(outer, lateral_from);
        let word = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","][kind];
        self.shape(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "comma join"][kind]);
        if kind >= 4 {
            *sql = format!("{sql}{}{word} {right_sql}", if kind == 4 { " " } else { "" });
            items.push(right);
            return kind == 5;
        }
        let common: Vec<(String, Ty)> = right
            .columns
            .iter()
            .filter(|column| items.iter().filter(|item| item.columns.contains(column)).count() == 1)
            .filter(|(name, _)| {
                items.iter().flat_map(|item| &item.columns).filter(|(other, _)| other == name).count() == 1
            })
            .cloned()
            .collect();
        let condition = if !common.is_empty() && self.tape.chance(25) {
            let all: Vec<&(String, Ty)> = right
                .columns
                .iter()
                .filter(|(name, _)| items.iter().any(|item| item.columns.iter().any(|(other, _)| other == name)))
                .collect();
            if all.len() == common.len() && self.tape.chance(25) {
                self.shape("NATURAL");
                *sql = format!("{sql} NATURAL {word} {right_sql}");
                None
            } else {
                self.shape("USING");
                let (name, ty) = common[self.tape.below(common.len())].clone();
                let using = format!("USING ({name})");
                merged.push((name, ty));
                Some(using)
            }
        } else {
            let equality = self.equality(items, &right);
            // Only merge- or hash-joinable conditions will do for FULL JOIN.
            if kind == 3 || !self.tape.chance(35) {
                Some(format!("ON {equality}"))
            } else {
                let mut both = items.clone();
                both.push(right.clone());
                let scope = within(outer, Level::of(&both));
                let more = self.expr(Ty::Bool, &scope, 1);
                Some(format!("ON {}", if self.tape.chance(50) { format!("{equality} AND {more}") } else { more }))
            }
        };
        if let Some(condition) = condition {
            *sql = format!("{sql} {word} {right_sql} {condition}");
        }
        if matches!(kind, 2 | 3) {
            items.iter_mut().for_each(|item| item.inner = false);
        }
        right.inner &= !matches!(kind, 1 | 3);
        items.push(right);
        false
    }

    /// Two columns of one type, one of each side, being equal.
    fn equality(&mut self, left: &[Item], right: &Item) -> String {
        let left_item = &left[self.tape.below(left.len())];
        let mut pairs = Vec::new();
        for (one, ty) in &left_item.columns {
            for (other, other_ty) in &right.columns {
                if ty == other_ty {
                    pairs.push(format!("{}.{one} = {}.{other}", left_item.alias, right.alias));
                }
            }
        }
        if pairs.is_empty() { "true".to_owned() } else { pairs.swap_remove(self.tape.below(pairs.len())) }
    }

    /// One thing in FROM; beside `left`, if it may be LATERAL to that.
    pub(super) fn item(&mut self, outer: &Scope, left: &[Item]) -> (String, Item) {
        self.part(|generator| generator.some_item(outer, left))
    }

    fn some_item(&mut self, outer: &Scope, left: &[Item]) -> (String, Item) {
        let rich = self.fuel > 8;
        let weights = [
            12,
            if rich { 4 } else { 0 },
            if rich { 4 } else { 0 },
            if self.ctes.is_empty() { 0 } else { 6 },
            1,
            if left.is_empty() { 0 } else { 2 },
            1,
            if rich { 1 } else { 0 },
            if left.iter().any(|item| item.whole) { 3 } else { 0 },
        ];
        match self.tape.weighted(&weights) {
            0 => self.table(),
            1 => self.source(outer, left),
            2 => self.derived(outer, left),
            3 => {
                let cte = self.ctes[self.tape.below(self.ctes.len())].clone();
                let alias = self.name("t");
                (format!("{} AS {alias}", cte.name), self.anonymous(alias, cte.columns))
            }
            4 => {
                let alias = self.name("t");
                self.shape("VALUES");
                let types = [Ty::Int, Ty::Text];
                let rows =
                    [self.exprs(&types, outer), self.exprs(&types, outer)].map(|row| format!("({})", row.join(", ")));
                let sql = format!("(VALUES {}) AS {alias}(id, name)", rows.join(", "));
                (sql, self.anonymous(alias, vec![("id".to_owned(), Ty::Int), ("name".to_owned(), Ty::Text)]))
            }
            5 => {
                let alias = self.name("t");
                self.shape("table function of a column");
                let scope = within(outer, Level::of(left));
                let (of, ty) = if self.tape.chance(50) { (Ty::Texts, Ty::Text) } else { (Ty::Ints, Ty::Int) };
                let array = self.expr(of, &scope, 2);
                let sql = format!("unnest({array}) WITH ORDINALITY AS {alias}(value, place)");
                (sql, self.anonymous(alias, vec![("value".to_owned(), ty), ("place".to_owned(), Ty::Int)]))
            }
            6 => {
                let alias = self.name("t");
                let end = self.tape.below(4);
                (
                    format!("generate_series(0, {end}) AS {alias}(id)"),
                    self.anonymous(alias, vec![("id".to_owned(), Ty::Int)]),
                )
            }
            8 => self.fields_of(left),
            _ => {
                self.shape("join with an alias");
                let from = self.from(outer);
                let alias = self.name("t");
                let columns: Vec<(String, Ty)> = from
                    .items
                    .iter()
                    .flat_map(|item| item.columns.clone())
                    .enumerate()
                    .map(|(n, (_, ty))| (format!("c{n}"), ty))
                    .collect();
                let list: Vec<String> = from
                    .items
                    .iter()
                    .flat_map(|item| item.columns.iter().map(|(name, _)| format!("{}.{name}", item.alias)))
                    .enumerate()
                    .map(|(n, sql)| format!("{sql} AS c{n}"))
                    .collect();
                let plain = !["USING", "NATURAL", ", "].iter().any(|word| from.sql.contains(word));
                let all_columns = |item: &Item| item.row.is_none() || item.table.is_some_and(|table| table.whole);
                let sql = if from.items.len() > 1 && plain && from.items.iter().all(all_columns) {
                    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
                    format!("({}) AS {alias}({})", from.sql, names.join(", "))
                } else {
                    format!("(SELECT {} FROM {}) AS {alias}", list.join(", "), from.sql)
                };
                (sql, self.anonymous(alias, columns))
            }
        }
    }

    /// What a row turns into, as rows.
    fn fields_of(&mut self, left: &[Item]) -> (String, Item) {
        self.shape("table function of a row");
        let rows: Vec<&Item> = left.iter().filter(|item| item.whole).collect();
        let item = rows[self.tape.below(rows.len())];
        let (row, alias) = (item.alias.clone(), self.name("t"));
        let (sql, columns): (String, &[(&str, Ty)]) = match self.tape.below(4) {
            0 => (
                format!("jsonb_each_text(to_jsonb({row})) AS {alias}(key, value)"),
                &[("key", Ty::Text), ("value", Ty::Text)],
            ),
            1 => (
                format!("jsonb_to_record(to_jsonb({row})) AS {alias}(name text, score int, card text)"),
                &[("name", Ty::Text), ("score", Ty::Int), ("card", Ty::Text)],
            ),
            2 => (
                format!(
                    "ROWS FROM (jsonb_object_keys(to_jsonb({row})), unnest(ARRAY[{row}::text])) AS {alias}(key, value)"
                ),
                &[("key", Ty::Text), ("value", Ty::Text)],
            ),
            _ => (format!("(SELECT {row} AS whole) AS {alias}"), &[]),
        };
        let mut columns: Vec<(String, Ty)> = columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let lateral = if columns.is_empty() { "LATERAL " } else { "" };
        if let Some(of) = item.row.filter(|_| columns.is_empty()) {
            columns.push(("whole".to_owned(), Ty::Row(of)));
        }
        (format!("{lateral}{sql}"), self.anonymous(alias, columns))
    }

    fn anonymous(&mut self, alias: String, columns: Vec<(String, Ty)>) -> Item {
        Item { alias, columns, row: None, whole: true, key: None, table: None, inner: true }
    }

    fn table(&mut self) -> (String, Item) {
        let table = &TABLES[self.tape.weighted(&TABLE_WEIGHTS)];
        let alias = self.name("t");
        let mut columns: Vec<(String, Ty)> =
            table.columns.iter().map(|column| (column.name.to_owned(), column.ty)).collect();
        let only = if table.same_kind && self.tape.chance(6) {
            self.shape("ONLY");
            "ONLY "
        } else {
            ""
        };
        let mut key = table.key;
        let mut names = String::new();
        if self.tape.chance(5) {
            self.shape("columns renamed");
            columns.iter_mut().take(3).enumerate().for_each(|(n, (name, _))| *name = format!("x{n}"));
            names = "(x0, x1, x2)".to_owned();
            key = None;
        }
        let sample = if table.same_kind && self.tape.chance(4) {
            self.shape("TABLESAMPLE");
            self.tape.pick(&[
                " TABLESAMPLE BERNOULLI (100)",
                " TABLESAMPLE SYSTEM (100)",
                " TABLESAMPLE BERNOULLI (0)",
                " TABLESAMPLE BERNOULLI ((SELECT 99 + count(*) FROM dept WHERE budget > 88000000 OR id = 0)) REPEATABLE (1)",
            ])
        } else {
            ""
        };
        let item = Item {
            alias: alias.clone(),
            columns,
            row: Some(table.name),
            whole: table.whole,
            key: key.map(str::to_owned),
            table: Some(table),
            inner: true,
        };
        (format!("{only}{} AS {alias}{names}{sample}", table.name), item)
    }

    fn source(&mut self, outer: &Scope, left: &[Item]) -> (String, Item) {
        let source = &SOURCES[self.tape.below(SOURCES.len())];
        let alias = self.name("t");
        self.shape(if source.sql.starts_with("v_") { "view" } else { "function in FROM" });
        let argument = if source.sql.contains('$') && !left.is_empty() && self.tape.chance(50) {
            let scope = within(outer, Level::of(left));
            self.shape("function in FROM of a column");
            self.expr(Ty::Int, &scope, 3)
        } else {
            self.tape.pick(&["1", "2", "3", "5", "0"]).to_owned()
        };
        let columns = source.columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let item = Item {
            columns,
            row: source.row,
            key: source.key.map(str::to_owned),
            ..self.anonymous(alias.clone(), Vec::new())
        };
        (format!("{} AS {alias}", source.sql.replace('$', &argument)), item)
    }

    fn derived(&mut self, outer: &Scope, left: &[Item]) -> (String, Item) {
        let alias = self.name("t");
        let lateral = !left.is_empty() && self.tape.chance(50);
        let query = if lateral {
            self.shape("LATERAL");
            let scope = within(outer, Level::of(left));
            self.query(&scope, None, false)
        } else {
            self.shape("sub-query in FROM");
            self.query(outer, None, false)
        };
        let names: Vec<String> = (1..=query.columns.len()).map(|n| format!("c{n}")).collect();
        let columns = query.columns.iter().zip(&names).map(|((_, ty), name)| (name.clone(), *ty)).collect();
        let sql = format!("{}({}) AS {alias}({})", if lateral { "LATERAL " } else { "" }, query.sql, names.join(", "));
        (sql, self.anonymous(alias, columns))
    }
}
