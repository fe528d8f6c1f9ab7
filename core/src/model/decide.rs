//! The one decision (invariant I3): does this subject get the raw value of this column, or which mask?
//!
//! Everything that has to know asks here: the rewriter, the check of a cached plan, `why()`, `is_masked()`, the tests.
//! It is pure: roles are numbers, times are microseconds, and who belongs to whom is asked through [`Membership`].
//! What must hold: raw comes only from a superuser (unless masked too), an exemption, an `except_roles` entry or a live
//! grant; whatever can't be resolved masks.

/// A role's OID. Unresolvable names never become a number: see [`Audience::Unknown`].
pub type RoleId = u32;

/// A point in time in microseconds; the epoch does not matter as long as it is the same everywhere.
pub type Micros = i64;

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The person: `session_user`. Grants belong to it.
    pub login: RoleId,
    /// The effective role: `current_user`. Policies and exemptions look at it.
    pub role: RoleId,
    /// The effective role is a superuser and `jitmask.mask_superusers` is off.
    pub superuser: bool,
}

/// Who belongs to whom. A superuser is a member only of what was granted to it.
pub trait Membership {
    /// Whether `role` is `of`, or has been granted it, directly or not.
    fn is_member(&self, role: RoleId, of: RoleId) -> bool;
}

/// One name in `to_roles` or `except_roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Public,
    /// A role and its members.
    Role(RoleId),
    /// A name that no role has (any more).
    Unknown,
}

/// A standing exemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The exempt role.
    pub role: RoleId,
    /// Whether members of the role are exempt as well.
    pub inherit: bool,
    /// Until when; `None` is for good.
    pub until: Option<Micros>,
}

/// One policy on one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Whose reads this policy masks.
    pub to: Vec<Audience>,
    /// Who reads raw although `to` matches.
    pub except: Vec<Audience>,
    /// Higher wins.
    pub priority: i32,
}

/// A live grant of the subject's login on the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The id it shares with its request.
    pub id: i64,
    /// The first instant at which it reveals.
    pub starts_at: Micros,
    /// The first instant at which it no longer does.
    pub expires_at: Micros,
}

/// Why a value is raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// The effective role is a superuser.
    Superuser,
    /// A standing exemption, of this role.
    Exempt(RoleId),
    /// The policy's `except_roles` names this role.
    Except(RoleId),
    /// A grant.
    Grant(i64),
}

/// Which mask applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskBy {
    /// The attachment at this place in the list.
    Attachment(usize),
    /// None matched: NULL.
    Fallback,
}

/// Raw or masked. Row-scoped grants will add a third answer that is decided row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The stored value.
    Raw(Because),
    /// The mask.
    Mask(MaskBy),
}

/// The decision and until when it surely holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Raw or masked.
    pub decision: Decision,
    /// The next instant at which the clock alone may change the decision, in either direction.
    pub next_change: Option<Micros>,
}

/// Decides for one column and the policies attached in one place.
///
/// `grants` are the login's grants on this column, live or still to start; pass none where grants don't count
/// (a write, a stranger's code, a clock that runs behind).
pub fn decide(
    subject: &Subject,
    members: &dyn Membership,
    attached: &[Attached],
    exemptions: &[Exemption],
    grants: &[Grant],
    now: Micros,
) -> Verdict {
    if subject.superuser {
        return Verdict { decision: Decision::Raw(Because::Superuser), next_change: None };
    }
    let exempt: Vec<&Exemption> = exemptions
        .iter()
        .filter(|e| e.role == subject.role || (e.inherit && members.is_member(subject.role, e.role)))
        .collect();
    let next_change = exempt
        .iter()
        .filter_map(|e| e.until)
        .chain(grants.iter().flat_map(|g| [g.starts_at, g.expires_at]))
        .filter(|at| *at > now)
        .min();
    let verdict = |decision| Verdict { decision, next_change };

    if let Some(e) = exempt.iter().find(|e| e.until.is_none_or(|until| now < until)) {
        return verdict(Decision::Raw(Because::Exempt(e.role)));
    }
    let winner = attached
        .iter()
        .enumerate()
        .filter(|(_, a)| a.to.iter().any(|to| matches(members, subject.role, *to, true)))
        .max_by_key(|(place, a)| (a.priority, std::cmp::Reverse(*place)));
    if let Some((_, attachment)) = winner {
        let named = attachment.except.iter().find(|except| matches(members, subject.role, **except, false));
        match named {
            Some(Audience::Role(role)) => return verdict(Decision::Raw(Because::Except(*role))),
            // Nobody can write "except everybody": the label's parser refuses it. Masked if it should get here.
            Some(Audience::Public | Audience::Unknown) | None => {}
        }
    }
    let live = grants.iter().filter(|g| g.starts_at <= now && now < g.expires_at).max_by_key(|g| g.expires_at);
    if let Some(grant) = live {
        return verdict(Decision::Raw(Because::Grant(grant.id)));
    }
    match winner {
        // A role that is gone: whom the policy was for can't be told any more, so it masks everybody, wholly.
        Some((_, a)) if a.to.contains(&Audience::Unknown) => verdict(Decision::Mask(MaskBy::Fallback)),
        Some((place, _)) => verdict(Decision::Mask(MaskBy::Attachment(place))),
        None => verdict(Decision::Mask(MaskBy::Fallback)),
    }
}

/// Whether `role` is meant. What can't be resolved counts as meant where that masks (`unknown`), and not where it reveals.
fn matches(members: &dyn Membership, role: RoleId, audience: Audience, unknown: bool) -> bool {
    match audience {
        Audience::Public => true,
        Audience::Role(of) => role == of || members.is_member(role, of),
        Audience::Unknown => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Groups(Vec<(RoleId, RoleId)>);
    impl Membership for Groups {
        fn is_member(&self, role: RoleId, of: RoleId) -> bool {
            role == of || self.0.contains(&(role, of))
        }
    }

    const SAM: Subject = Subject { login: 1, role: 1, superuser: false };

    fn public(priority: i32) -> Attached {
        Attached { to: vec![Audience::Public], except: vec![], priority }
    }

    fn ask(attached: &[Attached], exemptions: &[Exemption], grants: &[Grant], now: Micros) -> Verdict {
        decide(&SAM, &Groups(vec![(1, 9)]), attached, exemptions, grants, now)
    }

    #[test]
    fn nobody_matched_masks_with_null() {
        let other = Attached { to: vec![Audience::Role(7)], except: vec![], priority: 0 };
        assert_eq!(ask(&[other], &[], &[], 0).decision, Decision::Mask(MaskBy::Fallback));
        assert_eq!(ask(&[], &[], &[], 0).decision, Decision::Mask(MaskBy::Fallback));
    }

    #[test]
    fn grant_reveals_from_its_start_until_just_before_its_end() {
        let grant = Grant { id: 17, starts_at: 10, expires_at: 20 };
        for (now, raw, next) in [(9, false, Some(10)), (10, true, Some(20)), (19, true, Some(20)), (20, false, None)] {
            let verdict = ask(&[public(0)], &[], &[grant], now);
            assert_eq!(matches!(verdict.decision, Decision::Raw(Because::Grant(17))), raw, "at {now}");
            assert_eq!(verdict.next_change, next, "at {now}");
        }
    }

    #[test]
    fn higher_priority_wins_and_its_except_roles_alone_count() {
        let low = Attached { except: vec![Audience::Role(1)], ..public(0) };
        assert_eq!(ask(&[low.clone(), public(5)], &[], &[], 0).decision, Decision::Mask(MaskBy::Attachment(1)));
        let high = Attached { except: vec![Audience::Role(9)], ..public(5) };
        assert_eq!(ask(&[low, high], &[], &[], 0).decision, Decision::Raw(Because::Except(9)));
    }

    #[test]
    fn a_vanished_role_masks_and_never_reveals() {
        let gone = Attached { to: vec![Audience::Unknown], except: vec![Audience::Unknown], priority: 5 };
        assert_eq!(ask(&[public(0), gone], &[], &[], 0).decision, Decision::Mask(MaskBy::Fallback));
    }

    #[test]
    fn exemption_is_for_the_exact_role_unless_it_inherits_and_runs_out() {
        let group = Exemption { role: 9, inherit: false, until: None };
        assert!(matches!(ask(&[public(0)], &[group], &[], 0).decision, Decision::Mask(_)));
        let group = Exemption { inherit: true, until: Some(50), ..group };
        assert_eq!(ask(&[public(0)], &[group], &[], 49).decision, Decision::Raw(Because::Exempt(9)));
        assert_eq!(ask(&[public(0)], &[group], &[], 49).next_change, Some(50));
        assert!(matches!(ask(&[public(0)], &[group], &[], 50).decision, Decision::Mask(_)));
    }

    #[test]
    fn superuser_is_raw_only_when_the_subject_says_so() {
        let root = Subject { superuser: true, ..SAM };
        assert_eq!(
            decide(&root, &Groups(vec![]), &[public(0)], &[], &[], 0).decision,
            Decision::Raw(Because::Superuser)
        );
    }
}
