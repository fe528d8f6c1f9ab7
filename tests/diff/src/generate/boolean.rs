//! Conditions.

use super::Gen;
use super::scope::Scope;
use crate::schema::Ty;

const COMPARISONS: [&str; 8] = ["=", "<", ">", "<>", "<=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];

impl Gen<'_> {
    pub(super) fn boolean(&mut self, scope: &Scope, depth: usize) -> String {
        match self.tape.weighted(&[10, 5, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2]) {
            0 => {
                let ty = self.some_type(scope);
                let (one, other) = (self.expr(ty, scope, depth), self.expr(ty, scope, depth));
                format!("({one} {} {other})", self.tape.pick(&COMPARISONS))
            }
            1 => {
                let (one, other) = (self.expr(Ty::Bool, scope, depth), self.expr(Ty::Bool, scope, depth));
                format!("({one} {} {other})", self.tape.pick(&["AND", "OR"]))
            }
            2 => {
                let ty = self.some_type(scope);
                let one = self.expr(ty, scope, depth);
                format!("({one} {})", self.tape.pick(&["IS NULL", "IS NOT NULL"]))
            }
            3 => {
                let one = self.expr(Ty::Bool, scope, depth);
                match self.tape.below(3) {
                    0 => format!("(NOT {one})"),
                    1 => format!("({one} IS TRUE)"),
                    _ => format!("({one} IS NOT FALSE)"),
                }
            }
            4 => {
                let (one, other) = (self.expr(Ty::Text, scope, depth), self.expr(Ty::Text, scope, depth));
                match self.tape.weighted(&[3, 3, 3, 3, 2]) {
                    4 => {
                        self.shape("operator that tells");
                        format!("({one} ==~ {other})")
                    }
                    0 => format!("({one} LIKE {other} || '%')"),
                    1 => format!("(strpos({one}, {other}) > 0)"),
                    2 => format!("({one} ~ '{}')", self.tape.pick(&["^R", "[0-9]", "ab$", "Z"])),
                    _ => format!("({one} ILIKE '{}')", self.tape.pick(&["r%", "%z%", "%b"])),
                }
            }
            5 => self.membership(scope, depth),
            6 => {
                self.shape("EXISTS");
                let not = self.tape.pick(&["", "NOT "]);
                let query = self.query(scope, None, false);
                format!("({not}EXISTS ({}))", query.sql)
            }
            7 => {
                let ty = self.some_type(scope);
                let parts = [self.expr(ty, scope, depth), self.expr(ty, scope, depth), self.expr(ty, scope, depth)];
                format!("({} BETWEEN {} AND {})", parts[0], parts[1], parts[2])
            }
            8 => {
                self.shape("row comparison");
                let types = [self.some_type(scope), self.some_type(scope)];
                let (left, right) = (self.exprs(&types, scope), self.exprs(&types, scope));
                let operator = self.tape.pick(&COMPARISONS);
                format!("(ROW({}) {operator} ROW({}))", left.join(", "), right.join(", "))
            }
            9 => match self.any_row(scope) {
                Some(row) => {
                    self.shape("whole row tested");
                    let other = self.row_like(&row, scope);
                    match self.tape.below(6) {
                        4 => format!("({row} *= {other})"),
                        5 => format!("({row} IS DISTINCT FROM {other})"),
                        0 => format!("({row} IS NULL)"),
                        1 => format!("({row} IS NOT NULL)"),
                        2 => format!("({row} IS DISTINCT FROM NULL)"),
                        _ => format!("({row} = {row})"),
                    }
                }
                None => self.leaf(Ty::Bool, scope),
            },
            10 => {
                let (one, other) = (self.expr(Ty::Texts, scope, depth), self.expr(Ty::Texts, scope, depth));
                format!("({one} {} {other})", self.tape.pick(&["@>", "&&", "="]))
            }
            _ => {
                let (one, other) = (self.expr(Ty::Json, scope, depth), self.expr(Ty::Json, scope, depth));
                format!("({one} @> {other})")
            }
        }
    }

    /// A row that can be compared with this one: of the same table.
    fn row_like(&mut self, row: &str, scope: &Scope) -> String {
        let leaves = scope.last().map_or(&[][..], |level| level.leaves.as_slice());
        let of = leaves.iter().find(|leaf| leaf.sql == row).map(|leaf| leaf.ty);
        let alike: Vec<&str> = leaves.iter().filter(|leaf| Some(leaf.ty) == of).map(|leaf| leaf.sql.as_str()).collect();
        if alike.is_empty() { row.to_owned() } else { alike[self.tape.below(alike.len())].to_owned() }
    }

    fn membership(&mut self, scope: &Scope, depth: usize) -> String {
        let ty = self.some_type(scope);
        let one = self.expr(ty, scope, depth);
        let not = self.tape.pick(&["", "NOT "]);
        match self.tape.below(5) {
            0 => {
                let list = self.exprs(&[ty, ty], scope);
                format!("({one} {not}IN ({}))", list.join(", "))
            }
            1 => {
                self.shape("IN sub-query");
                let query = self.query(scope, Some(&[ty]), false);
                format!("({one} {not}IN ({}))", query.sql)
            }
            2 => {
                self.shape("ANY or ALL of a sub-query");
                let operator = self.tape.pick(&COMPARISONS[..6]);
                let query = self.query(scope, Some(&[ty]), false);
                format!("({one} {operator} {} ({}))", self.tape.pick(&["ANY", "ALL"]), query.sql)
            }
            3 => {
                self.shape("rows IN sub-query");
                let second = self.some_type(scope);
                let other = self.expr(second, scope, depth);
                let query = self.query(scope, Some(&[ty, second]), false);
                format!("(({one}, {other}) {not}IN ({}))", query.sql)
            }
            _ => {
                let list = self.exprs(&[ty, ty], scope);
                let operator = self.tape.pick(&COMPARISONS[..6]);
                format!("({one} {operator} ANY (ARRAY[{}]))", list.join(", "))
            }
        }
    }
}
