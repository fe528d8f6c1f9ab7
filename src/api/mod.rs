//! Every function that SQL can call, and the SQL files that make tables, views and privileges.
//!
//! Each function checks its arguments and the caller, asks `jitmask_core` and `catalog`, writes through [`store`], and
//! answers a row that says what now holds. Rules for all of them:
//! - what decides or administers starts with [`guard::admin`] or [`guard::decider`];
//! - column names are looked up first, in the caller's `search_path`; everything after that runs with a pinned one;
//! - each change of state writes one row of audit (`audit::trail`) in the same transaction;
//! - an error says what to do instead, and nothing half-done stays behind.

mod args;
mod asking;
mod attach;
mod case;
mod columns;
mod decide;
mod detach;
mod exempt;
mod exposures;
mod grant;
mod guard;
mod health;
mod keep;
mod keyed;
mod masks;
mod narrow;
mod note_change;
mod note_grant_end;
mod policy;
mod preview;
mod readers;
mod request;
mod revoke;
mod rights;
mod rules;
mod statistics;
mod status;
mod store;
mod sweep;
mod trust;
mod wait;
mod why;

use pgrx::prelude::*;

extension_sql_file!("../../sql/catalog.sql", name = "catalog", requires = [note_change, note_grant_end]);
extension_sql_file!("../../sql/key.sql", name = "key", requires = ["catalog", create_default_key]);
extension_sql_file!("../../sql/views.sql", name = "views", requires = ["catalog", my_rights, list]);
// Comments and privileges for everything above and all functions: hence last.
extension_sql_file!("../../sql/privileges.sql", name = "privileges", finalize);
