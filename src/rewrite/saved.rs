//! Queries as they were before masks were put in, so that a plan which no longer holds can be made anew in place.
//!
//! Found by content, in bounded memory: what is pushed out costs a retry (40001), never a raw value.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;

use pgrx::pg_sys::{self, Query};
use sha2::{Digest, Sha256};

use crate::pg::memory::Shelf;

/// How many queries are kept. A session that prepares more statements on protected tables than this, and runs them all
/// in turn, meets a retry after a change of grants.
const MOST: usize = 512;
/// How much they may take together, measured by their text; a larger query than an eighth of it is not kept at all.
const MOST_BYTES: usize = 16 << 20;

/// A query's name here: a condensed form of its text and planning options.
pub type Name = [u8; 16];

struct Saved {
    query: *mut pg_sys::Node,
    options: i32,
    used: u64,
    size: usize,
    _shelf: Shelf,
}

#[derive(Default)]
struct Store {
    queries: HashMap<Name, Saved>,
    clock: u64,
    size: usize,
}

thread_local! {
    static STORE: RefCell<Store> = RefCell::new(Store::default());
}

/// Keeps a copy of the query and tells its name.
///
/// # Safety
/// `query` must be a valid tree.
pub unsafe fn keep(query: *mut Query, options: i32) -> Name {
    // SAFETY: nodeToString reads the tree; its text is palloc'd and freed here.
    let (name, size) = unsafe {
        let text = pg_sys::nodeToString(query.cast_const().cast());
        let mut hash = Sha256::new();
        let bytes = CStr::from_ptr(text).to_bytes();
        let size = bytes.len();
        hash.update(bytes);
        hash.update(options.to_le_bytes());
        pg_sys::pfree(text.cast());
        let mut name = Name::default();
        name.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        (name, size)
    };
    let known = STORE.with_borrow_mut(|store| store.touch(&name).is_some());
    if !known && size <= MOST_BYTES / 8 {
        // No borrow is held while the server copies.
        let shelf = Shelf::new(c"jitmask query");
        let copy = shelf.keep_node(query.cast());
        STORE.with_borrow_mut(|store| store.add(name, Saved { query: copy, options, used: 0, size, _shelf: shelf }));
    }
    name
}

/// A fresh copy of the query of that name, in the current memory context, and its planning options.
pub fn find(name: &Name) -> Option<(*mut Query, i32)> {
    let (query, options) = STORE.with_borrow_mut(|store| store.touch(name))?;
    // SAFETY: the original is on its shelf; nothing is pushed out between the look-up and the copy.
    Some((unsafe { pg_sys::copyObjectImpl(query.cast()).cast() }, options))
}

impl Store {
    fn touch(&mut self, name: &Name) -> Option<(*mut pg_sys::Node, i32)> {
        self.clock += 1;
        let clock = self.clock;
        self.queries.get_mut(name).map(|saved| {
            saved.used = clock;
            (saved.query, saved.options)
        })
    }

    fn add(&mut self, name: Name, saved: Saved) {
        while self.queries.len() >= MOST || self.size + saved.size > MOST_BYTES {
            let oldest = self.queries.iter().min_by_key(|(_, saved)| saved.used).map(|(name, _)| *name);
            let Some(gone) = oldest.and_then(|name| self.queries.remove(&name)) else { break };
            self.size -= gone.size;
        }
        self.size += saved.size;
        self.queries.insert(name, saved);
        self.touch(&name);
    }
}
