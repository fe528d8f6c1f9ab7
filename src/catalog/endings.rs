//! Grants that end because what they were on is no longer what was approved.

use pgrx::Spi;
use pgrx::pg_sys::Oid;
use pgrx::spi::SpiError;

use crate::error::{Code, Error, Result};
use crate::pg::{guc, roles};

const TAKE_OUT: &str = "DELETE FROM jitmask.grant_column c USING jitmask.grant_ g
      WHERE g.id = c.grant_id AND g.state IN ('scheduled', 'active', 'suspended')
        AND c.relid = $1 AND c.attnum = $2 RETURNING g.id";

const END_EMPTY: &str = "UPDATE jitmask.grant_ g
        SET state = 'ended', ended_at = clock_timestamp(), ended_by_name = session_user, end_comment = $2
      WHERE g.id = ANY ($1) AND NOT EXISTS (SELECT FROM jitmask.grant_column c WHERE c.grant_id = g.id)
      RETURNING g.id";

/// What became of grants on a column.
pub struct Endings {
    /// Every grant the column was taken out of.
    pub touched: Vec<i64>,
    /// Those of them that had nothing else, and ended.
    pub ended: Vec<i64>,
}

/// Takes a column out of every live grant, and ends those that have none left. Runs as superuser, for it is called from
/// DDL as well as from functions of ours.
pub fn end_grants(relid: Oid, attnum: i16, why: &str) -> Result<Endings> {
    let body = || {
        Spi::connect_mut(|client| {
            let mut ids = |sql: &str, arguments: &[pgrx::datum::DatumWithOid<'_>]| {
                let rows = client.update(sql, None, arguments)?.map(|row| row.get::<i64>(1));
                rows.collect::<std::result::Result<Vec<_>, SpiError>>()
            };
            let touched: Vec<i64> = ids(TAKE_OUT, &[relid.into(), attnum.into()])?.into_iter().flatten().collect();
            let ended = ids(END_EMPTY, &[touched.clone().into(), why.into()])?.into_iter().flatten().collect();
            Ok::<_, SpiError>(Endings { touched, ended })
        })
    };
    roles::as_bootstrap_superuser(|| guc::with_search_path(c"pg_catalog, pg_temp", body)).map_err(|error| {
        Error::new(Code::WrongState, "grants on the column could not be ended").detail(format!("{error}."))
    })
}
