//! Planner statistics hold values: most common ones, bounds of histograms, how many are NULL or distinct.
//!
//! Where a query reads them, through pg_stats or from the catalog itself, whatever tells about a column that is masked
//! for the reader is NULL. Who reads is asked while rows are read (`jitmask.statistics_visible`), so a plan or a cursor
//! that outlives a SET ROLE shows nothing it should not; rows and all other columns are there, so tools keep working.

use jitmask_core::model::write_back::WriteBack;
use pgrx::pg_sys::{self, Oid};

use super::rulings::fields;
use super::substitute::{Field, Mask, MaskedColumn, MaskedRelation};
use super::survey::Survey;
use crate::catalog::extension::Installed;
use crate::catalog::protection::{self, Class};
use crate::pg::{function, tuple};

/// What to substitute in a query that reads statistics; empty for all others.
pub fn masks(ours: &Installed, survey: &Survey) -> Vec<MaskedRelation> {
    let mut catalogs: Vec<Oid> = survey.oids();
    catalogs.retain(|relation| matches!(protection::class(ours, *relation), Class::Statistics));
    catalogs.into_iter().map(|catalog| masked(ours, catalog)).collect()
}

fn masked(ours: &Installed, catalog: Oid) -> MaskedRelation {
    let fields = fields(catalog);
    let (name, arguments, keys): (_, &[Oid], &[&[u8]]) = if catalog == pg_sys::StatisticRelationId {
        (c"statistics_visible", &[pg_sys::OIDOID, pg_sys::INT2OID], &[b"starelid", b"staattnum"])
    } else {
        (c"extended_statistics_visible", &[pg_sys::OIDOID], &[b"stxoid"])
    };
    let visible = function::find(ours.schema, name, arguments);
    let of: Vec<_> = keys
        .iter()
        .filter_map(|key| fields.iter().find(|field| field.name.to_bytes() == *key))
        .filter_map(|field| field.of.map(|of| (field.number, of)))
        .collect();
    let columns = fields
        .iter()
        .filter(|field| tells(field))
        .filter_map(|field| {
            let of_field = field.of?;
            let (length, by_value) = tuple::storage(of_field.oid);
            let mask = match visible {
                Some(function) if of.len() == keys.len() => Mask::If { function, of: of.clone() },
                // Without the function nobody can say who may see what.
                _ => Mask::Null,
            };
            Some(MaskedColumn {
                number: field.number,
                of: of_field,
                length,
                by_value,
                mask,
                write_back: WriteBack::Keep,
                policy: None,
            })
        })
        .collect();
    MaskedRelation { relation: catalog, columns, fields }
}

/// Columns that only say what the statistics are about. A column a newer major adds tells something until shown not to.
fn tells(field: &Field) -> bool {
    let name = field.name.to_bytes();
    let harmless: [&[u8]; 5] = [b"starelid", b"staattnum", b"stainherit", b"stxoid", b"stxdinherit"];
    !harmless.contains(&name)
        && ![&b"stakind"[..], &b"staop"[..], &b"stacoll"[..]].iter().any(|prefix| name.starts_with(prefix))
}
