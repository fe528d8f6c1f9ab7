//! A watch over something that runs: stopped when its time is over or somebody calls it off.
//!
//! A timer looks every few milliseconds; what it finds becomes a query cancel at the next interrupt check, wherever the
//! statement is (in an aggregate, in a user's function), and an error context callback gives that error its own name.
//! The timer's handler runs in a signal: it reads atomics, sets flags, and that is all.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use pgrx::pg_sys;

use super::local::Local;
use super::{compat, raw, shared};

/// How often the timer looks, in milliseconds.
const EVERY: i32 = 5;
/// More ids than one statement has.
const MOST: usize = 64;

static WATCHING: AtomicBool = AtomicBool::new(false);
static OVER: AtomicBool = AtomicBool::new(false);
static UNTIL: AtomicI64 = AtomicI64::new(i64::MAX);
static SEEN: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static IDS: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];

#[derive(Clone)]
struct Watch {
    until: i64,
    seen: u64,
    ids: Vec<u64>,
}

static WATCHES: Local<RefCell<Vec<Watch>>> = Local::new(RefCell::new(Vec::new()));
static SUBTRANSACTIONS: Local<RefCell<Vec<(pg_sys::SubTransactionId, usize)>>> = Local::new(RefCell::new(Vec::new()));

thread_local! {
    static TIMER: Cell<Option<i32>> = const { Cell::new(None) };
    static MESSAGE: RefCell<Option<Message>> = const { RefCell::new(None) };
}

struct Message {
    sqlstate: i32,
    message: CString,
    detail: CString,
    hint: CString,
}

/// What the cancelled statement's error is to say instead.
pub fn say(sqlstate: i32, message: &str, detail: &str, hint: &str) {
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let message = Message { sqlstate, message: text(message), detail: text(detail), hint: text(hint) };
    MESSAGE.with_borrow_mut(|slot| *slot = Some(message));
}

/// Begins a watch: until `until` (microseconds since 2000-01-01 UTC), or until one of `ids` is called off. `seen` is
/// [`shared::called_off_so_far`] as of before it was last known that none was.
pub fn begin(until: i64, seen: u64, ids: Vec<u64>) {
    WATCHES.borrow_mut().push(Watch { until, seen, ids });
    publish();
}

/// Ends the innermost watch.
pub fn end() {
    WATCHES.borrow_mut().pop();
    publish();
}

/// A transaction has ended: nothing runs any more.
pub fn transaction_ended() {
    SUBTRANSACTIONS.borrow_mut().clear();
    if !WATCHES.borrow().is_empty() {
        WATCHES.borrow_mut().clear();
        publish();
    }
}

/// A subtransaction has started.
pub fn subtransaction_started(id: pg_sys::SubTransactionId) {
    let depth = WATCHES.borrow().len();
    SUBTRANSACTIONS.borrow_mut().push((id, depth));
}

/// A subtransaction has ended; what was begun in an aborted one no longer runs.
pub fn subtransaction_ended(id: pg_sys::SubTransactionId, aborted: bool) {
    let depth = {
        let mut stack = SUBTRANSACTIONS.borrow_mut();
        let Some(place) = stack.iter().rposition(|(known, _)| *known == id) else { return };
        let depth = stack.get(place).map(|(_, depth)| *depth);
        stack.truncate(place);
        depth
    };
    if aborted && let Some(depth) = depth {
        let ended = WATCHES.borrow().len() > depth;
        WATCHES.borrow_mut().truncate(depth);
        // What is over was stopped by an error, and somebody's EXCEPTION block has caught it, below a statement that is
        // still being watched. It must not go on to the next row: there is no error left that could not be caught.
        let goes_on = OVER.load(Ordering::SeqCst) && !WATCHES.borrow().is_empty();
        if goes_on {
            // SAFETY: sets the flags that the server's own SIGTERM handler sets.
            unsafe {
                pg_sys::ProcDiePending = 1;
                pg_sys::InterruptPending = 1;
            }
        } else if ended {
            publish();
        }
    }
}

/// Puts the union of all watches where the signal handler can read it, and the timer on or off.
fn publish() {
    WATCHING.store(false, Ordering::SeqCst);
    let watches = WATCHES.borrow().clone();
    if watches.is_empty() {
        OVER.store(false, Ordering::SeqCst);
        if let Some(timer) = TIMER.get() {
            // SAFETY: a timer this process registered.
            unsafe { raw::disable_timeout(timer, false) };
        }
        return;
    }
    UNTIL.store(watches.iter().map(|watch| watch.until).min().unwrap_or(i64::MIN), Ordering::SeqCst);
    SEEN.store(watches.iter().map(|watch| watch.seen).min().unwrap_or(0), Ordering::SeqCst);
    let ids = watches.iter().flat_map(|watch| &watch.ids);
    let count = ids.clone().count();
    // More than fit: then any call-off counts.
    COUNT.store(if count > MOST { usize::MAX } else { count }, Ordering::SeqCst);
    ids.zip(&IDS).for_each(|(id, slot)| slot.store(*id, Ordering::SeqCst));
    WATCHING.store(true, Ordering::SeqCst);
    if watches.len() == 1 {
        // SAFETY: registered once in a process; the server calls the handler from its own alarm handler.
        unsafe {
            let timer = TIMER.get().unwrap_or_else(|| raw::RegisterTimeout(compat::USER_TIMEOUT, tick));
            TIMER.set(Some(timer));
            let first = raw::GetCurrentTimestamp() + i64::from(EVERY) * 1000;
            raw::enable_timeout_every(timer, first, EVERY);
        }
    }
}

/// The timer's handler.
unsafe extern "C-unwind" fn tick() {
    if !WATCHING.load(Ordering::SeqCst) {
        return;
    }
    // SAFETY: reads the clock and memory; sets flags as the server's own cancel handler does.
    unsafe {
        let count = COUNT.load(Ordering::SeqCst);
        let mine = |id| count == usize::MAX || IDS.iter().take(count).any(|slot| slot.load(Ordering::SeqCst) == id);
        let over = raw::GetCurrentTimestamp() >= UNTIL.load(Ordering::SeqCst)
            || shared::called_off_since(SEEN.load(Ordering::SeqCst), mine);
        if over {
            OVER.store(true, Ordering::SeqCst);
            pg_sys::QueryCancelPending = 1;
            pg_sys::InterruptPending = 1;
        }
    }
}

/// The error context callback to have on the stack while a watch is on: gives the cancel its name.
pub unsafe extern "C-unwind" fn name_the_cancel(_argument: *mut c_void) {
    // SAFETY: called while an error is composed; the err*() functions only store into it. The texts live in a
    // thread-local that nobody changes meanwhile.
    unsafe {
        let cancelled = pgrx::PgSqlErrorCode::ERRCODE_QUERY_CANCELED as i32;
        if raw::geterrcode() != cancelled || !OVER.load(Ordering::SeqCst) {
            return;
        }
        MESSAGE.with(|slot| {
            if let Ok(slot) = slot.try_borrow()
                && let Some(message) = slot.as_ref()
            {
                raw::errcode(message.sqlstate);
                raw::errmsg_internal(c"%s".as_ptr(), message.message.as_ptr());
                raw::errdetail_internal(c"%s".as_ptr(), message.detail.as_ptr());
                raw::errhint(c"%s".as_ptr(), message.hint.as_ptr());
            }
        });
    }
}
