//! Expressions of each type.

use super::Gen;
use super::scope::Scope;
use crate::schema::Ty;

/// Tables and what they inherit from.
const CHILDREN: [(&str, &str); 6] = [
    ("dog", "animal"),
    ("cat", "animal"),
    ("orders_n", "orders"),
    ("orders_s", "orders"),
    ("orders_s2", "orders"),
    ("orders_d", "orders"),
];

/// Deeper than this there are leaves only.
const DEEPEST: usize = 4;

impl Gen<'_> {
    /// An expression of a type.
    pub fn expr(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        self.part(|generator| generator.some_expr(ty, scope, depth))
    }

    fn some_expr(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        self.fuel -= 1;
        if self.fuel <= 0 || depth >= DEEPEST || !self.tape.chance(if depth == 0 { 55 } else { 40 }) {
            return self.leaf(ty, scope);
        }
        let grouped = scope.last().is_some_and(|level| level.ungrouped.is_some());
        match self.tape.weighted(&[12, 3, if grouped { 12 } else { 0 }, 2]) {
            0 => self.special(ty, scope, depth + 1),
            1 => self.general(ty, scope, depth + 1),
            2 => self.aggregate(ty, scope),
            _ => self.scalar_query(ty, scope),
        }
    }

    /// What there is for every type.
    fn general(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let one = self.expr(ty, scope, depth);
        match self.tape.weighted(&[4, 4, 4, 4, 4, 3]) {
            0 => {
                let other = self.expr(ty, scope, depth);
                format!("coalesce({one}, {other})")
            }
            1 => {
                let when = self.expr(Ty::Bool, scope, depth);
                let other = self.expr(ty, scope, depth);
                format!("CASE WHEN {when} THEN {one} ELSE {other} END")
            }
            2 => {
                let of = self.some_type(scope);
                let (value, when) = (self.expr(of, scope, depth), self.expr(of, scope, depth));
                format!("CASE {value} WHEN {when} THEN {one} END")
            }
            3 => {
                let other = self.expr(ty, scope, depth);
                format!("nullif({one}, {other})")
            }
            5 => {
                self.shape("function that tells");
                format!("peek({one})")
            }
            _ => {
                let other = self.expr(ty, scope, depth);
                self.shape("array element");
                format!("(ARRAY[{one}, {other}])[{}]", 1 + self.tape.below(2))
            }
        }
    }

    fn special(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        match ty {
            Ty::Int => self.int(scope, depth),
            Ty::Text => self.text(scope, depth),
            Ty::Bool => self.boolean(scope, depth),
            Ty::Num => self.numeric(scope, depth),
            Ty::Date => self.date(scope, depth),
            Ty::Stamp => {
                let date = self.expr(Ty::Date, scope, depth);
                format!("({date})::timestamp")
            }
            Ty::Json => self.json(scope, depth),
            Ty::Texts | Ty::Ints => self.array(ty, scope, depth),
            Ty::Other("addr") => {
                let (street, zip) = (self.expr(Ty::Text, scope, depth), self.expr(Ty::Int, scope, depth));
                format!("ROW({street}, {zip})::addr")
            }
            Ty::Row("people") if self.may(40) => {
                let of = self.expr(Ty::Int, scope, depth);
                format!("f_whole({of})")
            }
            Ty::Other(_) | Ty::Row(_) => self.leaf(ty, scope),
        }
    }

    fn int(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = self.tape.weighted(&[8, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 1, 2]);
        let of =
            [Ty::Int, Ty::Text, Ty::Date, Ty::Int, Ty::Texts, Ty::Int, Ty::Int, Ty::Text, Ty::Other("addr"), Ty::Int]
                .get(kind)
                .copied()
                .unwrap_or(Ty::Int);
        let one = self.expr(of, scope, depth);
        match kind {
            0 => {
                let other = self.expr(Ty::Int, scope, depth);
                format!("({one} {} {other})", self.tape.pick(&["+", "-", "*"]))
            }
            1 => format!("{}({one})", self.tape.pick(&["length", "ascii", "octet_length"])),
            2 => format!("extract({} FROM {one})::int", self.tape.pick(&["day", "month", "year", "dow"])),
            3 => {
                let divisor = if self.tape.chance(30) { self.expr(Ty::Int, scope, depth) } else { "3".to_owned() };
                if divisor != "3" {
                    self.shape("may divide by zero");
                }
                format!("({one} {} {divisor})", self.tape.pick(&["/", "%"]))
            }
            4 => format!("cardinality({one})"),
            5 => {
                let other = self.expr(Ty::Int, scope, depth);
                format!("{}({one}, {other})", self.tape.pick(&["greatest", "least"]))
            }
            6 => {
                self.shape("scalar function over a table");
                format!("f_score({one})")
            }
            7 => {
                self.shape("cast that may fail");
                format!("({one})::int")
            }
            8 => format!("({one}).zip"),
            9 => format!("abs({one})"),
            10 => {
                let (one, other) = (self.expr(Ty::Date, scope, depth), self.expr(Ty::Date, scope, depth));
                format!("({one} - {other})")
            }
            11 => {
                let json = self.expr(Ty::Json, scope, depth);
                self.shape("cast that may fail");
                format!("({json} ->> '{}')::int", self.tape.pick(&["id", "score", "n", "a", "name"]))
            }
            _ => match self.row_of("people", scope) {
                Some(row) => {
                    self.shape("function of a row");
                    format!("f_plrow({row})")
                }
                None => format!("(- {one})"),
            },
        }
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> String {
        match self.tape.weighted(&[5, 5, 4, 4, 3, 2, 2, 2, 2, 2, 1, 1, 2, 1]) {
            0 => {
                let (one, other) = (self.expr(Ty::Text, scope, depth), self.expr(Ty::Text, scope, depth));
                format!("({one} || {other})")
            }
            1 => {
                let one = self.expr(Ty::Text, scope, depth);
                let function =
                    self.tape.pick(&["lower", "upper", "reverse", "md5", "btrim", "quote_nullable", "initcap"]);
                format!("{function}({one})")
            }
            2 => {
                let one = self.expr(Ty::Text, scope, depth);
                let number = self.tape.below(6);
                match self.tape.below(4) {
                    0 => format!("left({one}, {number})"),
                    1 => format!("right({one}, {number})"),
                    2 => format!("substr({one}, {number}, 3)"),
                    _ => format!("({one})::varchar({})", number + 1),
                }
            }
            3 => {
                let of = self.some_type(scope);
                let one = self.expr(of, scope, depth);
                format!("({one})::text")
            }
            4 => match self.any_row(scope) {
                Some(row) => {
                    self.shape("whole row as text");
                    match self.tape.below(5) {
                        0 => format!("{row}::text"),
                        1 => format!("row_to_json({row})::text"),
                        2 => format!("format('%s', {row})"),
                        3 => format!("ROW({row}.*)::text"),
                        _ => format!("concat({row}, 'x')"),
                    }
                }
                None => self.leaf(Ty::Text, scope),
            },
            5 => {
                let one = self.expr(Ty::Json, scope, depth);
                format!("({one} ->> '{}')", self.tape.pick(&["name", "mail", "card", "a", "chip"]))
            }
            6 => {
                let one = self.expr(Ty::Texts, scope, depth);
                format!("array_to_string({one}, ',', '-')")
            }
            7 => {
                let of = self.some_type(scope);
                let one = self.expr(of, scope, depth);
                format!("pg_typeof({one})::text")
            }
            8 => {
                let of = self.expr(Ty::Int, scope, depth);
                self.shape("scalar function over a table");
                format!("{}({of})", self.tape.pick(&["f_name", "f_definer", "f_return", "f_variables"]))
            }
            9 => match self.row_of("people", scope) {
                Some(row) => {
                    self.shape("function of a row");
                    format!("f_row({row})")
                }
                None => self.leaf(Ty::Text, scope),
            },
            10 => {
                let one = self.expr(Ty::Other("addr"), scope, depth);
                format!("({one}).street")
            }
            12 => {
                let found =
                    CHILDREN.iter().find_map(|(child, parent)| self.row_of(child, scope).map(|row| (row, *parent)));
                match found {
                    Some((row, parent)) => {
                        self.shape("row as its parent's");
                        let field = if parent == "orders" { "card" } else { "chip" };
                        self.tape
                            .pick(
                                &[format!("({row}::{parent}).{field}"), format!("{row}::{parent}::text")]
                                    .each_ref()
                                    .map(String::as_str),
                            )
                            .to_owned()
                    }
                    None => self.leaf(Ty::Text, scope),
                }
            }
            13 => {
                let one = self.expr(Ty::Json, scope, depth);
                format!("({one})['name']::text")
            }
            _ => {
                self.shape("row from json");
                let one = self.expr(Ty::Json, scope, depth);
                format!("(jsonb_populate_record(NULL::people, {one} - 'tags' - 'a' - 'home')).name")
            }
        }
    }

    fn numeric(&mut self, scope: &Scope, depth: usize) -> String {
        match self.tape.below(4) {
            0 => {
                let (one, other) = (self.expr(Ty::Num, scope, depth), self.expr(Ty::Num, scope, depth));
                format!("({one} {} {other})", self.tape.pick(&["+", "-", "*"]))
            }
            1 => {
                let one = self.expr(Ty::Int, scope, depth);
                format!("({one})::numeric(14,2)")
            }
            2 => {
                let one = self.expr(Ty::Num, scope, depth);
                format!("round({one}, {})", self.tape.below(2))
            }
            _ => {
                let one = self.expr(Ty::Text, scope, depth);
                self.shape("cast that may fail");
                format!("({one})::numeric(14,2)")
            }
        }
    }

    fn date(&mut self, scope: &Scope, depth: usize) -> String {
        match self.tape.weighted(&[5, 3, 1, 1]) {
            0 => {
                let (one, days) = (self.expr(Ty::Date, scope, depth), self.expr(Ty::Int, scope, depth));
                format!("({one} + {days})")
            }
            1 => {
                let one = self.expr(Ty::Date, scope, depth);
                format!("date_trunc('{}', {one})::date", self.tape.pick(&["month", "year"]))
            }
            2 => {
                let one = self.expr(Ty::Text, scope, depth);
                self.shape("cast that may fail");
                format!("({one})::date")
            }
            _ => {
                let one = self.expr(Ty::Stamp, scope, depth);
                format!("({one})::date")
            }
        }
    }

    fn json(&mut self, scope: &Scope, depth: usize) -> String {
        match self.tape.below(4) {
            0 => match self.any_row(scope) {
                Some(row) => {
                    self.shape("whole row as json");
                    format!("{}({row}){}", self.tape.pick(&["to_jsonb", "row_to_json"]), "::jsonb")
                }
                None => self.leaf(Ty::Json, scope),
            },
            1 => {
                let of = self.some_type(scope);
                let one = self.expr(of, scope, depth);
                format!("to_jsonb({one})")
            }
            2 => {
                let of = self.some_type(scope);
                let (one, other) = (self.expr(of, scope, depth), self.expr(Ty::Text, scope, depth));
                format!("jsonb_build_object('a', {one}, 'name', {other})")
            }
            _ => {
                let (one, other) = (self.expr(Ty::Json, scope, depth), self.expr(Ty::Json, scope, depth));
                format!("({one} || {other})")
            }
        }
    }

    fn array(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let of = if ty == Ty::Ints { Ty::Int } else { Ty::Text };
        match self.tape.below(4) {
            0 => {
                let (one, other) = (self.expr(of, scope, depth), self.expr(of, scope, depth));
                format!("ARRAY[{one}, {other}]::{}", ty.sql())
            }
            1 => {
                let (one, other) = (self.expr(ty, scope, depth), self.expr(of, scope, depth));
                format!("array_append({one}, ({other})::{})", of.sql())
            }
            2 => {
                self.shape("array of a sub-query");
                let query = self.query(scope, Some(&[of]), false);
                let name = self.name("q");
                format!("ARRAY(SELECT ({name}.c1)::{} FROM ({}) AS {name}(c1) ORDER BY 1)", of.sql(), query.sql)
            }
            _ => {
                let one = self.expr(ty, scope, depth);
                format!("({one})[{}:2]", self.tape.below(3))
            }
        }
    }

    /// The alias of a row that can be named, in the innermost level.
    pub fn any_row(&mut self, scope: &Scope) -> Option<String> {
        let rows = &scope.last()?.rows;
        if rows.is_empty() { None } else { Some(rows[self.tape.below(rows.len())].clone()) }
    }

    fn row_of(&mut self, table: &'static str, scope: &Scope) -> Option<String> {
        let level = scope.last()?;
        level.leaves.iter().find(|leaf| leaf.ty == Ty::Row(table)).map(|leaf| leaf.sql.clone())
    }
}
