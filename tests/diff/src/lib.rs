//! The differential test: a masked session must behave like an ordinary one on tables that hold the masked values.
//!
//! `generate` makes a statement out of the decisions of a `tape`; `side` runs it in a session and takes down what came;
//! `judge` compares the two, looks for raw values, and knows which differences are legal; `shrink` makes a failing
//! statement small; `run` does it many times. Started by `pg_test_config/diff.sh`.
//!
//! What must hold: a statement is made anew from its seed and its number alone.

pub mod generate;
pub mod judge;
pub mod leak;
pub mod run;
pub mod schema;
pub mod script;
pub mod shrink;
pub mod side;
pub mod sources;
pub mod tape;
pub mod world;
