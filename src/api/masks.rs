//! The masks as SQL functions: `jitmask.mask_*(value, …)`.
//!
//! For: the expressions in policies. The algorithms are in `jitmask_core::mask`; here the value is borrowed and the
//! result handed back.
//! Must hold: the same type out as in; NULL in, NULL out (STRICT); no input raises; a key is never an argument. All are
//! IMMUTABLE but the keyed one, which is STABLE because its key can be rotated; all are PARALLEL SAFE.
//! `mask_default` has one overload per type and, for any other type, one that answers NULL.

use jitmask_core::mask;
use pgrx::datum::{AnyElement, AnyNumeric, Date, Inet, JsonB, Timestamp, TimestampWithTimeZone, Uuid};
use pgrx::prelude::*;

/// What takes the place of a mask character that is not given.
const STAR: char = '*';

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_text(value: &str) -> &'static str {
    mask::text_default(value)
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_int2(_value: i16) -> i16 {
    0
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_int4(_value: i32) -> i32 {
    0
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_int8(_value: i64) -> i64 {
    0
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_numeric(_value: AnyNumeric) -> AnyNumeric {
    AnyNumeric::from(0)
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_float4(_value: f32) -> f32 {
    0.0
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_float8(_value: f64) -> f64 {
    0.0
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_bool(_value: bool) -> bool {
    false
}

/// 1970-01-01, in days since 2000-01-01.
const EPOCH_DAYS: i32 = -10_957;
/// 1970-01-01 00:00, in microseconds since 2000-01-01 00:00.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_date(_value: Date) -> Date {
    Date::saturating_from_raw(EPOCH_DAYS)
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_timestamp(_value: Timestamp) -> Option<Timestamp> {
    Timestamp::try_from(EPOCH_MICROS).ok()
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_timestamptz(_value: TimestampWithTimeZone) -> Option<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(EPOCH_MICROS).ok()
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_uuid(_value: Uuid) -> Uuid {
    Uuid::from_bytes([0; 16])
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_jsonb(_value: JsonB) -> JsonB {
    JsonB(serde_json::Value::Object(serde_json::Map::new()))
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_inet(_value: Inet) -> Inet {
    Inet("0.0.0.0".to_owned())
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_bytea(_value: &[u8]) -> &'static [u8] {
    b""
}

#[pg_extern(name = "mask_default", immutable, parallel_safe)]
fn mask_default_other(_value: AnyElement) -> Option<AnyElement> {
    None
}

#[pg_extern(immutable, parallel_safe)]
fn mask_partial(value: &str, visible_prefix: i32, visible_suffix: i32, mask_char: default!(&str, "'*'")) -> String {
    mask::partial(value, visible_prefix, visible_suffix, mask_char.chars().next().unwrap_or(STAR))
}

#[pg_extern(immutable, parallel_safe)]
fn mask_email(value: &str) -> String {
    mask::email(value)
}

#[pg_extern(immutable, parallel_safe)]
fn mask_null(_value: AnyElement) -> Option<AnyElement> {
    None
}

#[pg_extern(name = "mask_constant", immutable, parallel_safe)]
fn mask_constant_any(_value: AnyElement, constant: AnyElement) -> AnyElement {
    constant
}

// Without this one, mask_constant(text_column, 'X') would take 'X' for a value of an unknown type.
#[pg_extern(name = "mask_constant", immutable, parallel_safe)]
fn mask_constant_text<'a>(_value: &str, constant: &'a str) -> &'a str {
    constant
}
