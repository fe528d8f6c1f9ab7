//! Arguments as they come from SQL: any of them may be NULL, and a NULL must not make a call silently do nothing.
//!
//! For: all of `api/`. None of its functions is STRICT (but the masks), because a STRICT function called with a NULL
//! answers nothing at all; here it becomes 22023 with the argument's name.

use jitmask_core::model::duration;
use pgrx::datum::Interval;

use super::guard;
use crate::error::{Code, Error, Result};

/// The argument, which has to be there. 22023 if it is NULL.
pub fn given<T>(name: &str, value: Option<T>, example: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::new(Code::BadArgument, format!("argument \"{name}\" must not be NULL")).hint(example.to_owned())
    })
}

/// A text that says something. 22023 if it is NULL or blank.
pub fn said<'a>(name: &str, value: Option<&'a str>, example: &str) -> Result<&'a str> {
    let text = given(name, value, example)?;
    if text.trim().is_empty() {
        return Err(
            Error::new(Code::BadArgument, format!("argument \"{name}\" must not be empty")).hint(example.to_owned())
        );
    }
    Ok(text)
}

/// A list without NULLs in it; `None` if the list is NULL. 22023 for a NULL element.
pub fn list(name: &str, value: Option<Vec<Option<String>>>) -> Result<Option<Vec<String>>> {
    let Some(items) = value else { return Ok(None) };
    let items: Option<Vec<String>> = items.into_iter().collect();
    match items {
        Some(items) => Ok(Some(items)),
        None => Err(Error::new(Code::BadArgument, format!("argument \"{name}\" must not hold a NULL"))
            .hint(format!("{name} => ARRAY['…', '…']"))),
    }
}

/// A duration in microseconds; `None` if it is NULL. 22023 for one that has no fixed, positive length.
pub fn duration(name: &str, value: Option<Interval>) -> Result<Option<i64>> {
    let Some(interval) = value else { return Ok(None) };
    match duration::from_interval(interval.months(), interval.days(), interval.micros()) {
        Ok(length) => Ok(Some(length)),
        Err(error) => Err(Error::new(Code::BadArgument, error.to_string())
            .detail(format!("This is about the argument \"{name}\"."))
            .hint(format!("{name} => '30 minutes'"))),
    }
}

/// A number of microseconds as an interval, without months and days: it is as long as it says.
pub fn interval(micros: i64) -> Result<Interval> {
    Interval::new(0, 0, micros).map_err(|error| Error::new(Code::BadArgument, error.to_string()))
}

/// Roles by name, as OIDs. 42704 for one that isn't there.
pub fn roles(names: &[String]) -> Result<Vec<pgrx::pg_sys::Oid>> {
    names.iter().map(|name| guard::role(name)).collect()
}

/// Whether a text that should be words is nothing but a duration, such as `30 minutes` or `2h`.
pub fn looks_like_duration(text: &str) -> bool {
    const UNITS: [&str; 14] =
        ["s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "h", "hour", "hours", "day"];
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let digits = text.len() > unit.len();
    let unit = unit.trim();
    let clock = text.contains(':') && text.chars().all(|c| c.is_ascii_digit() || c == ':');
    clock || (digits && (UNITS.contains(&unit) || unit == "days" || unit == "d"))
}
