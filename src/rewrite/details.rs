//! DETAIL of errors: "Failing row contains (…)" and "Key (…)=(…) already exists" quote stored values.
//!
//! Where the relation has columns that are masked for somebody who will see the error, a sentence takes the place of the
//! values; everything else about the error stays. Who sees it: the client, and every piece of code on the way to it,
//! each of which may catch it. Grants don't count: a read grant allows nothing but reading.

use std::ffi::CStr;

use jitmask_core::model::decide::Subject;
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::Oid;

use super::rulings;
use crate::catalog::extension::{self, Installed};
use crate::catalog::session;
use crate::pg::composing::{self, Named, Problem};
use crate::pg::{constraint, events, nesting, relation, roles};

const KEY: &CStr = c"The key holds values that are masked for you.";
const ROW: &CStr = c"The failing row holds values that are masked for you.";

/// Puts the last look at errors in place. Once, while the library is being preloaded.
pub fn init() {
    composing::init(judge);
}

fn judge(problem: &Problem) -> Option<&'static CStr> {
    hides(problem).then_some(if quotes_key(problem) { KEY } else { ROW })
}

/// What an error quotes of a relation: columns, or `None` for any of them.
struct Quoted {
    relation: Oid,
    columns: Option<Vec<i16>>,
}

fn hides(problem: &Problem) -> bool {
    if !events::in_live_transaction() {
        // Nothing can be looked up, so nothing is known to be harmless.
        return extension::known().is_some();
    }
    let Some(ours) = extension::installed() else { return false };
    session::sync(&ours);
    let quoted = match &problem.named {
        Some(named) => match quoted(problem, named) {
            Some(quoted) => quoted,
            // Whatever it is about can't be found: it is not known to be harmless.
            None => return true,
        },
        None => problem.written.iter().map(|relation| Quoted { relation: *relation, columns: None }).collect(),
    };
    let mut readers = nesting::users();
    readers.push(roles::outer_user());
    quoted.iter().any(|quoted| {
        readers.iter().any(|reader| masks(&ours, &session::subject_as(roles::session_user(), *reader), quoted))
    })
}

fn masks(ours: &Installed, subject: &Subject, quoted: &Quoted) -> bool {
    let protected = rulings::protected(ours, &[quoted.relation]);
    let counts = |column| quoted.columns.as_ref().is_none_or(|columns| columns.contains(&column));
    rulings::decide(ours, subject, protected, false).relations.iter().any(|ruled| {
        let mut columns = ruled.protected.columns.iter().zip(&ruled.rulings);
        columns.any(|(column, ruling)| !ruling.raw() && counts(column.number))
    })
}

/// What an error that names a relation quotes; `None` if there is no such relation.
fn quoted(problem: &Problem, named: &Named) -> Option<Vec<Quoted>> {
    let schema = relation::schema_named(&named.schema)?;
    let table = relation::in_schema(schema, &named.table)?;
    let whole = vec![Quoted { relation: table, columns: None }];
    let Some(name) = &named.constraint else { return Some(whole) };
    if is(problem, PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION) {
        let Some(key) = constraint::foreign_key_named(table, name) else { return Some(whole) };
        // The referencing relation is the one that is named. What is quoted is its key if that finds no counterpart, else
        // the referenced one's; only the wording tells which.
        let mut sides = vec![Quoted { relation: key.relation, columns: Some(key.columns) }];
        if !problem.wording.to_bytes().starts_with(b"insert or update on table") {
            sides.push(Quoted { relation: key.referenced, columns: Some(key.referenced_columns) });
        }
        return Some(sides);
    }
    if quotes_key(problem)
        && let Some(index) = relation::in_schema(schema, name)
        && relation::index_table(index) == Some(table)
    {
        return Some(vec![Quoted { relation: table, columns: relation::key_columns(index) }]);
    }
    Some(whole)
}

fn quotes_key(problem: &Problem) -> bool {
    is(problem, PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION)
        || is(problem, PgSqlErrorCode::ERRCODE_EXCLUSION_VIOLATION)
        || is(problem, PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION)
}

fn is(problem: &Problem, code: PgSqlErrorCode) -> bool {
    problem.sqlstate == code as i32
}
