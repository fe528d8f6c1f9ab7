//! This session: who is asking, how it was called, and whether what it knows is current.

use std::cell::{Cell, RefCell};

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::Oid;

use super::cache::{self, Source};
use super::extension::{self, Installed};
use super::{grants, mask, protection};
use crate::error::{Code, Error, Result};
use crate::guc;
use crate::pg::events::{self, Listeners};
use crate::pg::local::Local;
use crate::pg::{instance, nesting, relation, roles, shared, watch};

pub use crate::pg::roles::{is_member, is_superuser, name as role_name, oid as role_oid};

/// Who calls a function of ours: the login, and what SET ROLE made of it. SECURITY DEFINER changes neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `session_user`: the person.
    pub login: Oid,
    /// The login, or what SET ROLE put in its place.
    pub role: Oid,
}

static SEEN: Local<Cell<u64>> = Local::new(Cell::new(0));
/// Counts from 1, see [`state`].
static STATE: Local<Cell<u64>> = Local::new(Cell::new(1));
static ENDED: Local<RefCell<Vec<i64>>> = Local::new(RefCell::new(Vec::new()));
static CHANGED: Local<Cell<bool>> = Local::new(Cell::new(false));
/// For the transaction under way: whose grants were looked at when it began, and whether there were any.
static BEGAN: Local<Cell<Option<(Oid, bool)>>> = Local::new(Cell::new(None));

/// Registers what keeps this module current. Once per process.
pub fn init() {
    events::listen(Listeners {
        relation_changed,
        function_changed,
        role_changed: next_state,
        schema_changed: extension::forget,
        transaction_ended,
        committed,
        aborted,
        preparing,
    });
}

fn function_changed() {
    mask::forget();
    extension::forget_functions();
}

fn relation_changed(relation: Oid) {
    protection::forget(relation);
    extension_relation_changed(relation);
}

fn extension_relation_changed(relation: Oid) {
    if relation == Oid::INVALID {
        extension::forget();
        cache::forget_all();
        return;
    }
    let Some(ours) = extension::known() else {
        // Which tables are ours is not known at the moment, so it may have been any of them.
        cache::forget_all();
        mask::forget();
        return;
    };
    let source = if relation == ours.policy || relation == ours.trusted_function {
        mask::forget();
        Source::Policies
    } else if [ours.exemption, ours.trusted_owner, ours.shared_login, ours.right].contains(&relation) {
        Source::People
    } else if relation == ours.grant || relation == ours.grant_column {
        Source::Grants
    } else if relation == ours.key {
        Source::Keys
    } else {
        return;
    };
    source.forget();
    // It may have been dropped, with the whole extension: the schema stays, so nothing else would tell.
    extension::forget();
}

fn transaction_ended() {
    BEGAN.set(None);
}

fn committed() {
    if CHANGED.replace(false) {
        shared::next_generation();
    }
    if !ENDED.borrow().is_empty() {
        ENDED.take().into_iter().for_each(|grant| shared::call_off(watched_id(grant)));
        watch::let_others_look();
    }
}

fn aborted() {
    CHANGED.set(false);
    ENDED.borrow_mut().clear();
}

/// A grant ends in this transaction: when it commits, statements that are revealing by it are stopped.
pub fn grant_ended(grant: i64) {
    ENDED.borrow_mut().push(grant);
}

/// A grant's id as a watch knows it: grants of other databases of the cluster have other ids.
pub fn watched_id(grant: i64) -> u64 {
    (u64::from(instance::database().to_u32()) << 40) ^ (grant as u64)
}

/// A prepared transaction commits in some other session, which would not know that there is something to announce.
fn preparing() {
    if CHANGED.get() {
        Error::new(
            Code::NotSupported,
            "a transaction that changed jitmask's policies, people or grants can't be prepared",
        )
        .hint("COMMIT it instead.")
        .raise();
    }
}

/// Something that decisions rest on has changed in this transaction: others are told when it commits.
pub fn changed() {
    CHANGED.set(true);
    if let Some(ours) = extension::installed() {
        // Every plan that depends on a decision names this table among what it depends on.
        relation::invalidate(ours.grant);
    }
}

/// Makes sure that whatever was committed before this moment is known. Call before every decision.
pub fn sync(ours: &Installed) {
    let generation = shared::generation();
    if SEEN.get() != generation {
        events::accept_invalidations();
        // The messages say what has changed, and this is not left to them alone.
        cache::forget_all();
        next_state();
        SEEN.set(generation);
    }
    if BEGAN.get().is_none() {
        let login = roles::session_user();
        BEGAN.set(Some((login, grants::grants_of(ours, login).any())));
    }
}

/// Whether [`sync`] has nothing to look up. Can neither raise nor panic.
pub fn is_current() -> bool {
    if SEEN.get() != shared::generation() {
        return false;
    }
    if BEGAN.get().is_none() {
        let login = roles::session_user();
        let Some(any) = grants::known_any(login) else { return false };
        BEGAN.set(Some((login, any)));
    }
    true
}

/// The generation this session knows of.
pub fn generation() -> u64 {
    SEEN.get()
}

fn next_state() {
    STATE.set(STATE.get() + 1);
}

/// Changes when anything may have changed that decisions about one and the same subject rest on, but the clock: the
/// generation, or who is a member of which role. It means something in this process only, as plans do.
pub fn state() -> u64 {
    STATE.get()
}

/// Whether the login had grants already when this transaction began. Functions that were set up before are not watched
/// (see `hooks::calls`), so code they run may not use grants that came later.
pub fn began_with_grants(login: Oid) -> bool {
    BEGAN.get() == Some((login, true))
}

/// Whether it is known, without looking anything up, that [`watches_calls`] would say no after a [`sync`]. Can neither
/// raise nor panic.
pub fn known_not_to_watch_calls() -> bool {
    is_current() && !matches!(BEGAN.get(), Some((_, true))) && grants::known_any(roles::session_user()) == Some(false)
}

/// Whether this session watches calls of other people's functions: it holds grants, or did when the transaction began.
pub fn watches_calls(ours: &Installed) -> bool {
    matches!(BEGAN.get(), Some((_, true))) || grants::grants_of(ours, roles::session_user()).any()
}

/// Whether catalogs can be read: inside a transaction that has not failed.
pub fn in_transaction() -> bool {
    events::in_live_transaction()
}

/// Who is asking, right now.
pub fn subject() -> Subject {
    let role = roles::current_user();
    subject_as(roles::session_user(), role)
}

/// Somebody, as a subject.
pub fn subject_as(login: Oid, role: Oid) -> Subject {
    Subject {
        login: login.to_u32(),
        role: role.to_u32(),
        superuser: roles::is_superuser(role) && !guc::mask_superusers(),
    }
}

/// Who called.
pub fn caller() -> Caller {
    Caller { login: roles::session_user(), role: roles::outer_user() }
}

/// JM004 unless the client's own top-level statement calls the function directly.
///
/// A view, rule, trigger, policy, default or function that somebody else wrote must not decide in the name of the
/// person who happens to read it.
pub fn require_direct(function: &str) -> Result<()> {
    let depths = nesting::depths();
    if depths.direct && depths.level == 1 {
        return Ok(());
    }
    Err(Error::new(Code::NotDirect, format!("jitmask.{function}() must be called directly"))
        .detail(
            "It was called from a function, view, rule, trigger, policy, default, EXECUTE, or in a statement that does \
             something else as well.",
        )
        .hint(format!("Send it as a statement of its own: SELECT * FROM jitmask.{function}(…);")))
}
