//! Are two values of a type equal, as the type itself says?

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};

use super::raw;

/// Whether two values, neither of them NULL, are equal: by the type's own equality, or, where it has none, byte by byte.
///
/// Raises what the type's equality raises.
pub fn equal(of: Oid, collation: Oid, left: Datum, right: Datum) -> bool {
    // SAFETY: the values are of type `of`; the type cache's entries live as long as the process.
    unsafe {
        let known = pg_sys::lookup_type_cache(of, pg_sys::TYPECACHE_EQ_OPR_FINFO as i32);
        let function = &raw mut (*known).eq_opr_finfo;
        if of == pg_sys::JSONOID
            && let (Some(left), Some(right)) = (json(left), json(right))
        {
            return left == right;
        }
        if (*function).fn_oid == Oid::INVALID {
            let (by_value, length) = ((*known).typbyval, i32::from((*known).typlen));
            return pg_guard_ffi_boundary(|| raw::datum_image_eq(left, right, by_value, length));
        }
        pg_sys::FunctionCall2Coll(function, collation, left, right).value() != 0
    }
}

/// A json value, whatever blanks and order of keys it is written with.
unsafe fn json(value: Datum) -> Option<serde_json::Value> {
    // SAFETY: a json datum; the text is palloc'd.
    unsafe {
        let text = pg_sys::OidOutputFunctionCall(Oid::from(JSON_OUT), value);
        serde_json::from_slice(std::ffi::CStr::from_ptr(text).to_bytes()).ok()
    }
}

/// json_out (pg_proc.dat).
const JSON_OUT: u32 = 322;

/// The collation a function was called with; 0 for none.
pub fn collation_of(call: FunctionCallInfo) -> Oid {
    // SAFETY: null, or what the server gave the function.
    if call.is_null() { Oid::INVALID } else { unsafe { (*call).fncollation } }
}
