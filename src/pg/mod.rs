//! Safe wrappers over the server's C interface; no word of jitmask's own in here. Unsafe room 1.
#![allow(unsafe_code)]

pub mod attempt;
pub mod catalogs;
pub mod client;
pub mod compat;
pub mod composing;
pub mod constraint;
pub mod depend;
pub mod equal;
pub mod events;
pub mod expr;
pub mod function;
pub mod generated;
pub mod guc;
pub mod held;
pub mod instance;
pub mod lineage;
pub mod local;
pub mod memory;
pub mod mentions;
pub mod names;
pub mod nesting;
pub mod passing;
pub mod preload;
pub mod raw;
pub mod relation;
pub mod report;
pub mod roles;
pub mod scan;
pub mod seclabel;
pub mod shared;
pub mod stored;
pub mod tree;
pub mod tuple;
pub mod waiting;
pub mod watch;
