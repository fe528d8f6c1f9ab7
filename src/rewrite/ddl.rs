//! DDL by a masked session on a protected relation: refused, whatever it would do. Which commands are harmless is a
//! list that grows one proof at a time.

use std::ffi::CStr;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, List, Node, NodeTag, ObjectType, Oid, RangeVar};

use super::guard;
use super::statement::is_masked_in;
use crate::catalog::extension::{self, Installed};
use crate::catalog::labels::PROVIDER;
use crate::catalog::protection::{self, Class};
use crate::error::{Code, Error, Result};
use crate::pg::{depend, function, relation, roles, seclabel, tree, tuple};

/// Refuses a statement that could make a protected relation show what its columns hold.
///
/// # Safety
/// `node` must be a valid utility statement.
pub unsafe fn check(ours: &Installed, subject: &Subject, node: *mut Node) -> Result<()> {
    // SAFETY: as for the caller.
    unsafe {
        if tree::tag(node) == NodeTag::T_AlterTableStmt {
            stays_protected(ours, node.cast())?;
        }
    }
    if subject.superuser {
        return Ok(());
    }
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(node) {
            NodeTag::T_CreateFunctionStmt if (*node.cast::<pg_sys::CreateFunctionStmt>()).replace => {
                replaced_function(ours, subject, (*node.cast::<pg_sys::CreateFunctionStmt>()).funcname)?;
            }
            NodeTag::T_AlterTableStmt => {
                typed_tables(ours, subject, (*node.cast::<pg_sys::AlterTableStmt>()).relation)?
            }
            NodeTag::T_RenameStmt => {
                // Under another name it could be replaced.
                let rename = node.cast::<pg_sys::RenameStmt>();
                let kinds = [ObjectType::OBJECT_FUNCTION, ObjectType::OBJECT_PROCEDURE, ObjectType::OBJECT_ROUTINE];
                if kinds.contains(&(*rename).renameType) {
                    let function = (*rename).object.cast::<pg_sys::ObjectWithArgs>();
                    replaced_function(ours, subject, (*function).objname)?;
                }
            }
            NodeTag::T_AlterFunctionStmt => {
                let function = (*node.cast::<pg_sys::AlterFunctionStmt>()).func;
                replaced_function(ours, subject, (*function).objname)?;
            }
            NodeTag::T_AlterDomainStmt => {
                // Dropping a constraint or a default looks at no value.
                let alter = node.cast::<pg_sys::AlterDomainStmt>();
                if !matches!((*alter).subtype as u8, b'X' | b'N' | b'T') {
                    checked_domain(ours, subject, (*alter).typeName)?;
                }
            }
            _ => {}
        }
        let mut touched = Vec::new();
        let what = touches(node, &mut touched);
        for range in touched {
            hold(range, lock_of(node));
            if tree::tag(node) == NodeTag::T_AlterTableStmt {
                typed_tables(ours, subject, range)?;
            }
            if let Some(relation) = find(range)
                && is_masked_in(ours, subject, relation)
            {
                return Err(refused(what, relation));
            }
        }
    }
    Ok(())
}

/// Refuses to take a table away from the parent that protects it, whoever does it: its columns would be raw for
/// everybody from then on, and nobody would have said so.
unsafe fn stays_protected(ours: &Installed, alter: *mut pg_sys::AlterTableStmt) -> Result<()> {
    // SAFETY: as for check(); what `def` is depends on the kind of command.
    unsafe {
        for command in tree::iter::<pg_sys::AlterTableCmd>((*alter).cmds) {
            let child = match (*command).subtype {
                pg_sys::AlterTableType::AT_DetachPartition => {
                    find((*(*command).def.cast::<pg_sys::PartitionCmd>()).name)
                }
                pg_sys::AlterTableType::AT_DropInherit => find((*alter).relation),
                _ => continue,
            };
            let Some(child) = child else { continue };
            if let Class::Protected(protected) = protection::class(ours, child) {
                for column in &protected.columns {
                    if !column.protectors.iter().any(|by| by.relation == child) {
                        return Err(left_alone(child, column.number));
                    }
                }
            }
        }
    }
    Ok(())
}

fn left_alone(child: Oid, column: i16) -> Error {
    let name = relation::qualified_name(child);
    let column = relation::column_name(child, column).unwrap_or_default();
    Error::new(Code::WrongState, format!("column {column} of {name} is protected only through its parent"))
        .detail("Without the parent everybody would read it raw.")
        .hint(format!("Protect it first: SELECT * FROM jitmask.attach('policy', '{name}.{column}');"))
}

/// Takes the lock the command is about to take, before its relation is looked at: until the command is done nobody can
/// give that name to another relation. Only where the user holds some privilege on the relation, so that nobody can
/// lock what the command would refuse to touch.
unsafe fn hold(range: *mut RangeVar, lock: u32) {
    // SAFETY: as for check().
    unsafe {
        if let Some(relation) = find(range)
            && relation::any_privilege(relation, roles::current_user())
        {
            pg_sys::RangeVarGetRelidExtended(
                range,
                lock as i32,
                pg_sys::RVROption::RVR_MISSING_OK,
                None,
                std::ptr::null_mut(),
            );
        }
    }
}

/// The lock a command takes on the relations it names.
unsafe fn lock_of(node: *mut Node) -> u32 {
    // SAFETY: as for check().
    unsafe {
        match tree::tag(node) {
            NodeTag::T_AlterTableStmt => {
                pg_sys::AlterTableGetLockLevel((*node.cast::<pg_sys::AlterTableStmt>()).cmds) as u32
            }
            NodeTag::T_IndexStmt if (*node.cast::<pg_sys::IndexStmt>()).concurrent => pg_sys::ShareUpdateExclusiveLock,
            NodeTag::T_IndexStmt => pg_sys::ShareLock,
            NodeTag::T_CreateTrigStmt => pg_sys::ShareRowExclusiveLock,
            NodeTag::T_RefreshMatViewStmt if (*node.cast::<pg_sys::RefreshMatViewStmt>()).concurrent => {
                pg_sys::ExclusiveLock
            }
            NodeTag::T_CreateStatsStmt
            | NodeTag::T_CreatePublicationStmt
            | NodeTag::T_AlterPublicationStmt
            | NodeTag::T_CreateStmt
            | NodeTag::T_CreateForeignTableStmt => pg_sys::ShareUpdateExclusiveLock,
            _ => pg_sys::AccessExclusiveLock,
        }
    }
}

/// Refuses to lock our own tables: whoever holds such a lock holds up every decision in the database.
///
/// # Safety
/// `lock` must be valid.
pub unsafe fn no_lock_on_ours(subject: &Subject, lock: *mut pg_sys::LockStmt) -> Result<()> {
    let Some(ours) = extension::installed() else { return Ok(()) };
    if roles::is_superuser(Oid::from(subject.role)) {
        return Ok(());
    }
    // SAFETY: as for the caller; a list of RangeVars.
    unsafe {
        for range in tree::iter::<RangeVar>((*lock).relations) {
            if let Some(relation) = find(range)
                && ours.owns(relation)
            {
                return Err(guard::own_table(relation));
            }
        }
    }
    Ok(())
}

/// The relations a statement would change, or read while it changes something; and its name.
unsafe fn touches(node: *mut Node, touched: &mut Vec<*mut RangeVar>) -> &'static str {
    // SAFETY: as for check().
    unsafe {
        match tree::tag(node) {
            NodeTag::T_AlterTableStmt => {
                let alter = node.cast::<pg_sys::AlterTableStmt>();
                touched.push((*alter).relation);
                for command in tree::iter::<pg_sys::AlterTableCmd>((*alter).cmds) {
                    in_definition((*command).def, touched);
                }
                "ALTER TABLE"
            }
            NodeTag::T_CreateStmt | NodeTag::T_CreateForeignTableStmt => {
                // A foreign table's definition begins with a plain one.
                let create = node.cast::<pg_sys::CreateStmt>();
                touched.extend(tree::iter::<RangeVar>((*create).inhRelations));
                for element in tree::iter::<Node>((*create).tableElts) {
                    in_definition(element, touched);
                }
                "CREATE TABLE"
            }
            NodeTag::T_IndexStmt => {
                touched.push((*node.cast::<pg_sys::IndexStmt>()).relation);
                "CREATE INDEX"
            }
            NodeTag::T_CreateTrigStmt => {
                touched.push((*node.cast::<pg_sys::CreateTrigStmt>()).relation);
                "CREATE TRIGGER"
            }
            NodeTag::T_RuleStmt => {
                touched.push((*node.cast::<pg_sys::RuleStmt>()).relation);
                "CREATE RULE"
            }
            NodeTag::T_CreatePolicyStmt => {
                touched.push((*node.cast::<pg_sys::CreatePolicyStmt>()).table);
                "CREATE POLICY"
            }
            NodeTag::T_AlterPolicyStmt => {
                touched.push((*node.cast::<pg_sys::AlterPolicyStmt>()).table);
                "ALTER POLICY"
            }
            NodeTag::T_CreateStatsStmt => {
                ranges((*node.cast::<pg_sys::CreateStatsStmt>()).relations, touched);
                "CREATE STATISTICS"
            }
            NodeTag::T_ClusterStmt => {
                touched.push((*node.cast::<pg_sys::ClusterStmt>()).relation);
                "CLUSTER"
            }
            NodeTag::T_RefreshMatViewStmt => {
                touched.push((*node.cast::<pg_sys::RefreshMatViewStmt>()).relation);
                "REFRESH MATERIALIZED VIEW"
            }
            NodeTag::T_TruncateStmt => {
                ranges((*node.cast::<pg_sys::TruncateStmt>()).relations, touched);
                "TRUNCATE"
            }
            NodeTag::T_CreatePublicationStmt => {
                publication((*node.cast::<pg_sys::CreatePublicationStmt>()).pubobjects, touched);
                "CREATE PUBLICATION"
            }
            NodeTag::T_AlterPublicationStmt => {
                publication((*node.cast::<pg_sys::AlterPublicationStmt>()).pubobjects, touched);
                "ALTER PUBLICATION"
            }
            _ => "this",
        }
    }
}

/// Foreign keys, partitions and parents named in part of a definition.
unsafe fn in_definition(definition: *mut Node, touched: &mut Vec<*mut RangeVar>) {
    // SAFETY: as for check().
    unsafe {
        if definition.is_null() {
            return;
        }
        match tree::tag(definition) {
            NodeTag::T_RangeVar => touched.push(definition.cast()),
            NodeTag::T_PartitionCmd => touched.push((*definition.cast::<pg_sys::PartitionCmd>()).name),
            NodeTag::T_Constraint => touched.push((*definition.cast::<pg_sys::Constraint>()).pktable),
            NodeTag::T_ColumnDef => {
                for constraint in tree::iter::<Node>((*definition.cast::<pg_sys::ColumnDef>()).constraints) {
                    in_definition(constraint, touched);
                }
            }
            _ => {}
        }
    }
}

unsafe fn ranges(list: *mut List, touched: &mut Vec<*mut RangeVar>) {
    // SAFETY: as for check().
    unsafe {
        let relations = tree::iter::<Node>(list).filter(|node| tree::tag(*node) == NodeTag::T_RangeVar);
        touched.extend(relations.map(|node| node.cast::<RangeVar>()));
    }
}

unsafe fn publication(objects: *mut List, touched: &mut Vec<*mut RangeVar>) {
    // SAFETY: as for check().
    unsafe {
        for object in tree::iter::<pg_sys::PublicationObjSpec>(objects) {
            if !(*object).pubtable.is_null() {
                touched.push((*(*object).pubtable).relation);
            }
        }
    }
}

/// The relation named, if there is one, without a lock: see hold().
unsafe fn find(range: *mut RangeVar) -> Option<Oid> {
    if range.is_null() {
        return None;
    }
    // SAFETY: as for check().
    let found = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            range,
            pg_sys::NoLock as i32,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    (found != Oid::INVALID).then_some(found)
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

/// Refuses to alter a type that a masked table was made OF: with CASCADE that alters the table.
unsafe fn typed_tables(ours: &Installed, subject: &Subject, range: *mut RangeVar) -> Result<()> {
    // SAFETY: as for check().
    let Some(facts) = (unsafe { find(range) }).and_then(relation::facts) else { return Ok(()) };
    if facts.kind != b'c' {
        return Ok(());
    }
    let typed = masked_relations(ours, subject)
        .into_iter()
        .find(|table| relation::facts(*table).is_some_and(|table| table.of_type == facts.row_type));
    typed.map_or(Ok(()), |table| Err(reaching("the type can't be altered", "was made of it", table)))
}

/// Refuses a new body for a function that a masked relation calls on its rows: in a check, an index, a trigger, a
/// policy, a default. By name alone: which of several with that name is meant is not worth a mistake.
unsafe fn replaced_function(ours: &Installed, subject: &Subject, names: *mut List) -> Result<()> {
    // SAFETY: as for check(); a list of String nodes.
    let name = unsafe {
        let last = tree::nth::<pg_sys::String>(names, tree::len(names).saturating_sub(1));
        if last.is_null() {
            return Ok(());
        }
        CStr::from_ptr((*last).sval).to_string_lossy().into_owned()
    };
    for relation in masked_relations(ours, subject) {
        if depend::functions_called_by(relation).into_iter().any(|called| function::bare_name(called) == name) {
            return Err(reaching(&format!("function {name}() can't be changed"), "calls it", relation));
        }
    }
    Ok(())
}

/// Refuses a new condition for a domain that a masked column is of: the server would run it on every stored value.
unsafe fn checked_domain(ours: &Installed, subject: &Subject, names: *mut List) -> Result<()> {
    // SAFETY: as for check(); a list of String nodes.
    let domain = unsafe {
        let name = pg_sys::makeTypeNameFromNameList(names);
        pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true)
    };
    for relation in masked_relations(ours, subject) {
        let of_domain = tuple::columns(relation)
            .iter()
            .any(|column| !column.dropped && function::type_contains(column.type_oid, domain));
        if of_domain {
            return Err(reaching("the domain can't be given conditions", "has columns of it", relation));
        }
    }
    Ok(())
}

/// The error for what would reach a masked relation by a detour.
fn reaching(what: &str, how: &str, relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what}: {name} {how}, and you see it masked"))
        .detail(REFUSED_DETAIL)
        .hint(REFUSED_HINT)
}

const REFUSED_DETAIL: &str =
    "It could make the table show what its masked columns hold. Owning the table does not change that.";
const REFUSED_HINT: &str =
    "Let a role do it that is exempt, or ask an administrator: SELECT * FROM jitmask.exempt('role', 'why');";

fn refused(what: &str, relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what} on {name} is not possible while you see it masked"))
        .detail(REFUSED_DETAIL)
        .hint(REFUSED_HINT)
}
