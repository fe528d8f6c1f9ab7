//! What the database says about policies, people and grants, as the engine needs it: read by plain scans, kept in this
//! backend until an invalidation message says otherwise, turned into the types of `jitmask_core`.
//!
//! Nothing in here touches the server but through `pg`.

pub mod cache;
pub mod carried;
pub mod dependants;
pub mod endings;
pub mod exposed_by;
pub mod exposed_copies;
pub mod exposures;
pub mod extension;
pub mod grants;
pub mod keys;
pub mod labels;
pub mod mask;
pub mod people;
pub mod policies;
pub mod protection;
pub mod quiet;
pub mod rights;
pub mod session;
pub mod verdict;
