//! What is recorded: state changes as rows in their own transaction, reveals in the server log.

pub mod reveal;
pub mod trail;
