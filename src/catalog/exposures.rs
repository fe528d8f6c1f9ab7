//! What can still show something of protected columns although they are masked: the rows of `jitmask.exposures`.
//!
//! Catalogs say what depends on a column; [`exposed_by`](super::exposed_by) has a query for each kind. What a
//! materialized view is made of is read from its query ([`lineage`](crate::pg::lineage)). Not for the way to a decision:
//! this asks by SPI.

use jitmask_core::model::label::Label;
use pgrx::Spi;
use pgrx::datum::FromDatum;
use pgrx::pg_sys::Oid;
use pgrx::spi::{SpiError, SpiHeapTupleData, quote_identifier};

use super::exposed_by::{self, Listed};
use super::exposed_copies;
use super::extension::{self, Installed};
use super::people::people;
use super::policies::policies;
use super::protection::{self, Class};
use super::{labels, mask, session, verdict};
use crate::error::{Code, Error, Result};
use crate::pg::lineage::{Stored, holds};
use crate::pg::{guc, relation, roles, shared};

/// How much it can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Whether a value is there, or which are equal.
    Hint,
    /// Part of a value, or what is computed from it.
    Part,
    /// Raw values.
    Raw,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Part => "part",
            Severity::Raw => "raw",
        }
    }
}

/// One way in which something of a protected column can show.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// The column; with number 0 the whole relation.
    pub column: Stored,
    /// One of a closed list of words.
    pub kind: &'static str,
    /// What it is, for people.
    pub object: String,
    /// Who owns it, or was given it; 0 is everybody.
    pub held_by: Option<Oid>,
    /// How much it can show.
    pub severity: Severity,
    /// What it shows, to whom.
    pub shows: String,
    /// What to do.
    pub remedy: String,
}

/// A protected column, and the policy to name in remedies.
#[derive(Clone, Debug)]
pub struct Protected {
    /// The column.
    pub column: Stored,
    /// Its policy, or one of them; empty if it has none of its own.
    pub policy: String,
}

/// Every protected column of the database.
pub fn everything() -> Result<Vec<Protected>> {
    let Some(ours) = extension::installed() else { return Ok(Vec::new()) };
    let mut relations: Vec<Oid> = Vec::new();
    for (labelled, _, _) in labels::all()? {
        for relation in relation::with_descendants(labelled) {
            if !relations.contains(&relation) {
                relations.push(relation);
            }
        }
    }
    let mut columns = Vec::new();
    for relation in relations {
        let Class::Protected(protected) = protection::class(&ours, relation) else { continue };
        for column in &protected.columns {
            let policy = column
                .protectors
                .iter()
                .filter_map(|protector| protector.label.as_ref()?.0.first())
                .map(|attachment| attachment.policy.clone())
                .next();
            columns.push(Protected { column: (relation, column.number), policy: policy.unwrap_or_default() });
        }
    }
    Ok(columns)
}

/// What exposes these columns, the worst first. `fresh` says that they have just been protected: what was filled from
/// them holds raw values, whoever owns it.
pub fn of(columns: &[Protected], fresh: bool) -> Result<Vec<Exposure>> {
    let Some(ours) = extension::installed() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    if columns.is_empty() {
        return Ok(found);
    }
    for question in exposed_by::questions() {
        for row in ask(&question.sql, columns)? {
            found.extend(judge(&ours, &question, row, columns));
        }
    }
    exposed_copies::find(&ours, columns, fresh, &mut found);
    for column in columns {
        found.extend(masks_nothing(&ours, column));
        found.extend(hidden_by_parent(&ours, column));
    }
    found.sort_by(|a, b| {
        let place = |one: &Exposure| (name_of(one.column), one.kind, one.object.clone(), one.held_by.map(Oid::to_u32));
        b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b)))
    });
    found.dedup_by(|a, b| (a.column, a.kind, &a.object, a.held_by) == (b.column, b.kind, &b.object, b.held_by));
    Ok(found)
}

/// schema.table.column, quoted where needed; with number 0 schema.table.
pub fn name_of((relid, attnum): Stored) -> String {
    if attnum == 0 {
        return relation::qualified_name(relid);
    }
    let column = relation::column_name(relid, attnum).unwrap_or_default();
    format!("{}.{}", relation::qualified_name(relid), quote_identifier(column))
}

/// What a query answers with.
struct Row {
    column: Stored,
    object: String,
    held_by: Option<Oid>,
    code_of: Vec<Oid>,
    shows: String,
    remedy: String,
    other: Option<Stored>,
}

fn ask(sql: &str, columns: &[Protected]) -> Result<Vec<Row>> {
    let relations: Vec<Oid> = columns.iter().map(|one| one.column.0).collect();
    let numbers: Vec<i16> = columns.iter().map(|one| one.column.1).collect();
    let policies: Vec<String> = columns.iter().map(|one| one.policy.clone()).collect();
    let body = || {
        Spi::connect(|client| {
            let args = [relations.into(), numbers.into(), policies.into()];
            client.select(sql, None, &args)?.map(|row| read(&row)).collect::<std::result::Result<Vec<Row>, SpiError>>()
        })
    };
    roles::as_bootstrap_superuser(|| guc::with_search_path(c"pg_catalog, pg_temp", body)).map_err(|error| {
        Error::new(Code::WrongState, "the catalogs don't answer what depends on a column").detail(format!("{error}."))
    })
}

fn read(row: &SpiHeapTupleData<'_>) -> std::result::Result<Row, SpiError> {
    fn need<T: FromDatum + pgrx::IntoDatum>(row: &SpiHeapTupleData<'_>, at: usize) -> std::result::Result<T, SpiError> {
        row.get::<T>(at)?.ok_or(SpiError::InvalidPosition)
    }
    let other = match (row.get::<Oid>(8)?, row.get::<i16>(9)?) {
        (Some(relid), Some(attnum)) => Some((relid, attnum)),
        _ => None,
    };
    Ok(Row {
        column: (need(row, 1)?, need(row, 2)?),
        object: need(row, 3)?,
        held_by: row.get(4)?,
        code_of: row.get::<Vec<Oid>>(5)?.unwrap_or_default(),
        shows: need(row, 6)?,
        remedy: need(row, 7)?,
        other,
    })
}

/// Whether what a query found is an exposure, and how bad a one.
fn judge(ours: &Installed, question: &exposed_by::Question, row: Row, columns: &[Protected]) -> Option<Exposure> {
    let now = shared::clock().time;
    let people = people(ours);
    // No login is 0: nobody is trusted for being the reader.
    let stranger = row.code_of.iter().copied().find(|owner| !people.trusts(Oid::INVALID, *owner, now));
    let severity = match question.listed {
        Listed::Always(severity) => stranger.map_or(severity, |_| Severity::Raw),
        Listed::CodeOfStrangers => stranger.map(|_| Severity::Raw)?,
        Listed::IfOtherIsBare => {
            let (relid, attnum) = row.other?;
            let asked = columns.iter().any(|one| one.column == (relid, attnum));
            let protected = match protection::class(ours, relid) {
                Class::Protected(protected) => protected.column(attnum).is_some(),
                _ => false,
            };
            if asked || protected {
                return None;
            }
            Severity::Raw
        }
        Listed::IfHolderReadsRaw => {
            if !row.held_by.is_some_and(|role| readers(ours, role, row.column).0) {
                return None;
            }
            Severity::Raw
        }
        Listed::IfHolderIsMasked => {
            if row.held_by.is_some_and(|role| role != Oid::INVALID && !readers(ours, role, row.column).1) {
                return None;
            }
            Severity::Hint
        }
    };
    let (shows, remedy) = match stranger {
        Some(owner) => (
            format!("{}; code of {}, who is not trusted, is handed raw values", row.shows, roles::name(owner)),
            format!(
                "{} Or, if that code is harmless: SELECT * FROM jitmask.trust_owner({}, 'why');",
                row.remedy,
                literal(&roles::name(owner))
            ),
        ),
        None => (row.shows, row.remedy),
    };
    Some(Exposure {
        column: row.column,
        kind: question.kind,
        object: row.object,
        held_by: row.held_by,
        severity,
        shows,
        remedy,
    })
}

/// Whether a role reads any of the relation's columns raw, if it is one of these, and whether it sees any masked. Of what
/// is not protected yet, by what the role is.
fn readers(ours: &Installed, role: Oid, (relid, attnum): Stored) -> (bool, bool) {
    let (subject, now) = (session::subject_as(role, role), shared::clock().time);
    let protected = match protection::class(ours, relid) {
        Class::Protected(protected) => Some(protected),
        _ => None,
    };
    let columns = protected.iter().flat_map(|protected| &protected.columns);
    let rulings: Vec<bool> = columns
        .filter(|column| holds((relid, attnum), (relid, column.number)))
        .map(|column| verdict::rule_on(ours, &subject, column, None, now).raw())
        .collect();
    if rulings.is_empty() {
        let raw = verdict::reads_raw(role);
        return (raw, !raw);
    }
    (rulings.contains(&true), rulings.contains(&false))
}

/// A policy on the column that shows the value as it is.
fn masks_nothing(ours: &Installed, one: &Protected) -> Option<Exposure> {
    let (relid, attnum) = one.column;
    let label = Label::parse(&labels::text(relid, attnum)?).ok()?;
    let policies = policies(ours);
    let found = label.0.iter().find_map(|attachment| {
        policies
            .named(&attachment.policy)
            .filter(|policy| mask::is_identity(&policy.mask, relation::column_type(relid, attnum)))
            .map(|_| attachment.policy.clone())
    })?;
    Some(Exposure {
        column: one.column,
        kind: "mask",
        object: format!("policy {found}"),
        held_by: None,
        severity: Severity::Raw,
        shows: "its mask is the value itself, raw for everybody it applies to".to_owned(),
        remedy: format!("SELECT * FROM jitmask.alter_policy({}, mask => 'mask_default(value)');", literal(&found)),
    })
}

/// A label that is not asked when the same rows are read through a parent.
fn hidden_by_parent(ours: &Installed, one: &Protected) -> Option<Exposure> {
    let (relid, attnum) = one.column;
    let own = labels::text(relid, attnum)?;
    let column = relation::column_name(relid, attnum)?;
    relation::parents(relid).into_iter().find_map(|parent| {
        let number = relation::column_number(parent, &column)?;
        let Class::Protected(above) = protection::class(ours, parent) else { return None };
        let same = above
            .column(number)?
            .protectors
            .iter()
            .all(|by| by.label.as_ref().is_some_and(|label| Label::parse(&own).is_ok_and(|own| own == *label)));
        if same {
            return None;
        }
        let above = name_of((parent, number));
        Some(Exposure {
            column: one.column,
            kind: "child_policy",
            object: format!("column {above}"),
            held_by: relation::facts(parent).map(|facts| facts.owner),
            severity: Severity::Part,
            shows: "read through the parent, the rows are masked as the parent says, and not as this label says"
                .to_owned(),
            remedy: format!("SELECT * FROM jitmask.attach({}, {});", literal(&one.policy), literal(&above)),
        })
    })
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
