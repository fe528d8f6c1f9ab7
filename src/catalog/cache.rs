//! Values read from a table, remembered until that table changes.
//!
//! Every change of one of our tables sends a relcache invalidation for it (see `session::changed`). The callback only
//! bumps a number here; a remembered value carries the number it was read under and is dropped when they differ.
//! A change that arrives *while* a value is being read bumps the number too, so what was read then is not kept.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::pg::local::Local;

/// What a value was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Masking policies, and functions listed as trusted.
    Policies,
    /// Exemptions, trusted owners, shared logins.
    People,
    /// Grants.
    Grants,
    /// Keys.
    Keys,
}

static EPOCHS: Local<[Cell<u64>; 4]> = Local::new([Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0)]);

impl Source {
    fn epoch(self) -> &'static Cell<u64> {
        let [policies, people, grants, keys] = &*EPOCHS;
        match self {
            Source::Policies => policies,
            Source::People => people,
            Source::Grants => grants,
            Source::Keys => keys,
        }
    }

    /// What was read from here is no longer to be trusted. Called from invalidation callbacks: changes a number, no more.
    pub fn forget(self) {
        self.epoch().set(self.epoch().get().wrapping_add(1));
    }
}

/// Forgets everything.
pub fn forget_all() {
    for source in [Source::Policies, Source::People, Source::Grants, Source::Keys] {
        source.forget();
    }
}

/// A value and the epoch it was read under.
pub struct Remembered<T> {
    source: Source,
    value: RefCell<Option<(u64, Rc<T>)>>,
}

impl<T> Remembered<T> {
    /// Nothing remembered yet.
    pub const fn new(source: Source) -> Self {
        Remembered { source, value: RefCell::new(None) }
    }

    /// Something about the value, if it needs not be read again. Can neither raise nor panic.
    pub fn known<U>(&self, about: impl FnOnce(&T) -> U) -> Option<U> {
        let value = self.value.try_borrow().ok()?;
        let (epoch, value) = value.as_ref()?;
        (*epoch == self.source.epoch().get()).then(|| about(value))
    }

    /// The value; read again if its source has changed since.
    pub fn get(&self, read: impl FnOnce() -> T) -> Rc<T> {
        let now = self.source.epoch().get();
        if let Some((epoch, value)) = self.value.borrow().as_ref()
            && *epoch == now
        {
            return Rc::clone(value);
        }
        // No borrow is held here: reading may run invalidation callbacks, and may raise.
        let value = Rc::new(read());
        *self.value.borrow_mut() = Some((now, Rc::clone(&value)));
        value
    }
}
