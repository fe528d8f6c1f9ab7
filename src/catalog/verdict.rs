//! The decision for a real column: facts gathered here, decided in `jitmask_core::model::decide`.

use jitmask_core::model::decide::{self, Attached, Audience, Because, Decision, Grant, MaskBy, Subject};
use jitmask_core::model::label::{Attachment, Label};
use jitmask_core::model::write_back::WriteBack;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::Oid;

use super::extension::{self, Installed};
use super::grants::GrantsOf;
use super::labels::PROVIDER;
use super::mask::{self, Template};
use super::people::{Memberships, people};
use super::policies::policies;
use super::protection::{self, Class, ProtectedColumn, Protector};
use super::{grants, session};
use crate::error::Result;
use crate::pg::{roles, seclabel, shared};

/// What was decided for one column, and everything needed to act on it.
pub struct Ruling {
    /// Raw or masked, and why.
    pub decision: Decision,
    /// The policy whose mask applies, where one does.
    pub policy: Option<String>,
    /// The mask's text, where one applies.
    pub mask: Option<String>,
    /// What becomes of masked values that are written back.
    pub write_back: WriteBack,
    /// The clock alone may change the decision at this instant.
    pub next_change: Option<i64>,
}

impl Ruling {
    /// Whether the value is shown as stored.
    pub fn raw(&self) -> bool {
        matches!(self.decision, Decision::Raw(_))
    }

    /// The grant that reveals it.
    pub fn grant(&self) -> Option<i64> {
        match self.decision {
            Decision::Raw(Because::Grant(id)) => Some(id),
            Decision::Raw(Because::Superuser | Because::Exempt(_) | Because::Except(_)) | Decision::Mask(_) => None,
        }
    }

    /// The mask as an expression; `None` masks with NULL.
    pub fn template(&self, ours: &Installed, column: &ProtectedColumn) -> Option<Template> {
        self.mask.as_deref().and_then(|mask| mask::template(ours, mask, column.of))
    }
}

/// Decides for one column. `grants` is `None` where grants don't count.
///
/// A column may be protected by several labels, its own and its ancestors': it is raw only if it is raw under each; the
/// first that masks says how.
pub fn rule_on(
    ours: &Installed,
    subject: &Subject,
    column: &ProtectedColumn,
    grants: Option<&GrantsOf>,
    now: i64,
) -> Ruling {
    let mut rulings = column.protectors.iter().map(|protector| under(ours, subject, protector, grants, now));
    let Some(first) = rulings.next() else {
        // A protected column without a protector can't be; if it were, it is masked.
        return Ruling {
            decision: Decision::Mask(MaskBy::Fallback),
            policy: None,
            mask: None,
            write_back: WriteBack::Keep,
            next_change: None,
        };
    };
    rulings.fold(first, |sofar, other| {
        let next_change = [sofar.next_change, other.next_change].into_iter().flatten().min();
        let chosen = if sofar.raw() { other } else { sofar };
        Ruling { next_change, ..chosen }
    })
}

fn under(ours: &Installed, subject: &Subject, by: &Protector, grants: Option<&GrantsOf>, now: i64) -> Ruling {
    let attachments: &[Attachment] = match &by.label {
        Some(Label(attachments)) => attachments,
        None => &[],
    };
    let attached: Vec<Attached> = attachments.iter().map(resolved).collect();
    let mine: Vec<Grant> =
        grants.map(|g| g.on(by.relation, by.column).map(|granted| granted.grant).collect()).unwrap_or_default();
    let people = people(ours);
    let verdict = decide::decide(subject, &Memberships, &attached, &people.exemptions, &mine, now);
    let applies = match verdict.decision {
        Decision::Mask(MaskBy::Attachment(place)) => attachments.get(place),
        Decision::Mask(MaskBy::Fallback) | Decision::Raw(_) => None,
    };
    let policies = policies(ours);
    let policy = applies.and_then(|attachment| policies.named(&attachment.policy));
    Ruling {
        decision: verdict.decision,
        policy: applies.map(|attachment| attachment.policy.clone()),
        mask: policy.map(|policy| policy.mask.clone()),
        write_back: policy.map_or(WriteBack::Keep, |policy| policy.write_back),
        next_change: verdict.next_change,
    }
}

fn resolved(attachment: &Attachment) -> Attached {
    let audience = |name: &String| match name.as_str() {
        "public" => Audience::Public,
        name => roles::oid(name).map_or(Audience::Unknown, |role| Audience::Role(role.to_u32())),
    };
    Attached {
        to: attachment.to.iter().map(audience).collect(),
        except: attachment.except.iter().map(audience).collect(),
        priority: attachment.priority,
    }
}

/// Whether a role reads raw values of anything by standing right: as a superuser, exempt in its own name or a group's,
/// or left out of some policy.
pub fn reads_raw(role: Oid) -> bool {
    let Some(ours) = extension::installed() else { return true };
    let now = shared::clock().time;
    let exempt = people(&ours).exemptions.iter().any(|e| {
        let named = e.role == role.to_u32() || (e.inherit && roles::is_member(role, Oid::from(e.role)));
        named && e.until.is_none_or(|until| now < until)
    });
    exempt || session::subject_as(role, role).superuser || left_out(role)
}

/// Whether some label leaves the role out. A label that can't be read leaves nobody out.
fn left_out(role: Oid) -> bool {
    seclabel::everywhere(PROVIDER).iter().filter_map(|(_, _, text)| Label::parse(text).ok()).any(|label| {
        label
            .0
            .iter()
            .flat_map(|attachment| &attachment.except)
            .any(|name| roles::oid(name).is_some_and(|except| except == role || roles::is_member(role, except)))
    })
}

/// Why a column is raw or masked for somebody.
pub struct Explanation {
    /// A policy is attached to the column, or to its counterpart in an ancestor.
    pub protected: bool,
    /// The value is masked.
    pub masked: bool,
    /// Why, for people.
    pub because: String,
    /// The policy whose mask applies.
    pub policy: Option<String>,
    /// The mask that applies.
    pub mask: Option<String>,
    /// The grant that reveals it.
    pub grant: Option<i64>,
    /// The clock alone may change this then.
    pub until: Option<TimestampWithTimeZone>,
}

/// Explains the decision for a column and a login acting in a role, as of now.
pub fn explain(relid: Oid, attnum: i16, login: Oid, role: Oid) -> Result<Explanation> {
    let unprotected = || Explanation {
        protected: false,
        masked: false,
        because: "no masking policy is attached to it".to_owned(),
        policy: None,
        mask: None,
        grant: None,
        until: None,
    };
    let Some(ours) = extension::installed() else { return Ok(unprotected()) };
    session::sync(&ours);
    let Class::Protected(protected) = protection::class(&ours, relid) else { return Ok(unprotected()) };
    let Some(column) = protected.column(attnum) else { return Ok(unprotected()) };
    let clock = shared::clock();
    let grants = grants::grants_of(&ours, login);
    let counted = (!clock.behind).then_some(&*grants);
    let ruling = rule_on(&ours, &session::subject_as(login, role), column, counted, clock.time);
    let broken = ruling.mask.is_some() && !ruling.raw() && ruling.template(&ours, column).is_none();
    Ok(Explanation {
        protected: true,
        masked: !ruling.raw(),
        because: reason(&ruling, broken, clock.behind && grants.any()),
        grant: ruling.grant(),
        until: ruling.next_change.and_then(|at| TimestampWithTimeZone::try_from(at).ok()),
        policy: ruling.policy,
        mask: ruling.mask,
    })
}

fn reason(ruling: &Ruling, broken: bool, clock_behind: bool) -> String {
    let role = |role| roles::name(Oid::from(role));
    match ruling.decision {
        Decision::Raw(Because::Superuser) => "the role is a superuser".to_owned(),
        Decision::Raw(Because::Exempt(exempt)) => format!("role {} is exempt", role(exempt)),
        Decision::Raw(Because::Except(except)) => format!("the policy leaves out role {}", role(except)),
        Decision::Raw(Because::Grant(id)) => format!("grant {id} reveals it"),
        Decision::Mask(_) if clock_behind => "the server's clock runs behind, so no grant counts".to_owned(),
        Decision::Mask(_) if broken => "the policy's mask can't be used any more, so the value is NULL".to_owned(),
        Decision::Mask(MaskBy::Fallback) => "no policy applies to the role, so the value is NULL".to_owned(),
        Decision::Mask(MaskBy::Attachment(_)) => match (&ruling.policy, &ruling.mask) {
            (Some(policy), Some(_)) => format!("policy {policy} masks it"),
            (Some(policy), None) => format!("policy {policy} does not exist, so the value is NULL"),
            (None, _) => "it is protected".to_owned(),
        },
    }
}
