//! Commands that read or move rows without announcing it first: looked at under the name they give, and again where the
//! server is about to run somebody's function for them.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, RangeVar};

use super::command::{Command, Kind};
use super::{code, masked_table, owned, parts, refusal};
use crate::catalog::extension::Installed;
use crate::catalog::labels::PROVIDER;
use crate::catalog::protection::{self, Class, Protected};
use crate::error::Result;
use crate::pg::{function, relation, seclabel, tree, tuple};
use crate::rewrite::statement::is_masked_in;

/// Refuses what would run a stranger's code over masked columns, order rows by them, or tell about them.
///
/// # Safety
/// `node` must be a valid utility statement.
pub unsafe fn check(ours: &Installed, subject: &Subject, command: &Command, node: *mut Node) -> Result<()> {
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(node) {
            NodeTag::T_ReindexStmt => {
                let reindex = node.cast::<pg_sys::ReindexStmt>();
                builds(ours, subject, command, (*reindex).relation)
            }
            NodeTag::T_VacuumStmt => {
                let vacuum = node.cast::<pg_sys::VacuumStmt>();
                let full = option((*vacuum).options, b"full");
                if (*vacuum).is_vacuumcmd && !full && !option((*vacuum).options, b"analyze") {
                    return Ok(());
                }
                if (*vacuum).rels.is_null() {
                    return builds(ours, subject, command, std::ptr::null_mut());
                }
                for one in tree::iter::<pg_sys::VacuumRelation>((*vacuum).rels) {
                    if !(*one).relation.is_null() {
                        builds(ours, subject, command, (*one).relation)?;
                    }
                }
                Ok(())
            }
            NodeTag::T_ClusterStmt => {
                let cluster = node.cast::<pg_sys::ClusterStmt>();
                builds(ours, subject, command, (*cluster).relation)?;
                orders(ours, subject, command, cluster)
            }
            NodeTag::T_RefreshMatViewStmt => {
                let refresh = node.cast::<pg_sys::RefreshMatViewStmt>();
                let lock = if (*refresh).concurrent { pg_sys::ExclusiveLock } else { pg_sys::AccessExclusiveLock };
                let view = owned((*refresh).relation, lock);
                // It would be filled with masks, and CONCURRENTLY compares what is there with them.
                match view.filter(|view| is_masked_in(ours, subject, *view)) {
                    Some(view) => Err(refusal::refused(command.what, view)),
                    None => Ok(()),
                }
            }
            NodeTag::T_CreateStmt => {
                for parent in tree::iter::<RangeVar>((*node.cast::<pg_sys::CreateStmt>()).inhRelations) {
                    if let Some(parent) = owned(parent, pg_sys::NoLock)
                        && is_masked_in(ours, subject, parent)
                    {
                        heir(ours, command, parent)?;
                    }
                }
                Ok(())
            }
            NodeTag::T_AlterDomainStmt => {
                let alter = node.cast::<pg_sys::AlterDomainStmt>();
                // The server validates first. A new condition is announced.
                if (*alter).subtype as u8 != b'V' {
                    return Ok(());
                }
                let name = pg_sys::makeTypeNameFromNameList((*alter).typeName);
                domain(ours, subject, pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a list of options holds one of that name. Its value is taken for true.
unsafe fn option(options: *mut pg_sys::List, name: &[u8]) -> bool {
    // SAFETY: as for check(); a list of DefElem.
    unsafe {
        tree::iter::<pg_sys::DefElem>(options)
            .any(|option| std::ffi::CStr::from_ptr((*option).defname).to_bytes() == name)
    }
}

/// Indexes are built anew, or expressions computed for statistics, in the relation named or, without a name, in all.
unsafe fn builds(ours: &Installed, subject: &Subject, command: &Command, range: *mut RangeVar) -> Result<()> {
    // SAFETY: as for check().
    let relations = unsafe {
        if range.is_null() {
            masked_relations(ours, subject)
        } else {
            owned(range, pg_sys::NoLock).and_then(|named| masked_table(ours, subject, named)).into_iter().collect()
        }
    };
    for relation in relations {
        for relation in relation::with_descendants(relation) {
            if let Class::Protected(protected) = protection::class(ours, relation)
                && let Some(code) = code::in_indexes(ours, &protected)
            {
                return Err(refusal::strangers_code(command.what, relation, &code));
            }
        }
    }
    Ok(())
}

/// CLUSTER puts rows into the order of an index, in which everybody may find them.
unsafe fn orders(
    ours: &Installed,
    subject: &Subject,
    command: &Command,
    cluster: *mut pg_sys::ClusterStmt,
) -> Result<()> {
    // SAFETY: as for check().
    let (named, relations) = unsafe {
        let index = (*cluster).indexname;
        let index = (!index.is_null()).then(|| std::ffi::CStr::from_ptr(index).to_owned());
        let relations = if (*cluster).relation.is_null() {
            masked_relations(ours, subject)
        } else {
            owned((*cluster).relation, pg_sys::NoLock).into_iter().collect()
        };
        (index, relations)
    };
    for relation in relations.into_iter().filter(|relation| is_masked_in(ours, subject, *relation)) {
        let index = match &named {
            Some(name) => relation::in_schema(relation::schema(relation), name).and_then(parts::index),
            None => parts::clustered(relation),
        };
        by_unmasked(ours, command, relation, index)?;
    }
    Ok(())
}

fn by_unmasked(ours: &Installed, command: &Command, table: Oid, index: Option<parts::Part>) -> Result<()> {
    match (index, protection::class(ours, table)) {
        (Some(index), Class::Protected(protected)) if index.looks_at(&protected) => {
            Err(refusal::reads_masked(command.what, table, "The index the rows are to be ordered by"))
        }
        _ => Ok(()),
    }
}

/// What was said of the name holds of the table that was really put in order: it is marked so first, and announced before
/// the command ends.
pub fn ordered(ours: &Installed, command: &Command, table: Oid) -> Result<()> {
    if command.tag == NodeTag::T_ClusterStmt {
        by_unmasked(ours, command, table, parts::clustered(table))
    } else {
        Ok(())
    }
}

/// The server is about to run a function of somebody's within such a command, or one that rewrites a table: not over a
/// protected table whose indexes run a stranger's code. Which table it is about is told by the lock it holds.
pub fn runs_function(ours: &Installed, subject: &Subject, command: &Command) -> Result<()> {
    let moves_rows = matches!(
        command.tag,
        NodeTag::T_ReindexStmt | NodeTag::T_VacuumStmt | NodeTag::T_ClusterStmt | NodeTag::T_AlterTableStmt
    );
    if !moves_rows {
        return Ok(());
    }
    for table in masked_relations(ours, subject) {
        if relation::is_being_altered(table)
            && let Class::Protected(protected) = protection::class(ours, table)
            && let Some(code) = code::in_indexes(ours, &protected)
        {
            return Err(refusal::strangers_code(command.what, table, &code));
        }
    }
    Ok(())
}

/// Refuses a new child or partition of a masked relation but the plain kind, which is protected as its parent is from
/// its first row on. With a parent besides, rows could be read past the mask; with conditions, defaults or another
/// server's storage, rows that others write to the parent would pass through them. And where rows go by a masked column,
/// a new partition tells which rows it would take.
pub fn heir(ours: &Installed, command: &Command, parent: Oid) -> Result<()> {
    let Kind::Create { parents: 1, plain: true, by } = &command.kind else {
        return Err(refusal::refused(command.what, parent));
    };
    let Class::Protected(protected) = protection::class(ours, parent) else { return Ok(()) };
    let masked = |key: &Option<String>| {
        key.as_deref().is_none_or(|name| {
            relation::column_number(parent, name).is_some_and(|number| protected.column(number).is_some())
        })
    };
    if parts::partition_key(parent).is_some_and(|key| key.looks_at(&protected)) || by.iter().any(masked) {
        return Err(refusal::reads_masked(command.what, parent, "What decides about a row's partition"));
    }
    Ok(())
}

/// Refuses a condition for a domain that a masked column is of: the server would run it on every stored value.
pub fn domain(ours: &Installed, subject: &Subject, domain: Oid) -> Result<()> {
    for relation in masked_relations(ours, subject) {
        let Class::Protected(protected) = protection::class(ours, relation) else { continue };
        if of_domain(&protected, domain) {
            return Err(refusal::reaching("the domain can't be given conditions", "has columns of it", relation));
        }
    }
    Ok(())
}

fn of_domain(protected: &Protected, domain: Oid) -> bool {
    tuple::columns(protected.relation).iter().any(|column| {
        !column.dropped && protected.column(column.number).is_some() && function::type_contains(column.type_oid, domain)
    })
}

/// Every protected relation in which the subject sees masks.
fn masked_relations(ours: &Installed, subject: &Subject) -> Vec<Oid> {
    let mut relations: Vec<Oid> = Vec::new();
    for (labelled, _, _) in seclabel::everywhere(PROVIDER) {
        for relation in relation::with_descendants(labelled) {
            if !relations.contains(&relation) && is_masked_in(ours, subject, relation) {
                relations.push(relation);
            }
        }
    }
    relations
}
