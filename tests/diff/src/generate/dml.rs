//! Statements that write: INSERT, UPDATE, DELETE, MERGE, with RETURNING, and a look at the table afterwards.
//!
//! What is assigned to a protected column is something its mask leaves as it is, NULL, or the column itself: then what is
//! read back is what was assigned, on both sides. Now and then it is a value read masked, which has to be refused. A row
//! is joined with one source row at most, for which one would win depends on the plan.

use super::scope::{Item, Leaf, Level, Scope, within};
use super::{Cte, Gen, Rel};
use crate::schema::{Column, TABLES, Table, Ty, fixpoints};
use crate::script::{Compare, Step};

/// What is written to, by its place in `TABLES`: people, words, dept, orders, animal, secured, misc, vault, two children,
/// notes; and how often.
const TARGETS: [(usize, usize); 11] =
    [(0, 10), (1, 2), (2, 5), (3, 6), (4, 4), (5, 5), (6, 3), (7, 3), (10, 1), (11, 2), (16, 2)];

/// Views that can be written through, and the table behind.
const VIEWS: [(&str, &str); 4] =
    [("v_people", "people"), ("v_strong", "people"), ("v_checked", "people"), ("v_secured", "secured")];

/// What is written to.
pub(super) struct Target {
    /// Its name, or the view's.
    pub name: &'static str,
    /// What it is called in the statement.
    pub alias: String,
    /// The table, or the one behind the view.
    pub table: &'static Table,
    /// The columns that can be written, as they are called here.
    pub columns: Vec<(&'static str, &'static Column)>,
    /// It is a view.
    pub view: bool,
}

impl Gen<'_> {
    /// Steps of one or two writes and the reading back.
    pub(super) fn writes(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for more in [true, self.tape.chance(15)] {
            if !more {
                continue;
            }
            if self.tape.chance(6) {
                self.at_cursor(&mut steps);
                continue;
            }
            let (rel, target) = self.part(|generator| generator.write(true));
            let sql = if self.tape.chance(12) && !rel.columns.is_empty() { self.in_cte(&rel) } else { rel.sql };
            match self.params.as_ref().map(Vec::len) {
                Some(_) => {
                    let values = self.params.take().unwrap_or_default().into_iter().map(|(_, value)| value).collect();
                    self.shape("write by the extended protocol");
                    steps.push(Step { sql, values: Some(values), chunk: 0, compare: Compare::AnyOrder });
                }
                None if self.tape.chance(8) => {
                    self.shape("write prepared");
                    steps.push(Step::simple("SET LOCAL plan_cache_mode = force_generic_plan", Compare::AnyOrder));
                    steps.push(Step::simple("DEALLOCATE ALL", Compare::AnyOrder));
                    steps.push(Step::simple(format!("PREPARE made AS {sql}"), Compare::AnyOrder));
                    steps.push(Step::simple("EXECUTE made", Compare::AnyOrder));
                }
                None if self.tape.chance(10) && !sql.contains(" RETURNING ") => {
                    self.shape("write in PL/pgSQL");
                    let body = format!(
                        "DECLARE n int; c text; BEGIN {sql}; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE 'row %', n; \
                         EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME; RAISE NOTICE 'caught % of %', SQLSTATE, c; RAISE NOTICE 'fields %', SQLERRM; END"
                    );
                    steps.push(Step::simple(format!("DO $made${body}$made$"), Compare::AnyOrder));
                }
                None => steps.push(Step::simple(sql, Compare::AnyOrder)),
            }
            let kind = if target.table.same_kind { ", t.tableoid::regclass" } else { "" };
            steps.push(Step::simple(
                format!("SELECT t.*{kind}, t::text FROM {} t", target.table.name),
                Compare::AnyOrder,
            ));
            if target.table.name == "people" {
                // What its keys are referenced by.
                steps.push(Step::simple("TABLE notes", Compare::AnyOrder));
            }
        }
        steps
    }

    /// WHERE CURRENT OF.
    fn at_cursor(&mut self, steps: &mut Vec<Step>) {
        self.shape("WHERE CURRENT OF");
        let target = self.target(false);
        if !target.table.same_kind {
            // Which partitions a cursor's plan holds decides what can be current.
            return;
        }
        let (name, key) = (target.name, target.table.key.unwrap_or("k"));
        let number = 1 + self.tape.below(12);
        let lock = self.tape.pick(&[" FOR UPDATE", ""]);
        steps.push(Step::simple(
            format!("DECLARE found CURSOR FOR SELECT t.* FROM {name} t WHERE t.{key} = {number}{lock}"),
            Compare::AnyOrder,
        ));
        steps.push(Step::simple("FETCH 1 FROM found", Compare::AnyOrder));
        let scope = within(&Vec::new(), Self::level(&target, &target.alias));
        let (returning, _) = self.returning(&target, &scope);
        let alias = target.alias.clone();
        steps.push(Step::simple(
            if self.tape.chance(70) {
                let assignments = self.assignments(&target, &scope);
                format!("UPDATE {name} AS {alias} SET {assignments} WHERE CURRENT OF found{returning}")
            } else {
                format!("DELETE FROM {name} AS {alias} WHERE CURRENT OF found{returning}")
            },
            Compare::AnyOrder,
        ));
        steps.push(Step::simple(format!("TABLE {name}"), Compare::AnyOrder));
    }

    /// A query over what a writing common table expression returns, and over the table as it was before.
    fn in_cte(&mut self, rel: &Rel) -> String {
        self.shape("WITH that writes");
        let names: Vec<String> = (1..=rel.columns.len()).map(|n| format!("c{n}")).collect();
        let columns = rel.columns.iter().zip(&names).map(|((_, ty), name)| (name.clone(), *ty)).collect();
        self.ctes.push(Cte { name: "changed".to_owned(), columns });
        let query = self.query(&Vec::new(), None, false);
        self.ctes.clear();
        // Two WITH in a row would not parse.
        let inner = if query.sql.starts_with("WITH") { format!("({})", query.sql) } else { query.sql };
        format!("WITH changed({}) AS ({}) {inner}", names.join(", "), rel.sql)
    }

    fn write(&mut self, views: bool) -> (Rel, Target) {
        let target = self.target(views);
        let kind = self.tape.weighted(&[8, 4, 6, if target.view { 0 } else { 4 }]);
        self.shape(["UPDATE", "DELETE", "INSERT", "MERGE"][kind]);
        let rel = match kind {
            0 => self.update(&target),
            1 => self.delete(&target),
            2 => self.insert(&target),
            _ => self.merge(&target),
        };
        (rel, target)
    }

    fn target(&mut self, views: bool) -> Target {
        let alias = self.name("t");
        let columns = |table: &'static Table| -> Vec<(&'static str, &'static Column)> {
            table.columns.iter().filter(|column| !column.generated).map(|column| (column.name, column)).collect()
        };
        if views && self.tape.chance(20) {
            let (name, table) = VIEWS[self.tape.below(VIEWS.len())];
            self.shape("write through a view");
            let table = crate::schema::find(table).unwrap_or(&TABLES[0]);
            let names: &[(&str, &str)] = match name {
                "v_secured" => &[("id", "id"), ("name", "val"), ("score", "lvl")],
                "v_strong" => &[("id", "id"), ("name", "name"), ("score", "score"), ("pay", "pay"), ("word", "word")],
                _ => &[("id", "id"), ("name", "name"), ("score", "score"), ("dept", "dept"), ("word", "word")],
            };
            let columns = names
                .iter()
                .filter_map(|(name, of)| {
                    table.columns.iter().find(|column| column.name == *of).map(|column| (*name, column))
                })
                .collect();
            return Target { name, alias, table, columns, view: true };
        }
        let weights: Vec<usize> = TARGETS.iter().map(|(_, weight)| *weight).collect();
        let table = &TABLES[TARGETS[self.tape.weighted(&weights)].0];
        Target { name: table.name, alias, table, columns: columns(table), view: false }
    }

    pub(super) fn level(target: &Target, alias: &str) -> Level {
        Level::of(&[Item {
            alias: alias.to_owned(),
            columns: target.columns.iter().map(|(name, column)| ((*name).to_owned(), column.ty)).collect(),
            row: (!target.view).then_some(target.table.name),
            whole: true,
            key: target.table.key.map(str::to_owned),
            table: Some(target.table),
            inner: true,
        }])
    }

    /// A source each row of which the target joins once at most: what stands in FROM, the condition, the item.
    pub(super) fn matched(&mut self, target: &Target) -> Option<(String, String, Item)> {
        let (sql, item) = self.item(&Vec::new(), &[]);
        let key = item.key.clone()?;
        let own = self.tape.pick(&[target.table.key.unwrap_or("k"), "dept", "person", "owner", "team"]);
        let own =
            if target.columns.iter().any(|(name, _)| *name == own) { own } else { target.table.key.unwrap_or("k") };
        let condition = format!("{}.{key} = {}.{own}", item.alias, target.alias);
        Some((sql, condition, item))
    }

    /// A value to assign: as text.
    pub(super) fn value(&mut self, name: &str, column: &'static Column, own: Option<&str>, scope: &Scope) -> String {
        let Some(mask) = column.mask else {
            return match name {
                "id" | "k" => own.map_or("0".to_owned(), |own| format!("{own}.{name} + 100")),
                "region" => self.tape.pick(&["'n'", "'s'", "'w'", "'x'"]).to_owned(),
                "dname" => format!("coalesce({}, 'none')", self.expr(Ty::Text, scope, 2)),
                _ => self.expr(column.ty, scope, 2),
            };
        };
        if self.tape.chance(2)
            && let Some(read) = self.masked_column(column.ty, scope)
        {
            self.expects.refusal = true;
            self.shape("masked value assigned");
            return match column.ty {
                Ty::Text => format!("upper({read})"),
                ty => format!("coalesce({read}, {})", self.constant(ty)),
            };
        }
        let fixed = fixpoints(mask, name);
        match self.tape.weighted(&[4, if own.is_some() { 4 } else { 0 }, if name == "pin" { 0 } else { 2 }]) {
            0 if !fixed.is_empty() => fixed[self.tape.below(fixed.len())].to_owned(),
            1 => own.map_or("NULL".to_owned(), |own| format!("{own}.{name}")),
            _ if name == "pin" => "1".to_owned(),
            _ => "NULL".to_owned(),
        }
    }

    /// A masked column of another relation, or another one of this.
    fn masked_column(&mut self, ty: Ty, scope: &Scope) -> Option<String> {
        let leaves: Vec<Leaf> = scope.last()?.leaves.iter().filter(|leaf| leaf.ty == ty).cloned().collect();
        let named: Vec<String> = leaves
            .into_iter()
            .map(|leaf| leaf.sql)
            .filter(|sql| matches!(sql.rsplit('.').next(), Some("mail" | "card" | "pay" | "amount" | "lvl" | "note")))
            .collect();
        if named.is_empty() { None } else { Some(named[self.tape.below(named.len())].clone()) }
    }

    pub(super) fn assignments(&mut self, target: &Target, scope: &Scope) -> String {
        let mut left: Vec<&(&'static str, &'static Column)> = target.columns.iter().collect();
        let mut parts = Vec::new();
        // As an object mapper does it: every column back as it was read, one changed.
        if self.tape.chance(15) {
            self.shape("all columns assigned");
            let changed = self.tape.below(left.len());
            for (place, (name, column)) in left.into_iter().enumerate() {
                let value = if place == changed {
                    self.value(name, column, Some(&target.alias), scope)
                } else {
                    format!("{}.{name}", target.alias)
                };
                parts.push(format!("{name} = {value}"));
            }
            return parts.join(", ");
        }
        for _ in 0..1 + self.tape.below(3) {
            if left.is_empty() {
                break;
            }
            let (name, column) = *left.remove(self.tape.below(left.len()));
            // Unique keys move, but only with the whole table, and seldom.
            if matches!(name, "id" | "k") && !self.tape.chance(10) {
                continue;
            }
            let value = self.value(name, column, Some(&target.alias), scope);
            parts.push(if self.tape.chance(10) {
                format!("({name}) = ROW({value})")
            } else if self.tape.chance(8) {
                self.shape("assigned from a sub-query");
                // Not the column itself any more.
                self.expects.refusal |= column.mask.is_some() && value.ends_with(&format!(".{name}"));
                format!("{name} = (SELECT {value})")
            } else {
                format!("{name} = {value}")
            });
        }
        if parts.is_empty() {
            let (name, column) = target.columns[target.columns.len() - 1];
            let value = self.value(name, column, Some(&target.alias), scope);
            parts.push(format!("{name} = {value}"));
        }
        parts.join(", ")
    }

    pub(super) fn returning(&mut self, target: &Target, scope: &Scope) -> (String, Vec<(String, Ty)>) {
        match self.tape.weighted(&[4, 2, 3]) {
            0 => (String::new(), Vec::new()),
            1 => {
                self.shape("RETURNING");
                let columns = target.columns.iter().map(|(name, column)| ((*name).to_owned(), column.ty)).collect();
                let list: Vec<String> =
                    target.columns.iter().map(|(name, _)| format!("{}.{name}", target.alias)).collect();
                (format!(" RETURNING {}", list.join(", ")), columns)
            }
            _ => {
                self.shape("RETURNING");
                let types: Vec<Ty> = (0..1 + self.tape.below(3)).map(|_| self.some_type(scope)).collect();
                let list = self.exprs(&types, scope);
                let columns = types.iter().enumerate().map(|(n, ty)| (format!("c{n}"), *ty)).collect();
                let star = if self.tape.chance(15) { format!(", {}", target.alias) } else { String::new() };
                let columns = if star.is_empty() { columns } else { Vec::new() };
                (format!(" RETURNING {}{star}", list.join(", ")), columns)
            }
        }
    }

    pub(super) fn update(&mut self, target: &Target) -> Rel {
        let mut level = Self::level(target, &target.alias);
        let mut sql = String::new();
        let mut condition = String::new();
        if self.may(30)
            && let Some((from, on, item)) = self.matched(target)
        {
            self.shape("UPDATE FROM");
            sql = format!(" FROM {from}");
            condition = format!("{on} AND ");
            level.leaves.extend(Level::of(&[item]).leaves);
        }
        let scope = within(&Vec::new(), level);
        let assignments = self.assignments(target, &scope);
        condition.push_str(&self.expr(Ty::Bool, &scope, 0));
        let (returning, columns) = self.returning(target, &scope);
        let only = if target.table.same_kind && !target.view && self.tape.chance(8) { "ONLY " } else { "" };
        let sql = format!(
            "UPDATE {only}{} AS {} SET {assignments}{sql} WHERE {condition}{returning}",
            target.name, target.alias
        );
        Rel { sql, columns, ordered: false }
    }

    fn delete(&mut self, target: &Target) -> Rel {
        let mut level = Self::level(target, &target.alias);
        let mut sql = String::new();
        let mut condition = String::new();
        if self.may(30)
            && let Some((from, on, item)) = self.matched(target)
        {
            self.shape("DELETE USING");
            sql = format!(" USING {from}");
            condition = format!("{on} AND ");
            level.leaves.extend(Level::of(&[item]).leaves);
        }
        let scope = within(&Vec::new(), level);
        condition.push_str(&self.expr(Ty::Bool, &scope, 0));
        let (returning, columns) = self.returning(target, &scope);
        let sql = format!("DELETE FROM {} AS {}{sql} WHERE {condition}{returning}", target.name, target.alias);
        Rel { sql, columns, ordered: false }
    }
}
