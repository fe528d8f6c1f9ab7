//! A last look at every error while the server composes it: before a handler, the client or the log sees it.
//!
//! The server calls its error context callbacks, innermost first, with the error complete but for its CONTEXT. One of
//! them stands at the bottom of that stack for as long as the process lives, so that it is called last, wherever the
//! error comes from: a statement, a deferred constraint at COMMIT, COPY, DDL. It costs a statement nothing.
//!
//! It is put there while the library is preloaded, and every process inherits it. The one thing that removes it is the
//! server's main loop, which empties the stack after an error; right after that it resets the memory context of errors,
//! and a reset callback, registered with every error, puts it back (docs/adr/0014-error-details.md).

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::pg_sys::{self, ErrorContextCallback, MemoryContextCallback, Oid, PlannedStmt};

use super::raw;

/// What is known of an error whose DETAIL may quote rows.
pub struct Problem {
    /// Its code, as the server encodes it.
    pub sqlstate: i32,
    /// The relation it names.
    pub named: Option<Named>,
    /// Its message as it stands in the server's source, untranslated and without what is filled in.
    pub wording: CString,
    /// The relations that the innermost statement under way writes to; asked only for errors that name none.
    pub written: Vec<Oid>,
}

/// A relation as errors name it.
pub struct Named {
    /// Its schema.
    pub schema: CString,
    /// Its name.
    pub table: CString,
    /// The constraint, or the index, that is violated.
    pub constraint: Option<CString>,
}

/// Says what an error's DETAIL is to be instead; `None` to leave it.
pub type Judge = fn(&Problem) -> Option<&'static CStr>;

thread_local! {
    static JUDGE: Cell<Option<Judge>> = const { Cell::new(None) };
}

static mut BOTTOM: ErrorContextCallback =
    ErrorContextCallback { previous: std::ptr::null_mut(), callback: Some(look), arg: std::ptr::null_mut() };
static mut RETURN: MemoryContextCallback =
    MemoryContextCallback { func: Some(come_back), arg: std::ptr::null_mut(), next: std::ptr::null_mut() };
/// `RETURN` is registered: it may be in the list only once.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// From now on `judge` is asked about every error of a code that quotes rows.
pub fn init(judge: Judge) {
    JUDGE.set(Some(judge));
    // SAFETY: while libraries are preloaded; whatever is on the stack is alive.
    unsafe {
        let mut end = &raw mut pg_sys::error_context_stack;
        while !(*end).is_null() {
            end = &raw mut (**end).previous;
        }
        *end = &raw mut BOTTOM;
    }
}

/// The stack may have been emptied: stand at its bottom again. Whether it was: then nothing runs any more, for the main
/// loop has done it.
pub fn stay() -> bool {
    // SAFETY: BOTTOM is static. Only the empty stack is touched: after an ERROR that somebody has caught, what is on it
    // may be dead for a moment. In `previous` of the frames on it nobody but us writes.
    unsafe {
        let empty = pg_sys::error_context_stack.is_null();
        if empty {
            pg_sys::error_context_stack = &raw mut BOTTOM;
        }
        empty
    }
}

/// Whether this is the callback at the bottom.
pub fn is_bottom(callback: *const ErrorContextCallback) -> bool {
    std::ptr::eq(callback, &raw const BOTTOM)
}

unsafe extern "C-unwind" fn come_back(_: *mut c_void) {
    REGISTERED.store(false, Ordering::Relaxed);
    stay();
}

/// The codes whose DETAIL quotes rows or keys: classes 23, integrity constraints, and 44, WITH CHECK OPTION.
fn may_quote(sqlstate: i32) -> bool {
    const CLASS_23: i32 = 2 | (3 << 6);
    const CLASS_44: i32 = 4 | (4 << 6);
    matches!(sqlstate & 0xFFF, CLASS_23 | CLASS_44)
}

/// The callback at the bottom.
unsafe extern "C-unwind" fn look(_: *mut c_void) {
    // SAFETY: called while an error is composed. Registering links a static into a list.
    unsafe {
        if !pg_sys::ErrorContext.is_null() && !REGISTERED.swap(true, Ordering::Relaxed) {
            raw::MemoryContextRegisterResetCallback(pg_sys::ErrorContext, &raw mut RETURN);
        }
        super::watch::name_the_end();
        if may_quote(raw::geterrcode()) {
            examine(Asked::Bottom, std::ptr::null_mut());
        }
    }
}

/// A callback for the stack while a statement that writes is run; its argument is the plan. The error of a view's CHECK
/// OPTION names no relation, nor do errors of remote servers.
pub unsafe extern "C-unwind" fn look_at_writer(plan: *mut c_void) {
    // SAFETY: called while an error is composed; the plan is alive while its frame is on the stack.
    unsafe {
        if may_quote(raw::geterrcode()) && is_innermost(look_at_writer, plan) {
            examine(Asked::Writer, plan);
        }
    }
}

/// A callback for the stack while a materialized view is refreshed; its argument is the view. That new rows are
/// duplicates is told with one of them, under a code that anything else has as well.
pub unsafe extern "C-unwind" fn look_at_refresh(view: *mut c_void) {
    let duplicates = pgrx::PgSqlErrorCode::ERRCODE_CARDINALITY_VIOLATION as i32;
    // SAFETY: called while an error is composed.
    unsafe {
        if raw::geterrcode() == duplicates {
            examine(Asked::Refresh, view);
        }
    }
}

/// Whether, of the frames with this callback, the one with this argument is the innermost.
unsafe fn is_innermost(callback: unsafe extern "C-unwind" fn(*mut c_void), argument: *mut c_void) -> bool {
    // SAFETY: the stack of error context callbacks is a list of live frames' records.
    unsafe {
        let mut frame = pg_sys::error_context_stack;
        while !frame.is_null() {
            if (*frame).callback.is_some_and(|known| std::ptr::fn_addr_eq(known, callback)) {
                return (*frame).arg == argument;
            }
            frame = (*frame).previous;
        }
        false
    }
}

/// The relations a plan writes to.
unsafe fn written(plan: *const PlannedStmt) -> Vec<Oid> {
    // SAFETY: the plan is alive; resultRelations is a list of positions in its range table.
    unsafe {
        super::tree::numbers((*plan).resultRelations)
            .filter_map(|number| usize::try_from(number - 1).ok())
            .map(|place| super::tree::nth::<pg_sys::RangeTblEntry>((*plan).rtable, place))
            .filter(|entry| !entry.is_null())
            .map(|entry| (*entry).relid)
            .collect()
    }
}

/// Which of the callbacks asks.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
enum Asked {
    Bottom,
    Writer,
    Refresh,
}

/// Has the DETAIL judged, and replaces it. The bottom is for errors that name a relation, the others for those that
/// name none.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn examine(asked: Asked, argument: *mut c_void) {
    // SAFETY: errors with rows in their DETAIL are raised where output functions were called a moment ago, so catalogs
    // can be read here as well. An error of our own takes the place of this one.
    unsafe {
        let Some((mut problem, log_only)) = read() else { return };
        if problem.named.is_some() != (asked == Asked::Bottom) {
            return;
        }
        match asked {
            Asked::Bottom => {}
            Asked::Writer => problem.written = written(argument.cast()),
            Asked::Refresh => problem.written = vec![Oid::from(argument as usize as u32)],
        }
        if let Some(judge) = JUDGE.get()
            && let Some(instead) = judge(&problem)
        {
            raw::errdetail_internal(c"%s".as_ptr(), instead.as_ptr());
            if log_only {
                raw::errdetail_log(c"%s".as_ptr(), instead.as_ptr());
            }
        }
    }
}

/// The error, and whether it has a DETAIL of its own for the log; `None` if it has no DETAIL at all.
unsafe fn read() -> Option<(Problem, bool)> {
    // SAFETY: CopyErrorData() copies the error being composed, whoever asks, but not into its own memory context; that
    // is why there is another one for a moment, which also takes what FreeErrorData() would leave behind.
    unsafe {
        let scratch = pg_sys::AllocSetContextCreateInternal(
            pg_sys::CurrentMemoryContext,
            c"error details".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let outer = pg_sys::MemoryContextSwitchTo(scratch);
        let error = pg_sys::CopyErrorData();
        let log_only = !(*error).detail_log.is_null();
        let detailed = !(*error).detail.is_null() || log_only;
        let named = match (text((*error).schema_name), text((*error).table_name)) {
            (Some(schema), Some(table)) => Some(Named { schema, table, constraint: text((*error).constraint_name) }),
            _ => None,
        };
        let wording = text((*error).message_id).unwrap_or_default();
        let problem = Problem { sqlstate: (*error).sqlerrcode, named, wording, written: Vec::new() };
        pg_sys::MemoryContextSwitchTo(outer);
        pg_sys::MemoryContextDelete(scratch);
        detailed.then_some((problem, log_only))
    }
}

unsafe fn text(text: *const c_char) -> Option<CString> {
    // SAFETY: null or a C string.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text).to_owned() })
}
