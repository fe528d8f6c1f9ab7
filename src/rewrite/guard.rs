//! What a statement may not do, whatever it reads: our own tables, TOAST relations, and (for a masked session) writing
//! to a protected relation.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, CmdType, Oid};

use super::survey::{Place, Survey};
use crate::catalog::extension::Installed;
use crate::catalog::protection::{self, Class};
use crate::error::{Code, Error, Result};
use crate::pg::{compat, relation, roles};

/// Refuses what nobody but superusers and our own code may read.
///
/// # Safety
/// The survey's tree must be valid.
pub unsafe fn closed_relations(ours: &Installed, subject: &Subject, survey: &Survey) -> Result<()> {
    for place in &survey.relations {
        // SAFETY: as for the caller.
        let (relation, checked) = unsafe { ((*place.entry).relid, checked_user(subject, place)) };
        match protection::class(ours, relation) {
            Class::Own if !is_view(place) && !roles::is_superuser(checked) => {
                return Err(own_table(relation));
            }
            Class::Toast if !roles::is_superuser(Oid::from(subject.role)) => {
                return Err(Error::new(
                    Code::Privilege,
                    format!("permission denied for TOAST relation {}", relation::qualified_name(relation)),
                )
                .detail("It holds pieces of values of other tables, some of which may be protected.")
                .hint("Read the table itself."));
            }
            Class::Own | Class::Toast | Class::Statistics | Class::Plain | Class::Protected(_) => {}
        }
    }
    Ok(())
}

/// The error for one of our own tables.
pub fn own_table(relation: Oid) -> Error {
    Error::new(Code::Privilege, format!("permission denied for table {}", relation::qualified_name(relation)))
        .detail("jitmask's tables are closed, whatever privileges a role holds.")
        .hint("Use jitmask's views and functions, e.g. SELECT * FROM jitmask.my_requests;")
}

/// The user whose privileges count for an entry: the view's owner within a view.
unsafe fn checked_user(subject: &Subject, place: &Place) -> Oid {
    // SAFETY: as for closed_relations().
    let checked = unsafe { compat::checked_as(place.query, place.entry) };
    if checked == pg_sys::InvalidOid { Oid::from(subject.role) } else { checked }
}

fn is_view(place: &Place) -> bool {
    // SAFETY: the entry is valid; see closed_relations().
    unsafe { (*place.entry).relkind as u8 == b'v' }
}

/// The error for a write to a protected relation.
pub fn masked_write(verb: &str, relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{verb} on {name} is not possible while you see it masked"))
        .detail("It has columns that are masked for you. A read grant does not allow it either.")
        .hint(format!(
            "Let a role do it that is exempt, or ask an administrator: SELECT * FROM jitmask.exempt('role', 'why'); \
             what is masked for whom: SELECT * FROM jitmask.masked_columns WHERE \"relation\" = '{name}';"
        ))
}

/// What a write is called.
pub fn verb(command: CmdType::Type) -> &'static str {
    match command {
        CmdType::CMD_INSERT => "INSERT",
        CmdType::CMD_UPDATE => "UPDATE",
        CmdType::CMD_DELETE => "DELETE",
        CmdType::CMD_MERGE => "MERGE",
        _ => "a write",
    }
}
