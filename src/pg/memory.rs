//! Trees that outlive the statement.

use pgrx::pg_sys;

use super::expr::Analysed;

/// A place for trees that are kept until it is emptied.
pub struct Shelf(pg_sys::MemoryContext);

impl Shelf {
    /// An empty one, under the backend's cache memory. `name` shows up in memory context dumps.
    pub fn new(name: &'static std::ffi::CStr) -> Self {
        // SAFETY: the parent context exists from backend start; the name is static as the server demands.
        unsafe {
            Shelf(pg_sys::AllocSetContextCreateInternal(
                pg_sys::CacheMemoryContext,
                name.as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
            ))
        }
    }

    /// Copies an expression onto the shelf.
    pub fn keep(&self, expression: Analysed) -> Analysed {
        Analysed(self.keep_node(expression.0.cast()).cast())
    }

    /// Copies a tree onto the shelf.
    pub fn keep_node(&self, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
        // SAFETY: `node` is a valid tree; the context lives as long as this shelf.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(self.0);
            let copy = pg_sys::copyObjectImpl(node.cast()).cast();
            pg_sys::MemoryContextSwitchTo(before);
            copy
        }
    }

    /// Throws everything on it away. Nothing may point into it any more.
    pub fn empty(&self) {
        // SAFETY: the context is ours alone.
        unsafe { pg_sys::MemoryContextReset(self.0) }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone. At process exit the server has freed it all anyway: thread-local
        // destructors run then, after memory contexts are gone, so the process's end must not touch it.
        if !std::thread::panicking() && unsafe { !pg_sys::proc_exit_inprogress } {
            unsafe { pg_sys::MemoryContextDelete(self.0) }
        }
    }
}
