//! Numbers of catalogs, fixed by the server (catalog/pg_*.h), that pgrx has no names for.

use pgrx::pg_sys::Oid;

/// pg_attrdef: defaults, and what columns are generated from.
pub const ATTRDEF: Oid = Oid::from_u32(2604);
/// pg_constraint
pub const CONSTRAINT: Oid = Oid::from_u32(2606);
/// pg_inherits
pub const INHERITS: Oid = Oid::from_u32(2611);
/// pg_partitioned_table
pub const PARTITIONED: Oid = Oid::from_u32(3350);
/// pg_policy
pub const POLICY: Oid = Oid::from_u32(3256);
/// pg_publication
pub const PUBLICATION: Oid = Oid::from_u32(6104);
/// pg_publication_rel
pub const PUBLICATION_REL: Oid = Oid::from_u32(6106);
/// pg_rewrite: rules
pub const REWRITE: Oid = Oid::from_u32(2618);
/// pg_statistic_ext: statistics objects
pub const STATISTIC_EXT: Oid = Oid::from_u32(3381);
