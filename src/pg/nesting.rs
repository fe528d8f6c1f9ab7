//! How deep the server is inside itself: hooks within hooks, and what the outer ones said about the inner ones.
//!
//! An ERROR leaves the hooks' frames by longjmp, so nobody counts back down. Instead each live frame is known by its
//! address on the stack and the client's message it works for: whatever lies deeper than the code asking, or belongs to
//! an earlier message, is dead, whoever killed it. That also holds where a procedure commits or rolls back in the middle of a CALL, where counters tied to transactions would go wrong.

use std::cell::{Cell, RefCell};

/// What holds at a place in the call stack.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Depths {
    /// Hook frames around this place. 0: the client's own statement is about to be planned, started or run.
    pub level: u32,
    /// How many of them run code: anything that is not merely the way to a statement of the client's own.
    pub code: u32,
    /// Enclosing statements that store what they read somewhere instead of sending it to the client.
    pub storing: u32,
    /// Calls under way of functions that the session's person does not trust.
    pub untrusted: u32,
    /// Calls under way of functions that are not built in, below a foreign key check.
    pub below_check: u32,
    /// The innermost frame runs a statement of the client's own that may call functions which want to be called so.
    pub direct: bool,
    /// How many entries of the list of commands under way are in use.
    pub commands: usize,
    /// The innermost frame runs the last of those commands.
    pub commanding: bool,
    /// How many entries of the planner's list of functions not to inline are in use.
    pub not_inlined: usize,
    /// Planner calls under way.
    pub planners: usize,
}

struct Frame {
    address: usize,
    /// When the client's message arrived that is being worked on: a frame of an earlier message is dead.
    message: i64,
    before: Depths,
}

/// When the client's message arrived that is being worked on.
fn message() -> i64 {
    // SAFETY: reads a variable.
    unsafe { pgrx::pg_sys::GetCurrentStatementStartTimestamp() }
}

thread_local! {
    static DEPTHS: Cell<Depths> = const { Cell::new(Depths {
        level: 0, code: 0, storing: 0, untrusted: 0, below_check: 0, direct: false, commands: 0,
        commanding: false, not_inlined: 0, planners: 0,
    }) };
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// What holds here.
pub fn depths() -> Depths {
    let here = 0u8;
    bury((&raw const here) as usize);
    DEPTHS.get()
}

/// A hook begins whose frame is at `address`. `change` says what holds within it; one level is added by itself.
pub fn enter(address: usize, change: impl FnOnce(&mut Depths)) {
    bury(address);
    let before = DEPTHS.get();
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { address, message: message(), before }));
    let mut depths = Depths { level: before.level + 1, direct: false, commanding: false, ..before };
    change(&mut depths);
    DEPTHS.set(depths);
}

/// The hook at `address` is done: what held before it holds again.
pub fn leave(address: usize) {
    bury(address);
}

/// Changes what holds from here to the end of the innermost frame.
pub fn update(change: impl FnOnce(&mut Depths)) {
    let mut depths = depths();
    change(&mut depths);
    DEPTHS.set(depths);
}

/// Forgets the frames at `address` and deeper, and those of earlier messages. The stack grows downwards on every platform the server runs on.
fn bury(address: usize) {
    let message = message();
    FRAMES.with_borrow_mut(|frames| {
        while let Some(frame) = frames.last()
            && (frame.address <= address || frame.message != message)
        {
            DEPTHS.set(frame.before);
            frames.pop();
        }
    });
}

/// A transaction ends. Frames deeper than the end of it are dead.
pub fn transaction_ended() {
    let here = 0u8;
    bury((&raw const here) as usize);
}

/// Whether no code but the server's own way from the client's message leads here.
///
/// Not everything that runs code passes one of our hooks: parse analysis calls input functions of types, Bind does, and
/// deferred triggers run at COMMIT. But whatever runs or plans a statement from within code (SPI, SQL functions,
/// procedural languages) tells the server how to describe itself in errors; the client's own message has at most the
/// description of its parameters.
pub fn straight_from_client() -> bool {
    // SAFETY: the stack of error context callbacks is a list of live frames' records.
    unsafe {
        let described: unsafe extern "C-unwind" fn(*mut std::ffi::c_void) = super::raw::ParamsErrorCallback;
        let mut callback = pgrx::pg_sys::error_context_stack;
        while !callback.is_null() {
            let is_parameters = (*callback).callback.is_some_and(|known| std::ptr::fn_addr_eq(known, described));
            if !is_parameters {
                return false;
            }
            callback = (*callback).previous;
        }
        true
    }
}
