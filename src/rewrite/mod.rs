//! Query tree in, query tree out. Unsafe room 2.
//!
//! [`prepare::prepare`] is the way in, from the planner hook; [`verify::finish`] looks at the finished plan;
//! [`check::admit`] decides at the start of an execution whether a plan still holds, and has it made anew if not.
#![allow(unsafe_code)]

pub mod check;
pub mod copy;
pub mod ddl;
pub mod details;
pub mod direct;
pub mod estimates;
pub mod filled;
pub mod flow;
pub mod guard;
pub mod held;
#[cfg(feature = "pg_test")]
mod in_server;
pub mod inline;
pub mod keep;
pub mod levels;
pub mod mark;
pub mod masked;
pub mod memoize;
pub mod plain;
pub mod prepare;
pub mod reads;
pub mod relabel;
pub mod removal;
pub mod ri;
pub mod rulings;
pub mod saved;
pub mod stamp;
pub mod statement;
pub mod statistics;
pub mod substitute;
pub mod survey;
pub mod trust;
pub mod verify;
pub mod writes;
