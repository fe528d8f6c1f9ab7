//! How things stand: status(), as names and values; and my_rights(), which the views ask.

use pgrx::prelude::*;

use super::{health, store};
use crate::catalog::{labels, rights, session};
use crate::error::{Result, or_raise};
use crate::pg::shared;

use super::guard::RIGHTS;

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn status() -> TableIterator<'static, (name!(name, String), name!(value, String))> {
    TableIterator::new(or_raise(collect()))
}

/// Everything that one statement can say.
const COUNTS: &str = "SELECT name, value FROM (VALUES
    (1, 'version', (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'jitmask')),
    (2, 'database', pg_catalog.current_database()::text),
    (3, 'shared_preload_libraries', pg_catalog.current_setting('shared_preload_libraries')),
    (4, 'policies', (SELECT count(*) FROM jitmask.policy)::text),
    (5, 'pending requests', (SELECT count(*) FROM jitmask.request_
                              WHERE state = 'pending' AND decide_by > clock_timestamp())::text),
    (6, 'live grants', (SELECT count(*) FROM jitmask.grant_
                         WHERE state IN ('scheduled', 'active') AND expires_at > clock_timestamp())::text),
    (7, 'right admin', (SELECT string_agg(role::text, ', ' ORDER BY role::text)
                          FROM jitmask.right_ WHERE \"right\" = 'admin')),
    (8, 'right approver', (SELECT string_agg(role::text, ', ' ORDER BY role::text)
                             FROM jitmask.right_ WHERE \"right\" = 'approver')),
    (9, 'right auditor', (SELECT string_agg(role::text, ', ' ORDER BY role::text)
                            FROM jitmask.right_ WHERE \"right\" = 'auditor')),
    (10, 'right relay', (SELECT string_agg(role::text, ', ' ORDER BY role::text)
                           FROM jitmask.right_ WHERE \"right\" = 'relay')),
    (11, 'exempt roles', (SELECT string_agg(role::text
                                 || CASE WHEN inherit THEN ' and members' ELSE '' END
                                 || CASE WHEN until IS NULL THEN '' ELSE ' until ' || until END, ', ' ORDER BY role::text)
                            FROM jitmask.exemption WHERE coalesce(until > clock_timestamp(), true))),
    (12, 'trusted owners', (SELECT string_agg(role::text, ', ' ORDER BY role::text) FROM jitmask.trusted_owner)),
    (13, 'trusted functions', (SELECT string_agg(func::text, ', ' ORDER BY func::text) FROM jitmask.trusted_function)),
    (14, 'shared logins', (SELECT string_agg(role::text, ', ' ORDER BY role::text) FROM jitmask.shared_login_)),
    (15, 'mask_superusers', pg_catalog.current_setting('jitmask.mask_superusers'))
  ) AS said(place, name, value) ORDER BY place";

fn collect() -> Result<Vec<(String, String)>> {
    health::overseer("status")?;
    let mut rows = store::read(COUNTS, &[], |row| {
        Ok((row.need::<String>(1)?, row.get::<String>(2)?.unwrap_or_else(|| "none".to_owned())))
    })?;
    rows.push(("labelled columns".to_owned(), labels::all()?.len().to_string()));
    let clock = if shared::clock().behind { "behind the latest time seen: no grant counts" } else { "in order" };
    rows.push(("clock".to_owned(), clock.to_owned()));
    Ok(rows)
}

/// The rights of the caller's login; a session that acts as a superuser has them all but `approver`, which is a matter of
/// people.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn my_rights() -> Vec<String> {
    let caller = session::caller();
    let superuser = session::is_superuser(caller.role);
    RIGHTS
        .iter()
        .filter(|right| (superuser && **right != "approver") || rights::holds(caller.login, right))
        .map(|right| (*right).to_owned())
        .collect()
}
