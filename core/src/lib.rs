//! jitmask's pure half: what a mask makes of a value, and who may decide what about a request.
//!
//! For: everything that can be said without a server. The extension turns catalog rows and labels into the types of
//! [`model`] and calls the functions of [`mask`] from its SQL functions.
//! Must hold: no `unsafe`, no panic on any input, no clock, no randomness, no input or output. The same arguments give
//! the same answer always, so all of it is tested here, without PostgreSQL.
//! Called by: the extension's `catalog`, `rewrite` and `api`. This crate knows nothing of them.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod mask;
pub mod model;
