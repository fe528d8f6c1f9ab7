//! ExecutorStart, ExecutorRun and ExecutorFinish hooks.

use std::mem::MaybeUninit;

use pgrx::pg_sys::{self, CommandDest, QueryDesc};

use super::receiver;
use crate::audit::reveal;
use crate::catalog::session;
use crate::error::or_raise;
use crate::guc::{self, OnRevoke};
use crate::pg::{self, compat, composing, nesting, raw, shared, waiting, watch};
use crate::rewrite::stamp::{self, Kind, Stamp};
use crate::rewrite::{check, filled, held, plain};

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
        // A parallel worker runs what its leader was admitted with: the long way knows.
        if pg_sys::ParallelWorkerNumber < 0 && plain::plan((*query).plannedstmt) {
            nesting::enter(frame as usize, |depths| depths.code += 1);
        } else {
            before_start(frame, query, eflags);
        }
        match PREVIOUS_START {
            Some(previous) => previous(query, eflags),
            None => raw::standard_ExecutorStart(query, eflags),
        }
        nesting::leave(frame as usize);
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
    writes: bool,
}

/// What looks at errors from within a run: records for the server's stack of error context callbacks.
#[derive(Default)]
#[repr(C)]
struct Describing {
    naming: pg_sys::ErrorContextCallback,
    writing: pg_sys::ErrorContextCallback,
}

/// Puts on the server's stack what this run needs. The records stand on the hook's frame, and nobody pops them after an
/// ERROR but the handler that catches it.
unsafe fn push(describing: *mut Describing, query: *mut QueryDesc, saved: Run) {
    // SAFETY: see above.
    unsafe {
        if saved.watched {
            (*describing).naming.previous = pg_sys::error_context_stack;
            (*describing).naming.callback = Some(watch::name_the_cancel);
            pg_sys::error_context_stack = &raw mut (*describing).naming;
        }
        if saved.writes {
            (*describing).writing.previous = pg_sys::error_context_stack;
            (*describing).writing.callback = Some(composing::look_at_writer);
            (*describing).writing.arg = (*query).plannedstmt.cast();
            pg_sys::error_context_stack = &raw mut (*describing).writing;
        }
    }
}

unsafe fn pop(describing: *mut Describing, saved: Run) {
    // SAFETY: as in push().
    unsafe {
        if saved.writes {
            pg_sys::error_context_stack = (*describing).writing.previous;
        }
        if saved.watched {
            pg_sys::error_context_stack = (*describing).naming.previous;
        }
    }
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
        let mut describing = MaybeUninit::uninit();
        push(describing.as_mut_ptr(), query, saved);
        match PREVIOUS_RUN {
            Some(previous) => previous(query, direction, count, execute_once),
            None => raw::standard_ExecutorRun(query, direction, count, execute_once),
        }
        pop(describing.as_mut_ptr(), saved);
        if saved.watched {
            after_watched_run(query, saved);
        }
        nesting::leave(frame as usize);
        pg::held::shut_if_idle();
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
        let mut describing = MaybeUninit::uninit();
        push(describing.as_mut_ptr(), query, saved);
        match PREVIOUS_RUN {
            Some(previous) => previous(query, direction, count),
            None => raw::standard_ExecutorRun(query, direction, count),
        }
        pop(describing.as_mut_ptr(), saved);
        if saved.watched {
            after_watched_run(query, saved);
        }
        nesting::leave(frame as usize);
        pg::held::shut_if_idle();
    }
}

/// Only what carries a stamp needs more than a frame; the rest can neither raise nor panic.
unsafe fn before_run(frame: *const u8, query: *mut QueryDesc) -> Run {
    // SAFETY: the executor's own.
    unsafe {
        let plan = (*query).plannedstmt;
        let writes = writes(plan);
        let worker = pg_sys::ParallelWorkerNumber >= 0 && nesting::depths().level == 0;
        if !worker && pg::held::any() {
            open_held();
        }
        if !worker && stamp::is_there(plan) {
            return before_stamped_run(frame, query, writes);
        }
        nesting::enter(frame as usize, |depths| {
            depths.code += 1;
            depths.storing += u32::from(writes);
        });
        Run { dest: (*query).dest, watched: false, writes: writes && !worker }
    }
}

/// Whether a plan changes data, itself or in WITH.
unsafe fn writes(plan: *const pg_sys::PlannedStmt) -> bool {
    // SAFETY: a valid plan.
    unsafe { (*plan).commandType != pg_sys::CmdType::CMD_SELECT || (*plan).hasModifyingCTE }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn open_held() {
    held::open();
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_stamped_run(frame: *const u8, query: *mut QueryDesc, writes: bool) -> Run {
    // SAFETY: the executor's own.
    unsafe {
        let mut saved = Run { dest: (*query).dest, watched: false, writes };
        let stamp = Stamp::read((*query).plannedstmt);
        if let Some(stamp) = &stamp {
            let seen = shared::called_off_so_far();
            or_raise(check::goes_on(stamp));
            let fills = waiting::filled_by(saved.dest);
            if let Some(portal) = fills {
                held::keep(portal, stamp);
            }
            if stamp.kind == Kind::Revealing {
                check::name_the_end(stamp);
                let ids: Vec<u64> = stamp.grants.iter().map(|grant| session::watched_id(*grant)).collect();
                if let Some(portal) = fills
                    && !waiting::begin(portal, stamp.valid_until, seen, &ids)
                {
                    check::too_many_stored().raise();
                }
                watch::begin(stamp.valid_until, seen, ids, guc::on_revoke() == OnRevoke::Terminate);
                saved.watched = true;
                (*query).dest = receiver::watch(saved.dest, (*query).plannedstmt, stamp);
            }
        }
        let top = nesting::depths().level == 0 && is_client(saved.dest);
        let direct = top && stamp.is_some_and(|stamp| stamp.direct);
        nesting::enter(frame as usize, |depths| {
            depths.code += 1;
            depths.direct = direct;
            depths.storing += u32::from(saved.writes);
        });
        saved
    }
}

/// The receiver put in before must not outlive the run.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after_watched_run(query: *mut QueryDesc, saved: Run) {
    // SAFETY: the executor's own.
    unsafe {
        pg_sys::pfree((*query).dest.cast());
        (*query).dest = saved.dest;
    }
    watch::end();
}

/// After-triggers run here, and what WITH writes that nobody reads from.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn finish(query: *mut QueryDesc) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came.
    unsafe {
        if !writes((*query).plannedstmt) {
            // It has changed nothing, so nobody's code runs now.
            match PREVIOUS_FINISH {
                Some(previous) => previous(query),
                None => raw::standard_ExecutorFinish(query),
            }
            return;
        }
        nesting::enter(frame as usize, |depths| {
            depths.code += 1;
            depths.storing += 1;
        });
        let mut describing = Describing::default();
        let describing = &raw mut describing;
        let saved = Run { dest: (*query).dest, watched: false, writes: true };
        push(describing, query, saved);
        match PREVIOUS_FINISH {
            Some(previous) => previous(query),
            None => raw::standard_ExecutorFinish(query),
        }
        pop(describing, saved);
        nesting::leave(frame as usize);
    }
}
