//! Aggregates, scalar sub-queries and window functions.

use super::Gen;
use super::scope::Scope;
use crate::schema::Ty;

const FRAMES: [&str; 5] = [
    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES",
];

impl Gen<'_> {
    /// An aggregate over the rows of a group.
    pub(super) fn aggregate(&mut self, ty: Ty, scope: &Scope) -> String {
        let Some(ungrouped) = scope.last().and_then(|level| level.ungrouped.clone()) else {
            return self.leaf(ty, scope);
        };
        let mut inner = scope[..scope.len() - 1].to_vec();
        inner.push(ungrouped);
        self.shape("aggregate");
        let call = self.aggregate_of(ty, &inner);
        if self.may(15) {
            self.shape("FILTER");
            let when = self.expr(Ty::Bool, &inner, 2);
            return match call.strip_suffix("::int") {
                Some(call) => format!("({call} FILTER (WHERE {when}))::int"),
                None => format!("{call} FILTER (WHERE {when})"),
            };
        }
        call
    }

    fn aggregate_of(&mut self, ty: Ty, scope: &Scope) -> String {
        if ty == Ty::Int {
            let of = self.some_type(scope);
            match self.tape.below(6) {
                0 => return "count(*)::int".to_owned(),
                4 => {
                    self.shape("aggregate that tells");
                    return format!("longest({})", self.expr(Ty::Text, scope, 2));
                }
                5 => {
                    if let Some(row) = self.any_row(scope) {
                        self.shape("rows counted");
                        return format!("count({}{row})::int", self.tape.pick(&["", "DISTINCT "]));
                    }
                }
                1 => return format!("count({})::int", self.expr(of, scope, 2)),
                2 => return format!("count(DISTINCT {})::int", self.expr(of, scope, 2)),
                _ => {}
            }
        }
        let one = self.expr(ty, scope, 2);
        match ty {
            Ty::Int => match self.tape.below(3) {
                0 => format!("max({one})"),
                1 => format!("sum({one})::int"),
                _ => format!("percentile_disc(0.5) WITHIN GROUP (ORDER BY {one})"),
            },
            Ty::Text => match self.tape.below(4) {
                0 => format!("min({one})"),
                1 => format!("string_agg({one}, ',' ORDER BY {one})"),
                2 => format!("string_agg(DISTINCT {one}, ',' ORDER BY {one})"),
                _ => format!("mode() WITHIN GROUP (ORDER BY {one} DESC)"),
            },
            Ty::Bool => format!("{}({one})", self.tape.pick(&["bool_or", "bool_and"])),
            Ty::Num => format!("{}({one})", self.tape.pick(&["sum", "max", "avg"])),
            Ty::Date | Ty::Stamp => format!("{}({one})", self.tape.pick(&["max", "min"])),
            Ty::Json => {
                let (of, row) = (self.some_type(scope), self.any_row(scope));
                match row.filter(|_| self.tape.chance(30)) {
                    Some(row) => format!("jsonb_agg({row} ORDER BY {row}::text)"),
                    None => {
                        let one = self.expr(of, scope, 2);
                        format!("jsonb_agg({one} ORDER BY {one})")
                    }
                }
            }
            Ty::Texts => {
                let one = self.expr(Ty::Text, scope, 2);
                format!("array_agg({one} ORDER BY {one})")
            }
            Ty::Ints => {
                let one = self.expr(Ty::Int, scope, 2);
                format!("array_agg({one} ORDER BY {one} DESC)")
            }
            Ty::Other(_) | Ty::Row(_) => format!("percentile_disc(0) WITHIN GROUP (ORDER BY {one})"),
        }
    }

    /// A sub-query of one value.
    pub(super) fn scalar_query(&mut self, ty: Ty, scope: &Scope) -> String {
        self.shape("scalar sub-query");
        if self.tape.chance(8) {
            self.shape("sub-query of perhaps too many rows");
            let query = self.query(scope, Some(&[ty]), false);
            return format!("({})", query.sql);
        }
        let query = self.query(scope, Some(&[ty]), false);
        let name = self.name("q");
        format!("(SELECT {name}.c1 FROM ({}) AS {name}(c1) ORDER BY 1 {} LIMIT 1)", query.sql, self.direction())
    }

    pub(super) fn direction(&mut self) -> &'static str {
        ["", "DESC", "NULLS FIRST", "DESC NULLS LAST"][self.tape.weighted(&[4, 2, 1, 1])]
    }

    /// A window function; of which rows differ only in what it does not see, where their order is not total.
    pub(super) fn window(&mut self, scope: &Scope) -> (String, Ty) {
        self.shape("window function");
        let key = scope.last().and_then(|level| level.key.clone());
        let mut window = String::new();
        if self.tape.chance(50) {
            let of = self.some_type(scope);
            window.push_str(&format!("PARTITION BY {} ", self.expr(of, scope, 2)));
        }
        let ty = [Ty::Int, Ty::Text, Ty::Num][self.tape.weighted(&[4, 2, 1])];
        let of = self.some_type(scope);
        let by = self.expr(of, scope, 2);
        let order = format!("ORDER BY {by} {}", self.direction());
        if let Some(key) = key.filter(|key| !key.is_empty() && self.tape.chance(60)) {
            window.push_str(&format!("{order}, {}", key.join(", ")));
            let value = self.expr(ty, scope, 2);
            let call = match self.tape.below(7) {
                0 => return (format!("row_number() OVER ({window})::int"), Ty::Int),
                1 => format!("lag({value}) OVER ({window})"),
                2 => format!("lead({value}, 2) OVER ({window})"),
                3 => format!("first_value({value}) OVER ({window} {})", self.frame()),
                4 => format!("max({value}) OVER ({window} {})", self.frame()),
                5 => format!("nth_value({value}, 2) OVER ({window} {})", self.frame()),
                _ => return (format!("ntile(3) OVER ({window})"), Ty::Int),
            };
            return (call, ty);
        }
        match self.tape.below(4) {
            0 => (format!("rank() OVER ({window}{order})::int"), Ty::Int),
            1 => (format!("dense_rank() OVER ({window}{order})::int"), Ty::Int),
            2 if of == Ty::Int => {
                let value = self.expr(Ty::Int, scope, 2);
                let (start, end) = (self.tape.below(3), self.tape.below(3));
                (
                    format!(
                        "sum({value}) OVER ({window}{order} RANGE BETWEEN {start} PRECEDING AND {end} FOLLOWING)::int"
                    ),
                    Ty::Int,
                )
            }
            2 => {
                let value = self.expr(Ty::Int, scope, 2);
                (format!("sum({value}) OVER ({window}{order})::int"), Ty::Int)
            }
            _ => {
                let value = self.expr(ty, scope, 2);
                (format!("max({value}) OVER ({window})"), ty)
            }
        }
    }

    fn frame(&mut self) -> &'static str {
        self.tape.pick(&FRAMES)
    }
}
