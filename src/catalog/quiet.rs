//! Built-in functions that don't print what they were given.
//!
//! A mask that fails on some value raises an error, and many of the server's errors quote the argument: the raw value.
//! So a mask may call only functions from this list, or ones an administrator has listed as trusted. Each was looked up
//! in the server's source for what its messages hold.

use pgrx::pg_sys::{self, Oid};

use crate::pg::function;

/// Functions, under every name they have, whose errors (if any) quote no argument.
const QUIET: [&str; 88] = [
    "abbrev",
    "age",
    "array_length",
    "ascii",
    "bit",
    "bit_length",
    "bool",
    "bpchar",
    "bpcharin",
    "broadcast",
    "btrim",
    "byteacat",
    "cardinality",
    "char_length",
    "character_length",
    "cidr",
    "date",
    "date_larger",
    "date_mi",
    "date_mii",
    "date_pl_interval",
    "date_pli",
    "date_smaller",
    "family",
    "host",
    "hostmask",
    "inet_merge",
    "initcap",
    "int4",
    "interval",
    "interval_mi",
    "interval_mul",
    "interval_pl",
    "jsonb_delete",
    "jsonb_object_field",
    "jsonb_object_field_text",
    "jsonb_strip_nulls",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "masklen",
    "md5",
    "name",
    "netmask",
    "network",
    "network_larger",
    "network_smaller",
    "numeric",
    "octet_length",
    "overlay",
    "position",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "set_masklen",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "split_part",
    "strpos",
    "substr",
    "substring",
    "text",
    "text_larger",
    "text_smaller",
    "textcat",
    "textin",
    "time",
    "timestamp",
    "timestamp_mi",
    "timestamp_mi_interval",
    "timestamp_pl_interval",
    "timestamptz",
    "timetz",
    "to_hex",
    "translate",
    "trunc",
    "upper",
    "varbit",
    "varchar",
    "varcharin",
];

/// Functions that quote a text argument which names a unit, a zone or a format: quiet where that is a constant.
const QUIET_WITH_CONSTANT: [&str; 5] = ["date_part", "date_trunc", "encode", "extract", "timezone"];

/// Types whose values no arithmetic quotes: overflow and division by zero are all that can go wrong.
const NUMBERS: [Oid; 7] = [
    pg_sys::BOOLOID,
    pg_sys::INT2OID,
    pg_sys::INT4OID,
    pg_sys::INT8OID,
    pg_sys::FLOAT4OID,
    pg_sys::FLOAT8OID,
    pg_sys::NUMERICOID,
];

/// Whether the built-in function quotes none of its arguments in an error. `given_text` says that it is called with a
/// text that is not a constant.
pub fn is_quiet(called: Oid, given_text: bool) -> bool {
    let name = function::bare_name(called);
    if QUIET.contains(&name.as_str()) {
        return true;
    }
    if QUIET_WITH_CONSTANT.contains(&name.as_str()) {
        return !given_text;
    }
    let (arguments, result) = function::signature(called);
    // Comparisons give yes or no, and fail on nothing; nor does writing a value as text.
    result == pg_sys::BOOLOID
        || result == pg_sys::CSTRINGOID
        || (NUMBERS.contains(&result) && arguments.iter().all(|of| NUMBERS.contains(of)))
}
