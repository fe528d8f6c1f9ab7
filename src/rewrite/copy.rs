//! COPY of a protected table: to the client as a query over it.

use std::ffi::CStr;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, CopyStmt, List, Node, NodeTag, Oid, PlannedStmt};

use super::guard;
use super::statement::is_masked_in;
use crate::catalog::extension::Installed;
use crate::catalog::protection::{self, Class};
use crate::error::{Code, Error, Result};
use crate::pg::{raw, relation, roles, tree, tuple};

/// Refuses a COPY, or returns a changed copy of the statement, or `None` to let it run as it is.
///
/// # Safety
/// `copy` must be `statement`'s node. Neither is changed.
pub unsafe fn treat(
    ours: &Installed,
    subject: &Subject,
    statement: *mut PlannedStmt,
    copy: *mut CopyStmt,
) -> Result<Option<*mut PlannedStmt>> {
    // SAFETY: as for the caller.
    unsafe {
        if (*copy).relation.is_null() {
            return Ok(None);
        }
        let Some(target) = find((*copy).relation, (*copy).is_from) else { return Ok(None) };
        let superuser = roles::is_superuser(Oid::from(subject.role));
        match protection::class(ours, target) {
            Class::Own if !superuser => return Err(guard::own_table(target)),
            Class::Statistics | Class::Toast if !superuser => {
                return Err(Error::new(
                    Code::Privilege,
                    format!("permission denied for {}", relation::qualified_name(target)),
                ));
            }
            Class::Own | Class::Statistics | Class::Toast | Class::Plain => return Ok(None),
            Class::Protected(_) => {}
        }
        if (*copy).is_from {
            // New rows, all of them the client's own.
            return Ok(None);
        }
        if pg_sys::am_walsender && is_masked_in(ours, subject, target) {
            return Err(Error::new(
                Code::MaskedRefused,
                format!(
                    "a replica can't be filled from {}, which is masked for this role",
                    relation::qualified_name(target)
                ),
            )
            .detail("A silently masked replica would be a broken one.")
            .hint("Let the subscription connect as an exempt role: SELECT * FROM jitmask.exempt('role', 'why');"));
        }
        // An exempt role's COPY runs as it was written. What COPY can't read as a table, and columns it can't name, it
        // refuses with errors of its own before it reads anything.
        if !is_masked_in(ours, subject, target)
            || relation::kind(target) != b'r'
            || copy_refuses((*copy).attlist, target)
        {
            return Ok(None);
        }
        let changed = pg_sys::copyObjectImpl(statement.cast_const().cast()).cast::<PlannedStmt>();
        let copy = (*changed).utilityStmt.cast::<CopyStmt>();
        (*copy).query = query_over((*copy).relation, (*copy).attlist, target);
        (*copy).relation = std::ptr::null_mut();
        (*copy).attlist = std::ptr::null_mut();
        Ok(Some(changed))
    }
}

/// The relation, locked as COPY itself would lock it; `None` if there is none, which COPY will say.
unsafe fn find(range: *mut pg_sys::RangeVar, is_from: bool) -> Option<Oid> {
    let lock = if is_from { pg_sys::RowExclusiveLock } else { pg_sys::AccessShareLock };
    // SAFETY: as for treat().
    let found = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            range,
            lock as i32,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    (found != Oid::INVALID).then_some(found)
}

/// Whether COPY's own check of the column list (CopyGetAttnums()) raises: an unknown, dropped, system or generated
/// column, or one named twice.
unsafe fn copy_refuses(columns: *mut List, target: Oid) -> bool {
    // SAFETY: as for treat(); the list holds String nodes.
    unsafe {
        let all = tuple::columns(target);
        let mut named: Vec<&CStr> = Vec::new();
        for name in tree::iter::<Node>(columns) {
            let name = CStr::from_ptr((*name.cast::<pg_sys::String>()).sval);
            let known = all.iter().any(|column| !column.dropped && !column.generated && *column.name == *name);
            if !known || named.contains(&name) {
                return true;
            }
            named.push(name);
        }
        false
    }
}

/// `SELECT columns FROM ONLY relation`, as a raw parse tree: what COPY itself builds where row security applies.
unsafe fn query_over(range: *mut pg_sys::RangeVar, columns: *mut List, target: Oid) -> *mut Node {
    // SAFETY: fresh nodes; names are copied.
    unsafe {
        let mut targets: *mut List = std::ptr::null_mut();
        if columns.is_null() {
            // Like COPY: neither dropped nor generated columns.
            for column in tuple::columns(target).iter().filter(|column| !column.dropped && !column.generated) {
                targets = raw::lappend(targets, result_target(raw::pstrdup(column.name.as_ptr())).cast());
            }
        } else {
            for name in tree::iter::<Node>(columns) {
                targets = raw::lappend(targets, result_target((*name.cast::<pg_sys::String>()).sval).cast());
            }
        }
        let from = pg_sys::copyObjectImpl(range.cast_const().cast()).cast::<pg_sys::RangeVar>();
        (*from).inh = false;
        let select = tree::make::<pg_sys::SelectStmt>(NodeTag::T_SelectStmt);
        (*select).targetList = targets;
        (*select).fromClause = raw::lappend(std::ptr::null_mut(), from.cast());
        select.cast()
    }
}

unsafe fn result_target(name: *mut std::ffi::c_char) -> *mut pg_sys::ResTarget {
    // SAFETY: fresh nodes.
    unsafe {
        let reference = tree::make::<pg_sys::ColumnRef>(NodeTag::T_ColumnRef);
        (*reference).fields = raw::lappend(std::ptr::null_mut(), raw::makeString(name).cast());
        (*reference).location = -1;
        let target = tree::make::<pg_sys::ResTarget>(NodeTag::T_ResTarget);
        (*target).val = reference.cast();
        (*target).location = -1;
        target
    }
}
