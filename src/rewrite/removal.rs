//! DROP EXTENSION jitmask: the off switch.
//!
//! Only a superuser can press it. While columns are protected it takes CASCADE, so that nobody turns masking off by
//! tidying up; and the server log says so, for the audit goes with the extension.

use pgrx::pg_sys::{self, DropBehavior, Node, NodeTag, ObjectType};

use crate::catalog::labels;
use crate::error::{Code, Error, Result};
use crate::pg::{client, report, roles, tree};

/// Refuses to drop the extension while columns are protected, unless CASCADE is said.
///
/// # Safety
/// `drop` must be valid.
pub unsafe fn check(drop: *mut pg_sys::DropStmt) -> Result<()> {
    // SAFETY: as for the caller; the names of extensions are String nodes.
    let cascade = unsafe {
        let ours = (*drop).removeType == ObjectType::OBJECT_EXTENSION
            && tree::iter::<Node>((*drop).objects).any(|name| {
                tree::tag(name) == NodeTag::T_String
                    && std::ffi::CStr::from_ptr((*name.cast::<pg_sys::String>()).sval) == c"jitmask"
            });
        // Anybody else is refused by the server itself.
        if !ours || !roles::is_superuser(roles::current_user()) {
            return Ok(());
        }
        (*drop).behavior == DropBehavior::DROP_CASCADE
    };
    let protected = labels::all()?.len();
    if protected > 0 && !cascade {
        return Err(Error::new(Code::InUse, "extension jitmask can't be dropped while it protects columns")
            .detail(format!("{protected} column(s) have a policy, and would be raw for everybody."))
            .hint(
                "Detach them first (SELECT * FROM jitmask.masked_columns;), or say DROP EXTENSION jitmask CASCADE;",
            ));
    }
    report::server_log(&format!(
        "jitmask dropped: protected_columns={protected} login=\"{}\" database=\"{}\"",
        roles::name(roles::session_user()).escape_default(),
        client::database_name().escape_default()
    ));
    Ok(())
}
