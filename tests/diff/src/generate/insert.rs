//! INSERT, ON CONFLICT and MERGE. What may be assigned: see `dml`.

use super::dml::Target;
use super::scope::{Leaf, Level, within};
use super::{Gen, Rel};
use crate::schema::{Column, Ty};

impl Gen<'_> {
    /// Columns to insert into: those that must be there, and some more.
    fn inserted(&mut self, target: &Target) -> Vec<(&'static str, &'static Column)> {
        let mut chosen = Vec::new();
        for (name, column) in &target.columns {
            let needed = matches!(*name, "id" | "k" | "region" | "dname" | "pin");
            if needed || self.tape.chance(50) {
                chosen.push((*name, *column));
            }
        }
        chosen
    }

    pub(super) fn insert(&mut self, target: &Target) -> Rel {
        let columns = self.inserted(target);
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let key = target.table.key.unwrap_or("k");
        let conflicts = !target.view && target.table.primary && self.tape.chance(35);
        let first = if conflicts && self.tape.chance(60) { 3 } else { 100 };
        let source = if self.may(40) { Some(self.item(&Vec::new(), &[])) } else { None };
        let body = match source {
            Some((from, item)) if item.key.is_some() => {
                self.shape("INSERT of a SELECT");
                let scope = within(&Vec::new(), Level::of(std::slice::from_ref(&item)));
                let list: Vec<String> = columns
                    .iter()
                    .map(|(name, column)| {
                        if *name == key {
                            let from = item.key.clone().unwrap_or_default();
                            return format!("{}.{from} + {}", item.alias, if first == 3 { 0 } else { 100 });
                        }
                        self.value(name, column, None, &scope)
                    })
                    .collect();
                format!("SELECT {} FROM {from} WHERE {}", list.join(", "), self.expr(Ty::Bool, &scope, 1))
            }
            _ => {
                let rows: Vec<String> = (0..1 + self.tape.below(3))
                    .map(|row| {
                        let list: Vec<String> = columns
                            .iter()
                            .map(|(name, column)| {
                                if *name == key {
                                    return (first + row).to_string();
                                }
                                self.value(name, column, None, &Vec::new())
                            })
                            .collect();
                        format!("({})", list.join(", "))
                    })
                    .collect();
                format!("VALUES {}", rows.join(", "))
            }
        };
        let scope = within(&Vec::new(), Self::level(target, &target.alias));
        let conflict = if conflicts { self.conflict(target) } else { String::new() };
        let (returning, returned) = self.returning(target, &scope);
        let sql = format!(
            "INSERT INTO {} AS {} ({}) {body}{conflict}{returning}",
            target.name,
            target.alias,
            names.join(", ")
        );
        Rel { sql, columns: returned, ordered: false }
    }

    pub(super) fn conflict(&mut self, target: &Target) -> String {
        self.shape("ON CONFLICT");
        if self.tape.chance(35) {
            return self.tape.pick(&[" ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO NOTHING"]).to_owned();
        }
        let mut level = Self::level(target, &target.alias);
        for (name, column) in &target.columns {
            // What was to be inserted: never masked, so only where that makes no difference.
            if column.mask.is_none() {
                level.leaves.push(Leaf { sql: format!("EXCLUDED.{name}"), ty: column.ty, simple: true, field: None });
            }
        }
        let scope = within(&Vec::new(), level);
        let mut assignments = self.assignments(target, &scope);
        if self.tape.chance(40) {
            let taken: Vec<&(&str, &Column)> = target
                .columns
                .iter()
                .filter(|(name, _)| !assignments.contains(name) && !matches!(*name, "id" | "k"))
                .collect();
            if !taken.is_empty() {
                let (name, _) = taken[self.tape.below(taken.len())];
                assignments.push_str(&format!(", {name} = EXCLUDED.{name}"));
            }
        }
        format!(" ON CONFLICT (id) DO UPDATE SET {assignments} WHERE {}", self.expr(Ty::Bool, &scope, 2))
    }

    pub(super) fn merge(&mut self, target: &Target) -> Rel {
        let Some((from, _, item)) = self.matched(target) else { return self.update(target) };
        let key = target.table.key.unwrap_or("k");
        let source_key = item.key.clone().unwrap_or_default();
        let on = format!("{}.{source_key} = {}.{key}", item.alias, target.alias);
        let source = Level::of(std::slice::from_ref(&item));
        let mut both = Self::level(target, &target.alias);
        both.leaves.extend(source.leaves.clone());
        let (both, source) = (within(&Vec::new(), both), within(&Vec::new(), source));
        let mut actions = String::new();
        for _ in 0..1 + self.tape.below(2) {
            let when =
                if self.tape.chance(60) { format!(" AND {}", self.expr(Ty::Bool, &both, 2)) } else { String::new() };
            let action = match self.tape.weighted(&[5, 2, 1]) {
                0 => format!("UPDATE SET {}", self.assignments(target, &both)),
                1 => "DELETE".to_owned(),
                _ => "DO NOTHING".to_owned(),
            };
            actions.push_str(&format!(" WHEN MATCHED{when} THEN {action}"));
        }
        if self.tape.chance(60) {
            let columns = self.inserted(target);
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let values: Vec<String> = columns
                .iter()
                .map(|(name, column)| {
                    if *name == key {
                        return format!("{}.{source_key} + 200", item.alias);
                    }
                    self.value(name, column, None, &source)
                })
                .collect();
            let when =
                if self.tape.chance(40) { format!(" AND {}", self.expr(Ty::Bool, &source, 2)) } else { String::new() };
            actions.push_str(&format!(
                " WHEN NOT MATCHED{when} THEN INSERT ({}) VALUES ({})",
                names.join(", "),
                values.join(", ")
            ));
        }
        let sql = format!("MERGE INTO {} AS {} USING {from} ON {on}{actions}", target.name, target.alias);
        Rel { sql, columns: Vec::new(), ordered: false }
    }
}
