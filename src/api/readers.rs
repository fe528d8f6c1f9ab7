//! Who can read a column now, for the dry run of attach.

use super::columns::Column;
use super::store;
use crate::error::Result;

/// Logins with the SELECT privilege on the column, superusers left out: they are exempt.
pub fn roles(column: &Column) -> Result<Vec<String>> {
    store::read(
        "SELECT r.rolname::text FROM pg_catalog.pg_roles r
          WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_catalog.has_column_privilege(r.oid, $1, $2, 'SELECT')
          ORDER BY r.rolname",
        &[column.relid.into(), column.attnum.into()],
        |row| row.need(1),
    )
}

/// Sessions that hold a lock on the relation: a statement or an open transaction of theirs is at it.
pub fn sessions(column: &Column) -> Result<Vec<String>> {
    store::read(
        "SELECT a.pid || ' (' || coalesce(a.usename::text, '?') || ')' FROM pg_catalog.pg_stat_activity a
          WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.datname = pg_catalog.current_database()
            AND EXISTS (SELECT FROM pg_catalog.pg_locks l
                         WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.relation = $1 AND l.granted)
          ORDER BY a.pid",
        &[column.relid.into()],
        |row| row.need(1),
    )
}
