//! Wiring only: what the server calls, and in which order our code and the server's own run. Unsafe room 3.
//!
//! Each hook is a sandwich (pgrx.md 4.1): a guarded half before, a plain call of the previous hook or the server's own
//! function, a guarded half after. The frame in the middle has nothing to drop, so an ERROR passes through it with
//! every field it was raised with.
#![allow(unsafe_code)]

mod access;
mod calls;
mod estimates;
mod executor;
mod labels;
mod planner;
mod receiver;
mod utility;

/// Puts the hooks in place. Once, while the library is being preloaded, after every library named before this one.
pub fn init() {
    planner::init();
    estimates::init();
    executor::init();
    utility::init();
    calls::init();
    labels::init();
    access::init();
}
