//! The model: labels, durations, rules, requests, grants, and the decision whether a value is shown raw.
//!
//! For: the extension, which reads rows and labels into these types, asks them, and stores what they answer.
//! Must hold: people and roles are plain numbers (PostgreSQL's OIDs), durations are microseconds, time is an argument.
//! Whatever is doubtful is refused or masked: no default in here widens anything.

pub mod decide;
pub mod duration;
pub mod grant;
pub mod label;
pub mod pattern;
pub mod request;
pub mod rule;
pub mod vote;
pub mod write_back;
