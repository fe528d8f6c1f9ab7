//! Is the extension there, in this database? And which are its own relations?

use std::cell::Cell;

use pgrx::pg_sys::Oid;

use crate::pg::function::FIRST_NORMAL;
use crate::pg::local::Local;
use crate::pg::{function, relation};

/// The relations the engine reads, or guards most closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The extension's own OID.
    pub extension: Oid,
    /// Schema jitmask.
    pub schema: Oid,
    /// Table policy.
    pub policy: Oid,
    /// Table trusted_function.
    pub trusted_function: Oid,
    /// Table exemption.
    pub exemption: Oid,
    /// Table trusted_owner.
    pub trusted_owner: Oid,
    /// Table right_.
    pub right: Oid,
    /// Table shared_login_.
    pub shared_login: Oid,
    /// Table grant_.
    pub grant: Oid,
    /// Index grants_live: live grants by grantee.
    pub grants_live: Oid,
    /// Table grant_column.
    pub grant_column: Oid,
    /// Primary key of grant_column.
    pub grant_column_pkey: Oid,
    /// Table key_.
    pub key: Oid,
}

#[derive(Clone, Copy)]
enum Known {
    Unknown,
    Absent,
    Present(Installed),
}

static KNOWN: Local<Cell<Known>> = Local::new(Cell::new(Known::Unknown));

const SLOTS: usize = 128;

/// Functions that were found not to be ours, each in the slot its number gives it.
static OTHERS: Local<[Cell<u32>; SLOTS]> = Local::new([const { Cell::new(0) }; SLOTS]);

/// Schemas or our own relations have changed: look again. Called from invalidation callbacks.
pub fn forget() {
    KNOWN.set(Known::Unknown);
    forget_functions();
}

/// Functions have changed. Called from invalidation callbacks.
pub fn forget_functions() {
    OTHERS.iter().for_each(|slot| slot.set(0));
}

/// Whether a function is known not to be ours, without looking anything up. Can neither raise nor panic.
pub fn is_known_other(function: Oid) -> bool {
    function.to_u32() < FIRST_NORMAL
        || OTHERS.get(function.to_u32() as usize % SLOTS).is_some_and(|slot| slot.get() == function.to_u32())
}

/// What [`installed`] last found, without looking anything up: for invalidation callbacks.
pub fn known() -> Option<Installed> {
    match KNOWN.get() {
        Known::Present(installed) => Some(installed),
        Known::Absent | Known::Unknown => None,
    }
}

/// Whether it is known that the extension is not installed here, without looking anything up.
pub fn known_absent() -> bool {
    matches!(KNOWN.get(), Known::Absent)
}

/// The extension's relations; `None` where it isn't installed, and everything of ours is inert.
///
/// While CREATE EXTENSION runs its script not all of them are there yet: not installed, and asked again next time.
pub fn installed() -> Option<Installed> {
    match KNOWN.get() {
        Known::Present(installed) => return Some(installed),
        Known::Absent => return None,
        Known::Unknown => {}
    }
    let Some(schema) = relation::schema_named(c"jitmask") else {
        KNOWN.set(Known::Absent);
        return None;
    };
    let installed = look_up(schema);
    if let Some(installed) = installed {
        KNOWN.set(Known::Present(installed));
    }
    installed
}

fn look_up(schema: Oid) -> Option<Installed> {
    let find = |name| relation::in_schema(schema, name);
    Some(Installed {
        schema,
        policy: find(c"policy")?,
        trusted_function: find(c"trusted_function")?,
        exemption: find(c"exemption")?,
        trusted_owner: find(c"trusted_owner")?,
        right: find(c"right_")?,
        shared_login: find(c"shared_login_")?,
        grant: find(c"grant_")?,
        grants_live: find(c"grants_live")?,
        grant_column: find(c"grant_column")?,
        grant_column_pkey: find(c"grant_column_pkey")?,
        key: find(c"key_")?,
        // Last, for it scans a table. A schema of that name alone is nobody's extension.
        extension: relation::extension(c"jitmask")?,
    })
}

impl Installed {
    /// Whether a function is one of ours.
    pub fn owns_function(&self, called: Oid) -> bool {
        if is_known_other(called) {
            return false;
        }
        let ours = function::schema(called) == self.schema;
        if !ours && let Some(slot) = OTHERS.get(called.to_u32() as usize % SLOTS) {
            slot.set(called.to_u32());
        }
        ours
    }

    /// Whether a relation is one of ours.
    pub fn owns(&self, relation: Oid) -> bool {
        relation::schema(relation) == self.schema
    }
}
