//! What people are told when DDL is refused.

use pgrx::pg_sys::Oid;

use crate::error::{Code, Error};
use crate::pg::relation;

const EXEMPT: &str =
    "Let a role do it that is exempt, or ask an administrator: SELECT * FROM jitmask.exempt('role', 'why');";
const COULD_SHOW: &str =
    "It could make the table show what its masked columns hold. Owning the table does not change that.";

/// The command as a whole is not on the list.
pub fn refused(what: &str, relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what} on {name} is not possible while you see it masked"))
        .detail(COULD_SHOW)
        .hint(EXEMPT)
}

/// It would look at masked columns.
pub fn reads_masked(what: &str, relation: Oid, part: &str) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what} on {name} is not possible while you see it masked"))
        .detail(format!("{part} looks at columns that are masked for you. Owning the table does not change that."))
        .hint(EXEMPT)
}

/// It would run code of somebody who is not trusted, over rows of the table or as whoever writes to it.
pub fn strangers_code(what: &str, relation: Oid, code: &str) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what} on {name} is not possible while you see it masked"))
        .detail(format!(
            "{code} would run, which can do more than give a value, or whose owner is not trusted, or which finds what it \
             calls by its caller's search_path."
        ))
        .hint(
            "Let a role do it that is exempt, or have the function's owner trusted: \
             SELECT * FROM jitmask.trust_owner('owner', 'why');",
        )
}

/// It would reach a masked relation by a detour.
pub fn reaching(what: &str, how: &str, relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::MaskedRefused, format!("{what}: {name} {how}, and you see it masked"))
        .detail(COULD_SHOW)
        .hint(EXEMPT)
}
