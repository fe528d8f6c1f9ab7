//! Leaves: columns in reach, and constants.

use super::Gen;
use super::scope::{Leaf, Scope};
use crate::schema::Ty;

/// Columns that can be written as functions of their row: no function or type has their name.
const FUNCTIONAL: [&str; 8] = ["score", "card", "chip", "label", "lvl", "born", "pay", "word"];

impl Gen<'_> {
    /// A column or constant.
    pub fn leaf(&mut self, ty: Ty, scope: &Scope) -> String {
        if !self.tape.chance(20)
            && let Some(leaf) = self.column(ty, scope)
        {
            return self.written(&leaf);
        }
        self.constant(ty)
    }

    fn column(&mut self, ty: Ty, scope: &Scope) -> Option<Leaf> {
        let depth = scope.len();
        if depth == 0 {
            return None;
        }
        // The innermost level, as a rule.
        let back = if depth > 1 && self.tape.chance(25) { 1 + self.tape.below(depth - 1) } else { 0 };
        let level = &scope[depth - 1 - back];
        let fitting: Vec<&Leaf> =
            level.leaves.iter().filter(|leaf| leaf.ty == ty && (back == 0 || leaf.simple)).collect();
        if fitting.is_empty() {
            return None;
        }
        if back > 0 {
            self.shape("correlated");
        }
        Some(fitting[self.tape.below(fitting.len())].clone())
    }

    fn written(&mut self, leaf: &Leaf) -> String {
        let Some((alias, column)) = leaf.field.as_ref().filter(|_| self.tape.chance(6)) else {
            return leaf.sql.clone();
        };
        self.shape("composite notation");
        match self.tape.below(3) {
            0 => format!("({alias}).{column}"),
            1 => format!("({alias}.*).{column}"),
            _ if FUNCTIONAL.contains(&column.as_str()) => format!("{column}({alias})"),
            _ => leaf.sql.clone(),
        }
    }

    /// A constant, or a parameter.
    pub fn constant(&mut self, ty: Ty) -> String {
        let value = match ty {
            Ty::Int => self.tape.pick(&["1", "0", "2", "3", "4", "5", "7", "9", "10", "12", "-1", "1000"]).to_owned(),
            Ty::Text => self
                .tape
                .pick(&[
                    "one",
                    "",
                    "4",
                    "***",
                    "*********ab",
                    "*********n1",
                    "a***@***.com",
                    "S",
                    "KODE",
                    "Q",
                    "R%",
                    "two",
                    "1.5",
                ])
                .to_owned(),
            Ty::Bool => self.tape.pick(&["true", "false"]).to_owned(),
            Ty::Num => self.tape.pick(&["1.00", "0.00", "2.50", "6.25", "10.00", "5000.00"]).to_owned(),
            Ty::Date => self.tape.pick(&["1990-01-05", "1970-01-01", "2500-01-01", "2000-01-01"]).to_owned(),
            Ty::Stamp => {
                self.tape.pick(&["2001-01-01 00:00:00", "2001-01-03 00:00:00", "2500-01-01 00:00:00"]).to_owned()
            }
            Ty::Json => self.tape.pick(&["{}", "{\"a\": 1}", "[1, \"x\"]", "null"]).to_owned(),
            Ty::Texts => self.tape.pick(&["{a,b}", "{}", "{NULL,***}"]).to_owned(),
            Ty::Ints => self.tape.pick(&["{1,2}", "{}", "{0,NULL,3}"]).to_owned(),
            Ty::Other(name) | Ty::Row(name) => return format!("NULL::{name}"),
        };
        if let Some(params) = &mut self.params
            && params.len() < 6
            && self.tape.chance(40)
        {
            params.push((ty, value));
            return format!("${}::{}", params.len(), ty.sql());
        }
        if self.tape.chance(4) {
            return format!("NULL::{}", ty.sql());
        }
        match ty {
            Ty::Int | Ty::Bool => value,
            Ty::Num => format!("{value}::numeric(14,2)"),
            Ty::Text => format!("'{value}'::text"),
            _ => format!("'{value}'::{}", ty.sql()),
        }
    }

    /// A type, of those that have something to name if possible.
    pub fn some_type(&mut self, scope: &Scope) -> Ty {
        match scope.last() {
            Some(level) if !level.leaves.is_empty() && !self.tape.chance(30) => {
                level.leaves[self.tape.below(level.leaves.len())].ty
            }
            _ => [Ty::Int, Ty::Text, Ty::Bool, Ty::Num, Ty::Date, Ty::Json, Ty::Texts, Ty::Ints, Ty::Stamp]
                [self.tape.weighted(&[6, 6, 4, 2, 2, 2, 1, 1, 1])],
        }
    }
}
