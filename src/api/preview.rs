//! What would this role see? `jitmask.preview_as(role, sql)`.

use pgrx::prelude::*;
use pgrx::{JsonB, Spi};

use super::guard::{self, quoted};
use crate::catalog::{session, verdict};
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::{guc, roles};

/// The first rows a query gives to a role, as JSON, with the masks that role sees. For administrators.
///
/// 42501 for a role that reads raw values without a grant, unless the caller is a superuser: a preview must not be a way
/// to them. And for one the caller could not SET ROLE to. Grants are the person's, and are not counted. The query can't change anything.
#[pg_extern(security_definer)]
fn preview_as(role: &str, sql: &str, rows: default!(i64, 20)) -> SetOfIterator<'static, JsonB> {
    SetOfIterator::new(or_raise(preview(role, sql, rows)))
}

fn preview(role: &str, sql: &str, rows: i64) -> Result<Vec<JsonB>> {
    let caller = guard::admin("preview_as")?;
    let target = guard::role(role)?;
    if verdict::reads_raw(target) && !session::is_superuser(caller.role) {
        return Err(Error::new(Code::Privilege, format!("role \"{role}\" reads raw values, so it can't be previewed"))
            .detail("It is a superuser, exempt or left out of a policy, and its view is not an administrator's to see.")
            .hint(format!("SELECT * FROM jitmask.why('schema.table.column', {});", quoted(role))));
    }
    if role.starts_with("pg_") {
        return Err(Error::new(
            Code::Privilege,
            format!("role \"{role}\" is one of the server's own and can't be previewed"),
        )
        .hint("Name the role of a person or an application."));
    }
    // Running as a role is more than seeing its masks: it takes what SET ROLE would take.
    if !session::is_superuser(caller.role) && !session::is_member(caller.login, target) {
        return Err(Error::new(Code::Privilege, format!("permission denied to preview as role \"{role}\""))
            .detail(format!("Login \"{}\" is not a member of it.", session::role_name(caller.login)))
            .hint("A superuser can preview as any role."));
    }
    let path = roles::as_outer_user(guc::search_path);
    let query = format!(
        "SELECT pg_catalog.to_jsonb(preview) FROM ({}) AS preview LIMIT {}",
        sql.trim().trim_end_matches(';'),
        rows.clamp(0, 1000)
    );
    // Restricted as index functions are: what the query calls can't change settings or roles that outlive it, and
    // grants don't count in there.
    let run = || {
        guc::with_search_path(&path, || {
            guc::read_only(|| {
                Spi::connect(|client| {
                    let table = client.select(&query, None, &[])?;
                    table.map(|row| row.get::<JsonB>(1)).collect::<std::result::Result<Vec<_>, pgrx::spi::SpiError>>()
                })
            })
        })
    };
    roles::as_restricted(target, run).map(|found| found.into_iter().flatten().collect()).map_err(|error| {
        Error::new(Code::BadArgument, format!("the query can't be previewed: {error}"))
            .hint("Give one SELECT: SELECT * FROM jitmask.preview_as('role', 'SELECT * FROM customers');")
    })
}
