//! What a request is about: the columns asked for, turned into the columns that grants name.
//!
//! For: request. A column is protected by its own label or by that of a table it inherits from (or is a partition of);
//! a grant names the column that carries the label, so asking for a partition's column asks for the parent's.
//! Must hold: whoever asks has the SELECT privilege and is masked now; anything else is refused with what to do instead.

use jitmask_core::model::label::Label;
use pgrx::pg_sys::Oid;

use super::columns::{self, Column};
use super::store;
use crate::catalog::protection::{self, Class};
use crate::catalog::session::{self, Caller};
use crate::catalog::{extension, verdict};
use crate::error::{Code, Error, Result};

/// A column that carries a label, and the policies on it.
pub struct Target {
    /// The column.
    pub column: Column,
    /// Names of the policies attached to it.
    pub policies: Vec<String>,
}

/// Finds the columns behind what is written. `example` is the call to show in HINTs.
pub fn targets(caller: Caller, written: &[String], example: &str) -> Result<Vec<Target>> {
    let mut targets: Vec<Target> = Vec::new();
    let mut asked = Vec::new();
    for (column, explicit) in columns::find_all(written, example)? {
        match refusal(caller, &column)? {
            None => {}
            // `table.*` means what one is masked for.
            Some(_) if !explicit => continue,
            Some(error) => return Err(error),
        }
        asked.push(column.full_name());
        for target in protectors(&column)? {
            if targets.iter().all(|known| known.column != target.column) {
                targets.push(target);
            }
        }
    }
    if targets.is_empty() {
        return Err(Error::new(Code::WrongState, "none of these columns is masked for you")
            .hint("SELECT * FROM jitmask.masked_columns;"));
    }
    Ok(targets)
}

/// Why this person has no reason, or no right, to ask for the column.
fn refusal(caller: Caller, column: &Column) -> Result<Option<Error>> {
    let name = column.full_name();
    if !selectable(caller, column)? {
        let login = session::role_name(caller.login);
        return Ok(Some(
            Error::new(Code::Privilege, format!("permission denied for {name}"))
                .detail("A grant shows what is masked; it gives no privilege that is not there already.")
                .hint(format!("GRANT SELECT ON {} TO {};", column.relation, pgrx::spi::quote_identifier(login))),
        ));
    }
    let now = verdict::explain(column.relid, column.attnum, caller.login, caller.role)?;
    let why = format!("SELECT * FROM jitmask.why({});", super::guard::quoted(&name));
    if !now.protected {
        return Ok(Some(
            Error::new(Code::WrongState, format!("{name} is not protected"))
                .detail("No masking policy is attached to it: it shows what is stored to everybody who may read it.")
                .hint("SELECT * FROM jitmask.masked_columns;"),
        ));
    }
    if !now.masked {
        return Ok(Some(
            Error::new(Code::WrongState, format!("{name} is not masked for you"))
                .detail(format!("You read what is stored: {}.", now.because))
                .hint(why),
        ));
    }
    Ok(None)
}

fn selectable(caller: Caller, column: &Column) -> Result<bool> {
    let answer = store::read_one(
        "SELECT pg_catalog.has_column_privilege($1, $3, $4, 'SELECT')
             OR pg_catalog.has_column_privilege($2, $3, $4, 'SELECT')",
        &[caller.login.into(), caller.role.into(), column.relid.into(), column.attnum.into()],
        |row| row.get::<bool>(1),
    )?;
    Ok(answer.flatten() == Some(true))
}

/// The columns whose labels protect this one. 55000 if a label can't be read.
pub fn protectors(column: &Column) -> Result<Vec<Target>> {
    let installed = extension::installed();
    let Some(Class::Protected(protected)) = installed.map(|ours| protection::class(&ours, column.relid)) else {
        return Ok(Vec::new());
    };
    let Some(found) = protected.column(column.attnum) else { return Ok(Vec::new()) };
    let target = |relid: Oid, attnum: i16, label: Option<&Label>| {
        let holder = Column::by_number(relid, attnum);
        match (holder, label) {
            (Some(holder), Some(Label(attachments))) => Ok(Target {
                column: holder,
                policies: attachments.iter().map(|attachment| attachment.policy.clone()).collect(),
            }),
            _ => Err(Error::new(Code::WrongState, format!("the label of {} can't be read", column.full_name()))
                .detail("Nobody can tell who may decide; the column is masked with NULL until this is repaired.")
                .hint("Tell an administrator; SELECT * FROM jitmask.health(); lists what is broken.")),
        }
    };
    found.protectors.iter().map(|by| target(by.relation, by.column, by.label.as_ref())).collect()
}
