//! What the engine wraps around assignments to masked columns: `jitmask.keep` and `jitmask.keep_part`.
//!
//! For: the rewritten statement alone. They answer with one of their arguments, so calling them tells nothing that the
//! caller did not bring along.

use pgrx::datum::AnyElement;
use pgrx::prelude::*;

use crate::error::{Code, Error};
use crate::pg::equal;

/// `assigned`, unless it equals `shown`, the mask of `stored`: then `stored`, or JM003 if `write_back` is `error`. With
/// `write_back` `copy` anything else but `shown` is JM003.
#[pg_extern(immutable, parallel_safe)]
fn keep(
    assigned: Option<AnyElement>,
    shown: Option<AnyElement>,
    stored: Option<AnyElement>,
    write_back: Option<&str>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Option<AnyElement> {
    let unchanged = same(assigned.as_ref(), shown.as_ref(), fcinfo);
    chosen(unchanged, assigned, stored, write_back)
}

/// The same for the assignment of a part: `assigned` is `stored` with the part changed, `shown_assigned` is `shown` with
/// the part changed.
#[pg_extern(immutable, parallel_safe)]
fn keep_part(
    assigned: Option<AnyElement>,
    shown_assigned: Option<AnyElement>,
    shown: Option<AnyElement>,
    stored: Option<AnyElement>,
    write_back: Option<&str>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Option<AnyElement> {
    // Of what is shown as NULL no part was read.
    let unchanged = shown.is_some() && same(shown_assigned.as_ref(), shown.as_ref(), fcinfo);
    chosen(unchanged, assigned, stored, write_back)
}

fn chosen(
    unchanged: bool,
    assigned: Option<AnyElement>,
    stored: Option<AnyElement>,
    write_back: Option<&str>,
) -> Option<AnyElement> {
    match (write_back, unchanged) {
        (Some("keep"), false) => assigned,
        (Some("keep" | "copy"), true) => stored,
        (Some("error"), false) => assigned,
        _ => Error::new(Code::MaskedAssignment, "a masked value can't be written back")
            .detail("What is masked for you would be stored as if it were real.")
            .hint("Leave the column out, or assign a value of your own.")
            .raise(),
    }
}

fn same(left: Option<&AnyElement>, right: Option<&AnyElement>, call: pg_sys::FunctionCallInfo) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => equal::equal(right.oid(), equal::collation_of(call), left.datum(), right.datum()),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
