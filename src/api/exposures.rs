//! What can still show something of protected columns: the function behind the view `jitmask.exposures`.

use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

use super::guard;
use crate::catalog::exposures::{self, Exposure};
use crate::catalog::session;
use crate::error::{Result, or_raise};
use crate::pg::relation;

/// Relation, column, kind, object, held by, severity, shows, remedy.
type Listed = (String, Option<String>, String, String, Option<String>, String, String, String);

#[pg_extern(name = "exposures", security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list() -> TableIterator<
    'static,
    (
        name!(relation, String),
        name!(column, Option<String>),
        name!(kind, String),
        name!(object, String),
        name!(held_by, Option<String>),
        name!(severity, String),
        name!(shows, String),
        name!(remedy, String),
    ),
> {
    let body = || -> Result<Vec<Listed>> {
        // Like the other views: to others it is empty.
        if !guard::oversees(session::caller()) {
            return Ok(Vec::new());
        }
        Ok(exposures::of(&exposures::everything()?, false)?.into_iter().map(told).collect())
    };
    TableIterator::new(or_raise(body()))
}

fn told(one: Exposure) -> Listed {
    (
        relation::qualified_name(one.column.0),
        (one.column.1 != 0).then(|| exposures::name_of(one.column)),
        one.kind.to_owned(),
        one.object,
        one.held_by.map(|role| if role == Oid::INVALID { "public".to_owned() } else { session::role_name(role) }),
        one.severity.word().to_owned(),
        one.shows,
        one.remedy,
    )
}
