//! WITH HOLD cursors that somebody filled who may see what others may not.
//!
//! Their rows are in store, so no plan is checked when they are fetched. Kept here is the stamp of the plan that filled
//! them; a statement may read them if what they show is what its subject would see now.

use std::cell::RefCell;

use pgrx::pg_sys::{self, Portal};

use super::check;
use super::stamp::{Kind, Stamp};
use crate::error::Result;
use crate::pg::{events, held, nesting};

thread_local! {
    static STAMPS: RefCell<Vec<(Portal, Stamp)>> = const { RefCell::new(Vec::new()) };
}

/// A cursor is being filled by a plan with this stamp, to outlive its transaction.
///
/// # Safety
/// `portal` must be valid.
pub unsafe fn keep(portal: Portal, stamp: &Stamp) {
    let shows_raw = match stamp.kind {
        Kind::Exempt => true,
        // Grants don't count where rows are stored; what is raw is so because of the role.
        Kind::Masked => stamp.state == Stamp::NO_STATE,
        Kind::Untouched | Kind::Revealing | Kind::ForeignKey => false,
    };
    // SAFETY: as for the caller.
    let selects = unsafe { (*portal).strategy } == pg_sys::PortalStrategy::PORTAL_ONE_SELECT;
    // SAFETY: as for the caller.
    if shows_raw && selects && unsafe { held::note(portal) } {
        STAMPS.with_borrow_mut(|stamps| {
            stamps.retain(|(known, _)| *known != portal && held::is(*known));
            stamps.push((portal, stamp.clone()));
        });
    }
}

/// A statement of the client's begins: opens what it may read.
pub fn open() {
    if !held::any() || nesting::depths().level > 0 || !events::in_live_transaction() {
        return;
    }
    let stamps = STAMPS.with_borrow(Clone::clone);
    stamps.iter().filter(|(_, stamp)| check::goes_on(stamp).is_ok()).for_each(|(portal, _)| held::open(*portal));
}

/// JM002 if it is a cursor that shows what the subject may not see.
pub fn may_be_read(portal: Portal) -> Result<()> {
    if !held::is(portal) {
        return Ok(());
    }
    let stamp = STAMPS.with_borrow(|stamps| stamps.iter().find(|(known, _)| *known == portal).cloned());
    stamp.map_or(Ok(()), |(_, stamp)| check::goes_on(&stamp))
}
