//! Before planning: what does this query read, what was decided about it, and the tree changed accordingly.
//!
//! Called by the planner hook with every query. The order is engine.md section 1: expand, survey, refuse, decide,
//! keep a copy, mark, substitute. [`verify::finish`](super::verify::finish) sees what came of it.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, List, Query};

use super::rulings::{self, Rulings};
use super::stamp::{Kind, Stamp};
use super::substitute::Spared;
use super::survey::{self, Survey};
use super::{direct, estimates, guard, inline, keep, mark, reads, ri, saved, statistics, substitute, trust, writes};
use crate::catalog::extension::{self, Installed};
use crate::catalog::{protection, session};
use crate::error::Result;
use crate::pg::report;

/// What the finished plan is to carry.
pub struct Prepared {
    /// The stamp, if the plan needs one.
    pub stamp: Option<Stamp>,
    /// What it depends on because of expanded functions.
    pub inval_items: *mut List,
    /// It depends on the role because of expanded functions.
    pub depends_on_role: bool,
}

/// Prepares a query for planning. `None` where there is nothing of ours in this database.
///
/// # Safety
/// `query` must be the planner's own rewritten tree, in which functions were expanded, and which may be changed in place;
/// `options` its cursor options; `gathered` what the expansion depends on, or null.
pub unsafe fn prepare(
    query: *mut Query,
    options: i32,
    gathered: *mut pg_sys::PlannerGlobal,
) -> Result<Option<Prepared>> {
    let Some(ours) = extension::installed() else { return Ok(None) };
    session::sync(&ours);
    // SAFETY: as for the caller, here and below.
    let survey = unsafe { survey::survey(query) };
    let mut prepared = Prepared { stamp: None, inval_items: std::ptr::null_mut(), depends_on_role: false };
    if !gathered.is_null() {
        unsafe {
            prepared.inval_items = (*gathered).invalItems;
            prepared.depends_on_role = (*gathered).dependsOnRole;
        }
    }
    if survey.calls_in_from {
        unsafe { inline::keep_whole(&survey) };
    }
    let subject = session::subject();
    unsafe { guard::closed_relations(&ours, &subject, &survey)? };
    let relations = rulings::protected(&ours, &survey.oids());
    let statistics = statistics::masks(&ours, &survey);
    if !statistics.is_empty() {
        unsafe { substitute::substitute(query, &statistics, &Spared::default()) };
    }
    if relations.is_empty() {
        let direct = unsafe { direct::qualifies(&ours, query) };
        prepared.stamp = direct.then(|| Stamp::untouched(true));
        return Ok(Some(prepared));
    }
    if unsafe { ri::is_foreign_key_check(query, &survey) } {
        unsafe { mark_all(&ours, &survey) };
        prepared.stamp = Some(Stamp { kind: Kind::ForeignKey, ..Stamp::untouched(false) });
        return Ok(Some(prepared));
    }
    let row_security = survey.queries.iter().any(|level| unsafe { (**level).hasRowSecurity });
    let (rulings, trusted) = unsafe { decide(&ours, &subject, query, &survey, relations) };
    let masks = rulings.masked_relations(&ours);
    let writes = unsafe { writes::check(&masks, &survey)? };
    let revealed = if rulings.by_grant() { rulings.revealed_in(&unsafe { reads::reads(query) }) } else { Vec::new() };
    let mut grants: Vec<i64> = revealed.iter().map(|(_, _, grant)| *grant).collect();
    grants.sort_unstable();
    grants.dedup();
    let stamp = Stamp {
        kind: kind(&rulings, !revealed.is_empty()),
        direct: false,
        // Where the statement's own code rules grants out, circumstances that might allow them change nothing.
        counted: rulings.counted && trusted,
        trusted,
        row_security,
        login: subject.login,
        role: subject.role,
        // What is raw may rest on what this session has not heard of yet (membership of roles changed by others): decided
        // again at every execution. Only a plan that shows nothing raw is let through by the state it was made in.
        superuser: subject.superuser,
        state: if rulings.all_masked() { session::state() } else { Stamp::NO_STATE },
        valid_until: rulings.valid_until(),
        query: unsafe { saved::keep(query, options) },
        digest: rulings.digest(),
        relations: rulings.relations.iter().map(|ruled| ruled.protected.relation.to_u32()).collect(),
        revealed: revealed.iter().map(|(relation, column, _)| (relation.to_u32(), *column)).collect(),
        grants,
    };
    unsafe {
        mark_all(&ours, &survey);
        if !masks.is_empty() {
            estimates::hide();
            let spared =
                Spared { quals: &trust::raw_quals(&ours, &survey), vars: &writes.raw, own_rows: &writes.own_rows };
            substitute::substitute(query, &masks, &spared);
            keep::apply(&ours, &masks, &survey, &writes)?;
        }
    }
    prepared.stamp = Some(stamp);
    Ok(Some(prepared))
}

/// The decisions for a statement; and whether its own code may see what grants reveal.
unsafe fn decide(
    ours: &Installed,
    subject: &Subject,
    query: *mut Query,
    survey: &Survey,
    relations: Vec<std::rc::Rc<protection::Protected>>,
) -> (Rulings, bool) {
    // A read grant allows no write that was not allowed before, and nothing to be stored elsewhere.
    let may_count = !survey.writes && trust::circumstances_allow(subject);
    let rulings = rulings::decide(ours, subject, relations.clone(), may_count);
    if !rulings.by_grant() {
        // Nothing is revealed by grants now, but a plan that is kept may outlive that: say what its code is like.
        let trusted =
            !survey.writes && rulings.masks() && unsafe { trust::stranger(ours, subject, query, survey) }.is_none();
        return (rulings, trusted);
    }
    match unsafe { trust::stranger(ours, subject, query, survey) } {
        None => (rulings, true),
        Some(stranger) => {
            report::notice(
                &format!("your grants don't count in this statement: it uses {stranger}"),
                Some("Somebody else wrote it, and it would see the raw values."),
                Some("Read without it, or ask an administrator: SELECT * FROM jitmask.trust_owner('owner', 'why');"),
            );
            (rulings::decide(ours, subject, relations, false), false)
        }
    }
}

fn kind(rulings: &Rulings, reveals: bool) -> Kind {
    if reveals {
        Kind::Revealing
    } else if rulings.masks() {
        Kind::Masked
    } else {
        Kind::Exempt
    }
}

/// Marks every entry of a protected relation.
unsafe fn mark_all(ours: &Installed, survey: &Survey) {
    for place in &survey.relations {
        // SAFETY: as for prepare().
        unsafe {
            if matches!(protection::class(ours, (*place.entry).relid), protection::Class::Protected(_)) {
                mark::set(place);
            }
        }
    }
}
