//! What the client tests stand on: a world of its own for each test, sessions in it, the bare wire protocol for what no
//! client library sends, and the programs around the server.
//!
//! Run by `pg_test_config/client.sh`, which starts a throwaway cluster and says where it is in `JITMASK_TEST_*`.
//! Every failure here is a panic: this crate is nothing but tests.

pub mod outside;
pub mod session;
pub mod wire;
pub mod world;

pub use session::{Session, Sight};
pub use world::World;
