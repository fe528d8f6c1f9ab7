//! How deep the server is inside itself: hooks within hooks, and what the outer ones said about the inner ones.
//!
//! An ERROR leaves the hooks' frames by longjmp, so nobody counts back down. Instead each live frame is known by its
//! address on the stack and the client's message it works for: whatever lies deeper than the code asking, or belongs to
//! an earlier message, is dead, whoever killed it. That also holds where a procedure commits or rolls back in the middle of a CALL, where counters tied to transactions would go wrong.

use std::cell::UnsafeCell;

use pgrx::pg_sys::Oid;

use super::local::Local;
use super::waiting::Filled;
use super::{raw, roles};

/// What holds at a place in the call stack.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Depths {
    /// Hook frames around this place. 0: the client's own statement is about to be planned, started or run.
    pub level: u32,
    /// How many of them run code: anything that is not merely the way to a statement of the client's own.
    pub code: u32,
    /// Enclosing statements that store what they read somewhere instead of sending it to the client.
    pub storing: u32,
    /// Enclosing statements that fill a materialized view.
    pub filling: u32,
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
    /// In the innermost planner call something is masked, so the planner may not know everything.
    pub hides: bool,
    /// The portal that the innermost utility statement fills.
    pub filled: Filled,
    /// Whose rights the hook's code runs with; the server's own foreign key checks count as whoever caused them.
    pub user: Oid,
}

struct Frame {
    address: usize,
    /// When the client's message arrived that is being worked on: a frame of an earlier message is dead.
    message: i64,
    before: Depths,
}

/// When the client's message arrived that is being worked on.
fn message() -> i64 {
    // SAFETY: reads a variable; can't raise.
    unsafe { raw::GetCurrentStatementStartTimestamp() }
}

struct State {
    depths: Depths,
    frames: Vec<Frame>,
}

static STATE: Local<UnsafeCell<State>> = Local::new(UnsafeCell::new(State {
    depths: Depths {
        level: 0,
        code: 0,
        storing: 0,
        filling: 0,
        untrusted: 0,
        below_check: 0,
        direct: false,
        commands: 0,
        commanding: false,
        not_inlined: 0,
        planners: 0,
        hides: false,
        filled: Filled::NONE,
        user: Oid::INVALID,
    },
    frames: Vec::new(),
}));

/// What holds at `address`: frames at it and deeper are forgotten, and those of earlier messages. The stack grows
/// downwards on every platform the server runs on.
#[inline]
fn state_at<T>(address: usize, with: impl FnOnce(&mut State, i64) -> T) -> T {
    let message = message();
    // SAFETY: the one reference there is: nothing below here calls `state_at` again, or the server.
    let state = unsafe { &mut *STATE.get() };
    while let Some(frame) = state.frames.last()
        && (frame.address <= address || frame.message != message)
    {
        state.depths = frame.before;
        state.frames.pop();
    }
    with(state, message)
}

/// What holds here. Can neither raise nor panic, as none of the functions here can.
pub fn depths() -> Depths {
    let here = 0u8;
    state_at((&raw const here) as usize, |state, _| state.depths)
}

/// A hook begins whose frame is at `address`. `change` says what holds within it (and does nothing else); one level is
/// added by itself.
pub fn enter(address: usize, change: impl FnOnce(&mut Depths)) {
    let for_check = roles::in_foreign_key_check();
    let user = roles::current_user();
    state_at(address, |state, message| {
        state.frames.push(Frame { address, message, before: state.depths });
        state.depths.level += 1;
        state.depths.direct = false;
        state.depths.commanding = false;
        if !for_check || state.depths.below_check > 0 {
            state.depths.user = user;
        }
        change(&mut state.depths);
    });
}

/// The hook at `address` is done: what held before it holds again.
#[inline]
pub fn leave(address: usize) {
    // SAFETY: as in state_at().
    let state = unsafe { &mut *STATE.get() };
    // Nearly always.
    if let Some(frame) = state.frames.last()
        && frame.address == address
    {
        state.depths = frame.before;
        state.frames.truncate(state.frames.len() - 1);
    } else {
        state_at(address, |_, _| ());
    }
}

/// Changes what holds from here to the end of the innermost frame. `change` does nothing else.
pub fn update(change: impl FnOnce(&mut Depths)) {
    let here = 0u8;
    state_at((&raw const here) as usize, |state, _| change(&mut state.depths));
}

/// Whose rights the code runs with that leads here, each once.
pub fn users() -> Vec<Oid> {
    let here = 0u8;
    let mut users = state_at((&raw const here) as usize, |state, _| {
        let mut users: Vec<Oid> = state.frames.iter().map(|frame| frame.before.user).collect();
        users.push(state.depths.user);
        users
    });
    users.sort_unstable_by_key(|user| user.to_u32());
    users.dedup();
    users.retain(|user| *user != Oid::INVALID);
    users
}

/// A transaction ends. Frames deeper than the end of it are dead.
pub fn transaction_ended() {
    let here = 0u8;
    leave((&raw const here) as usize);
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
        let described: unsafe extern "C-unwind" fn(*mut std::ffi::c_void) = raw::ParamsErrorCallback;
        let mut callback = pgrx::pg_sys::error_context_stack;
        while !callback.is_null() {
            let is_parameters = (*callback).callback.is_some_and(|known| std::ptr::fn_addr_eq(known, described));
            if !is_parameters && !super::composing::is_bottom(callback) {
                return false;
            }
            callback = (*callback).previous;
        }
        true
    }
}
