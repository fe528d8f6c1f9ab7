//! The key of keyed masks, and the mask that uses it: `jitmask.mask_hash(value)`.
//!
//! Must hold (I9): the key is made here, stored in `jitmask.key_`, read by the engine alone, and is no argument, result,
//! setting or part of any message.

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

use jitmask_core::mask::hash::Keyed;
use pgrx::prelude::*;

use super::store;
use crate::catalog::{keys, session};
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::expr;

/// As long as SHA-256's output: a longer one would be hashed down to this.
const KEY_BYTES: usize = 32;

/// The key as it was read, and what was made of it.
type Prepared = (Rc<Option<Vec<u8>>>, Rc<Keyed>);

thread_local! {
    /// Setting up the key costs as much as hashing a short value, so it is done once per key, not per row.
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

/// Answers only where the engine itself put the call, as the mask of a column: whoever could hash a guess could compare
/// it with what the column shows, and find any value that is not hard to guess. 42501 otherwise.
#[pg_extern(stable, parallel_safe)]
fn mask_hash(value: &str, fcinfo: pg_sys::FunctionCallInfo) -> String {
    if !expr::called_as_mask(fcinfo) && !session::is_superuser(session::subject().role.into()) {
        Error::new(Code::Privilege, "jitmask.mask_hash() can only be used as the mask of a policy")
            .detail("Called with a guess, it would tell whether a masked value is that guess.")
            .hint("SELECT * FROM jitmask.create_policy('name', 'mask_hash(value)');")
            .raise();
    }
    or_raise(prepared()).hex(value.as_bytes())
}

fn prepared() -> Result<Rc<Keyed>> {
    let key = keys::current()?;
    let known = PREPARED.with_borrow(|known| match known {
        Some((of, keyed)) if Rc::ptr_eq(of, &key) => Some(Rc::clone(keyed)),
        _ => None,
    });
    if let Some(keyed) = known {
        return Ok(keyed);
    }
    let Some(secret) = key.as_ref() else {
        return Err(Error::new(Code::WrongState, "jitmask has no key for keyed masks"));
    };
    let keyed = Rc::new(Keyed::new(secret, b""));
    PREPARED.replace(Some((key, Rc::clone(&keyed))));
    Ok(keyed)
}

/// Makes the key `default`, once: called by the installation script. 42710 if it is there.
#[pg_extern]
fn create_default_key() {
    or_raise(create());
}

fn create() -> Result<()> {
    let mut secret = [0u8; KEY_BYTES];
    std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut secret)).map_err(|error| {
        Error::new(Code::WrongState, "the system gave no random bytes for a key").detail(error.to_string())
    })?;
    let made = store::run(
        "INSERT INTO jitmask.key_ (name, version, secret) VALUES ('default', 1, $1) ON CONFLICT DO NOTHING",
        &[secret.as_slice().into()],
    )?;
    if made == 0 {
        return Err(Error::new(Code::Duplicate, "the key \"default\" exists already"));
    }
    Ok(())
}
