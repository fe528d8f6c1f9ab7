//! Makes statements, one decision of the tape after the other.
//!
//! What must hold: most statements are valid, and what a valid one returns depends on the tables alone, not on the plan:
//! rows are counted off or numbered only where their order is total, what depends on the order of its input is ordered,
//! no floating point, nothing volatile. What depends on the plan all the same (which of two errors comes first) is
//! `judge`'s business.

mod boolean;
mod dml;
mod expr;
mod from;
mod insert;
mod scope;
mod select;
mod values;
mod window;
mod wrap;

use std::collections::BTreeSet;

use crate::schema::Ty;
use crate::script::{Expects, Script};
use crate::tape::Tape;
use scope::Scope;

/// A query under construction.
struct Rel {
    sql: String,
    columns: Vec<(String, Ty)>,
    /// The order of its rows is total.
    ordered: bool,
}

/// A common table expression in reach.
#[derive(Clone)]
struct Cte {
    name: String,
    columns: Vec<(String, Ty)>,
}

struct Gen<'t> {
    tape: &'t mut Tape,
    /// Names given so far.
    names: usize,
    /// What may still be built.
    fuel: i32,
    ctes: Vec<Cte>,
    /// Values of parameters, where the statement may have some.
    params: Option<Vec<(Ty, String)>>,
    shapes: BTreeSet<&'static str>,
    /// What the two sides may differ in.
    expects: Expects,
}

/// The statement that a tape means. Whether it may write is decided outside.
pub fn generate(tape: &mut Tape, writes: bool) -> Script {
    let fuel = [6, 14, 30, 60][tape.weighted(&[2, 4, 4, 2])];
    let mut generator = Gen {
        tape,
        names: 0,
        fuel,
        ctes: Vec::new(),
        params: None,
        shapes: BTreeSet::new(),
        expects: Expects::default(),
    };
    generator.script(writes)
}

impl Gen<'_> {
    fn shape(&mut self, name: &'static str) {
        self.shapes.insert(name);
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Yes, so many times in a hundred, as long as there is something left to build with.
    fn may(&mut self, percent: usize) -> bool {
        self.fuel > 0 && self.tape.chance(percent)
    }

    /// One part of the statement: its decisions form a span.
    fn part<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.tape.enter();
        let made = make(self);
        self.tape.leave();
        made
    }

    /// Several expressions.
    fn exprs(&mut self, types: &[Ty], scope: &Scope) -> Vec<String> {
        types.iter().map(|ty| self.expr(*ty, scope, 0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_tape_gives_a_simple_statement() {
        let script = generate(&mut Tape::replay(&[]), true);
        assert_eq!(script.steps.len(), 1, "{}", script.text());
        assert!(script.text().len() < 120, "{}", script.text());
    }

    #[test]
    fn a_tape_means_one_statement() {
        for seed in 0..200 {
            let mut tape = Tape::random(seed);
            let text = generate(&mut tape, true).text();
            assert_eq!(generate(&mut Tape::replay(&tape.into_record()), true).text(), text);
        }
    }

    #[test]
    fn no_statement_holds_a_marker() {
        for seed in 0..2000 {
            let mut found = Vec::new();
            let text = generate(&mut Tape::random(seed), true).text();
            crate::leak::find(text.as_bytes(), &mut found);
            assert!(found.is_empty(), "{found:?} in {text}");
        }
    }
}
