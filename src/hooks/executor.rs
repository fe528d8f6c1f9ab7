//! ExecutorStart, ExecutorRun and ExecutorFinish hooks.

use pgrx::pg_sys::{self, CommandDest, QueryDesc};

use super::receiver;
use crate::audit::reveal;
use crate::catalog::session;
use crate::error::or_raise;
use crate::pg::{compat, nesting, raw, shared, watch};
use crate::rewrite::check;
use crate::rewrite::filled;
use crate::rewrite::stamp::{Kind, Stamp};

static mut PREVIOUS_START: pg_sys::ExecutorStart_hook_type = None;
static mut PREVIOUS_RUN: pg_sys::ExecutorRun_hook_type = None;
static mut PREVIOUS_FINISH: pg_sys::ExecutorFinish_hook_type = None;

/// Installs the hooks.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS_START = pg_sys::ExecutorStart_hook;
        pg_sys::ExecutorStart_hook = Some(start);
        PREVIOUS_RUN = pg_sys::ExecutorRun_hook;
        pg_sys::ExecutorRun_hook = Some(run);
        PREVIOUS_FINISH = pg_sys::ExecutorFinish_hook;
        pg_sys::ExecutorFinish_hook = Some(finish);
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn start(query: *mut QueryDesc, eflags: i32) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came.
    unsafe {
        before_start(frame, query, eflags);
        match PREVIOUS_START {
            Some(previous) => previous(query, eflags),
            None => raw::standard_ExecutorStart(query, eflags),
        }
        leave(frame);
    }
}

/// The server calls functions while it starts an execution, too: what they run is not the client's own statement.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_start(frame: *const u8, query: *mut QueryDesc, eflags: i32) {
    // SAFETY: the executor's own; a parallel worker runs what its leader was admitted with.
    unsafe {
        // A worker runs what its leader was admitted with; statements of functions it calls are looked at.
        if pg_sys::ParallelWorkerNumber >= 0 && nesting::depths().level == 0 {
            return;
        }
        let for_client = may_go_to_client((*query).dest);
        if !for_client {
            nesting::enter(frame as usize, |depths| depths.code += 1);
        }
        let stamp = or_raise(check::admit(query));
        if let Some(stamp) = &stamp {
            filled::note(stamp);
        }
        if for_client {
            nesting::enter(frame as usize, |depths| depths.code += 1);
        }
        if let Some(stamp) = stamp
            && eflags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 == 0
        {
            announce(&stamp, query);
        }
    }
}

unsafe fn announce(stamp: &Stamp, query: *mut QueryDesc) {
    match stamp.kind {
        Kind::Revealing => {
            let revealed: Vec<reveal::Revealed> = check::revealed(stamp)
                .into_iter()
                .map(|one| reveal::Revealed { grant: one.grant, column: one.column, until: one.until })
                .collect();
            // SAFETY: the executor's own.
            reveal::announce(&revealed, unsafe { compat::query_id((*query).plannedstmt) });
        }
        Kind::Exempt => reveal::remind_superuser(),
        Kind::Untouched | Kind::Masked | Kind::ForeignKey => {}
    }
}

/// A portal of the client's names its destination only when it is run; everything else does from the start.
unsafe fn may_go_to_client(dest: *mut pg_sys::DestReceiver) -> bool {
    // SAFETY: null or a valid receiver.
    unsafe { dest.is_null() || (*dest).mydest == CommandDest::DestNone || is_client(dest) }
}

/// The rows go to the client itself. Nothing that runs below the client's own statement can say so: SPI, cursors moved
/// by functions, EXPLAIN and stored results all have destinations of their own, or none.
unsafe fn is_client(dest: *mut pg_sys::DestReceiver) -> bool {
    // SAFETY: null or a valid receiver.
    unsafe {
        !dest.is_null()
            && matches!(
                (*dest).mydest,
                CommandDest::DestRemote | CommandDest::DestRemoteExecute | CommandDest::DestRemoteSimple
            )
    }
}

/// What `run` has to put back. Plain data: an ERROR passes over it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Run {
    dest: *mut pg_sys::DestReceiver,
    watched: bool,
}

#[cfg(not(feature = "pg18"))]
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn run(
    query: *mut QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    execute_once: bool,
) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came.
    unsafe {
        let saved = before_run(frame, query);
        let mut naming = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(watch::name_the_cancel),
            arg: std::ptr::null_mut(),
        };
        if saved.watched {
            pg_sys::error_context_stack = &raw mut naming;
        }
        match PREVIOUS_RUN {
            Some(previous) => previous(query, direction, count, execute_once),
            None => raw::standard_ExecutorRun(query, direction, count, execute_once),
        }
        if saved.watched {
            pg_sys::error_context_stack = naming.previous;
        }
        after_run(frame, query, saved);
    }
}

#[cfg(feature = "pg18")]
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn run(query: *mut QueryDesc, direction: pg_sys::ScanDirection::Type, count: u64) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came.
    unsafe {
        let saved = before_run(frame, query);
        let mut naming = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(watch::name_the_cancel),
            arg: std::ptr::null_mut(),
        };
        if saved.watched {
            pg_sys::error_context_stack = &raw mut naming;
        }
        match PREVIOUS_RUN {
            Some(previous) => previous(query, direction, count),
            None => raw::standard_ExecutorRun(query, direction, count),
        }
        if saved.watched {
            pg_sys::error_context_stack = naming.previous;
        }
        after_run(frame, query, saved);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_run(frame: *const u8, query: *mut QueryDesc) -> Run {
    // SAFETY: the executor's own.
    unsafe {
        let mut saved = Run { dest: (*query).dest, watched: false };
        if pg_sys::ParallelWorkerNumber >= 0 && nesting::depths().level == 0 {
            nesting::enter(frame as usize, |depths| depths.code += 1);
            return saved;
        }
        let stamp = Stamp::read((*query).plannedstmt);
        if let Some(stamp) = &stamp {
            let seen = shared::called_off_so_far();
            or_raise(check::goes_on(stamp));
            if stamp.kind == Kind::Revealing {
                check::name_the_end(stamp);
                watch::begin(
                    stamp.valid_until,
                    seen,
                    stamp.grants.iter().map(|grant| session::watched_id(*grant)).collect(),
                );
                saved.watched = true;
                (*query).dest = receiver::watch(saved.dest, (*query).plannedstmt, stamp);
            }
        }
        let top = nesting::depths().level == 0 && is_client(saved.dest);
        let direct = top && stamp.is_some_and(|stamp| stamp.direct);
        let writes = (*(*query).plannedstmt).commandType != pg_sys::CmdType::CMD_SELECT
            || (*(*query).plannedstmt).hasModifyingCTE;
        nesting::enter(frame as usize, |depths| {
            depths.code += 1;
            depths.direct = direct;
            depths.storing += u32::from(writes);
        });
        saved
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after_run(frame: *const u8, query: *mut QueryDesc, saved: Run) {
    // SAFETY: the executor's own; the receiver put in by before_run() must not outlive the run.
    unsafe {
        if saved.watched {
            pg_sys::pfree((*query).dest.cast());
        }
        (*query).dest = saved.dest;
    }
    if saved.watched {
        watch::end();
    }
    nesting::leave(frame as usize);
}

/// After-triggers run here.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn finish(query: *mut QueryDesc) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came.
    unsafe {
        enter(frame);
        match PREVIOUS_FINISH {
            Some(previous) => previous(query),
            None => raw::standard_ExecutorFinish(query),
        }
        leave(frame);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn enter(frame: *const u8) {
    nesting::enter(frame as usize, |depths| depths.code += 1);
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn leave(frame: *const u8) {
    nesting::leave(frame as usize);
}
