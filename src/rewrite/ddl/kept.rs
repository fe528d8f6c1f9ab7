//! What nobody may do, not even a superuser: change a table so that a protected column would be raw for everybody, and
//! nobody would have said so.

use pgrx::pg_sys::{self, AlterTableType, NodeTag, Oid};

use super::access::{Event, What};
use super::command;
use super::{find, parts};
use crate::catalog::extension::Installed;
use crate::catalog::labels::PROVIDER;
use crate::catalog::protection::{self, Class};
use crate::error::{Code, Error, Result};
use crate::pg::{catalogs, client, function, relation, report, roles, seclabel, tree};

/// Looks at ALTER TABLE before it runs.
///
/// # Safety
/// `alter` must be valid.
pub unsafe fn check(ours: &Installed, alter: *mut pg_sys::AlterTableStmt) -> Result<()> {
    // SAFETY: as for the caller; what `def` is depends on the kind of command.
    unsafe {
        for command in tree::iter::<pg_sys::AlterTableCmd>((*alter).cmds) {
            let child = match (*command).subtype {
                AlterTableType::AT_DetachPartition => find((*(*command).def.cast::<pg_sys::PartitionCmd>()).name),
                AlterTableType::AT_DropInherit => find((*alter).relation),
                _ => continue,
            };
            if let Some(child) = child {
                leaves(ours, child)?;
            }
        }
    }
    Ok(())
}

/// Looks at what the server announces.
pub fn look(ours: &Installed, event: Event) -> Result<()> {
    log(event);
    let column = i16::try_from(event.column).unwrap_or(0);
    match (event.what, event.class) {
        (What::Dropped, pg_sys::RelationRelationId) if column > 0 => column_dropped(ours, event.object, column),
        (What::Created, pg_sys::RelationRelationId) if column > 0 => column_added(ours, event.object, column),
        (What::Altered, pg_sys::RelationRelationId) if column > 0 => column_altered(ours, event.object, column),
        (What::Altered, catalogs::INHERITS) if inherits(event.object, event.other) => {
            covered_by(ours, event.object, event.other)
        }
        (What::Altered, catalogs::INHERITS) => leaves(ours, event.object),
        _ => Ok(()),
    }
}

/// A line in the server's log where a column that carries a label, or its table, is dropped or gets another name: an
/// application may go on writing to what somebody puts in its place, which nothing protects.
fn log(event: Event) {
    let renamed = || command::current().is_some_and(|command| command.tag == NodeTag::T_RenameStmt);
    let what = match event.what {
        What::Dropped => "dropped",
        What::Altered if renamed() => "renamed",
        What::Altered | What::Created | What::Run => return,
    };
    if event.class != pg_sys::RelationRelationId || event.object.to_u32() < function::FIRST_NORMAL {
        return;
    }
    for (column, _) in seclabel::of_columns(event.object, PROVIDER) {
        if event.column == 0 || event.column == i32::from(column) {
            // The name as it was: what the command has written can't be seen yet.
            let name = relation::column_name(event.object, column).unwrap_or_default();
            report::server_log(&format!(
                "jitmask protected column {what}: column=\"{}\" login=\"{}\" database=\"{}\"",
                format!("{}.{name}", relation::qualified_name(event.object)).escape_default(),
                roles::name(roles::session_user()).escape_default(),
                client::database_name().escape_default()
            ));
        }
    }
}

/// Whether the child has that parent, the command under way included.
fn inherits(child: Oid, parent: Oid) -> bool {
    parts::parents_by_now(child).contains(&parent)
}

/// A table is taken away from a parent that protects it.
fn leaves(ours: &Installed, child: Oid) -> Result<()> {
    if let Class::Protected(protected) = protection::class(ours, child) {
        for column in &protected.columns {
            if !column.protectors.iter().any(|by| by.relation == child) {
                return Err(only_through_parent(child, column.number, "Without the parent"));
            }
        }
    }
    Ok(())
}

/// A column that carries a label is dropped, and a child keeps one of that name: because it defines it itself, or has it
/// from another parent as well.
fn column_dropped(ours: &Installed, holder: Oid, column: i16) -> Result<()> {
    let Some(name) = relation::column_name(holder, column) else { return Ok(()) };
    let family = relation::with_descendants(holder);
    for member in family.iter().skip(1) {
        let Some(number) = relation::column_number(*member, &name) else { continue };
        let Class::Protected(protected) = protection::class(ours, *member) else { continue };
        let Some(protected) = protected.column(number) else { continue };
        let only_by_this = protected.protectors.iter().all(|by| by.relation == holder && by.column == column);
        let from_elsewhere = || {
            relation::parents(*member)
                .into_iter()
                .any(|parent| !family.contains(&parent) && relation::column_number(parent, &name).is_some())
        };
        if only_by_this && (parts::is_local(*member, number) || from_elsewhere()) {
            return Err(only_through_parent(*member, number, "Without the parent's column"));
        }
    }
    Ok(())
}

/// A parent gets a column that a child protects: whoever reads through the parent would read it raw.
fn column_added(ours: &Installed, parent: Oid, column: i16) -> Result<()> {
    let Some(name) = parts::column_name(parent, column) else { return Ok(()) };
    for child in relation::with_descendants(parent).into_iter().skip(1) {
        if let Class::Protected(protected) = protection::class(ours, child)
            && let Some(number) = relation::column_number(child, &name)
            && let Some(protected) = protected.column(number)
            && protected.protectors.iter().all(|by| by.relation != parent)
        {
            return Err(past_the_mask(child, parent, &name));
        }
    }
    Ok(())
}

/// A generated column that is protected for what it is generated from becomes a plain one: nothing would protect it.
fn column_altered(ours: &Installed, table: Oid, column: i16) -> Result<()> {
    let drops = command::current().is_some_and(|command| command.has_step(AlterTableType::AT_DropExpression));
    let Class::Protected(protected) = protection::class(ours, table) else { return Ok(()) };
    let by_itself = |number: i16| {
        protected.column(number).is_none_or(|column| {
            let name = relation::column_name(table, number);
            column.protectors.iter().any(|by| relation::column_name(by.relation, by.column) == name)
        })
    };
    if !drops || by_itself(column) {
        return Ok(());
    }
    let name = relation::qualified_name(table);
    let column = relation::column_name(table, column).unwrap_or_default();
    Err(Error::new(
        Code::WrongState,
        format!("column {column} of {name} is protected only because it is generated from a protected one"),
    )
    .detail("As a column of its own everybody would read it raw.")
    .hint(format!("Protect it first: SELECT * FROM jitmask.attach('policy', '{name}.{column}');")))
}

/// A table with protected columns gets a parent that has them, unprotected.
fn covered_by(ours: &Installed, child: Oid, parent: Oid) -> Result<()> {
    let Class::Protected(protected) = protection::class(ours, child) else { return Ok(()) };
    let above = protection::class(ours, parent);
    for column in &protected.columns {
        let Some(name) = relation::column_name(child, column.number) else { continue };
        let Some(number) = relation::column_number(parent, &name) else { continue };
        let covered = matches!(&above, Class::Protected(above) if above.column(number).is_some());
        if !covered {
            return Err(past_the_mask(child, parent, &name));
        }
    }
    Ok(())
}

fn only_through_parent(child: Oid, column: i16, without: &str) -> Error {
    let name = relation::qualified_name(child);
    let column = relation::column_name(child, column).unwrap_or_default();
    Error::new(Code::WrongState, format!("column {column} of {name} is protected only through its parent"))
        .detail(format!("{without} everybody would read it raw."))
        .hint(format!("Protect it first: SELECT * FROM jitmask.attach('policy', '{name}.{column}');"))
}

fn past_the_mask(child: Oid, parent: Oid, column: &str) -> Error {
    let (child, parent) = (relation::qualified_name(child), relation::qualified_name(parent));
    Error::new(Code::WrongState, format!("column {column} of {child} is protected, and that of {parent} is not"))
        .detail("Reading through the parent would show raw values.")
        .hint(format!("Protect it there first: SELECT * FROM jitmask.attach('policy', '{parent}.{column}');"))
}
