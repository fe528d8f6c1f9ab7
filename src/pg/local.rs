//! Variables of this process, for what every statement of every session looks at.
//!
//! A library that is loaded at run time pays a function call for each look at a `thread_local!`. A server process has
//! one thread, so a plain variable does as well.

use std::ops::Deref;

/// A value that belongs to the process's only thread. What changes, is a `Cell` or `RefCell` in it.
pub struct Local<T>(T);

// SAFETY: a server process has one thread, and starts as a copy of one that had just one. Handlers of signals use
// atomics, and nothing that is kept like this.
unsafe impl<T> Sync for Local<T> {}

impl<T> Local<T> {
    /// The value to begin with.
    pub const fn new(value: T) -> Self {
        Local(value)
    }
}

impl<T> Deref for Local<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
