//! Materialized views hold values of other tables. Those of their columns that carry a protected column straight through
//! get its label: when it is attached, and whenever a role that reads raw values has filled the view.
//!
//! Must hold: a column that may hold raw values of a protected one carries a label, or somebody was told. A label that
//! an administrator has changed since is left alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::CString;

use jitmask_core::model::label::Label;
use pgrx::pg_sys::Oid;

use super::extension::Installed;
use super::protection::{self, Class, ProtectedColumn, Protector};
use super::{labels, session, verdict};
use crate::error::{Code, Error, Result};
use crate::pg::lineage::{Origin, Reader, Stored, holds};
use crate::pg::{generated, relation, shared};

/// The columns that hold the same values as a column by nature, or what is computed from them.
#[derive(Default)]
pub struct Reach {
    /// The column itself, its counterparts in partitions and children, generated columns that are plain copies.
    pub same: Vec<Stored>,
    /// Generated columns that are computed from it.
    pub computed: Vec<Stored>,
}

/// What the engine protects when a column is protected.
pub fn reach(relid: Oid, attnum: i16) -> Reach {
    let mut reach = Reach::default();
    let Some(name) = relation::column_name(relid, attnum) else { return reach };
    for member in relation::with_descendants(relid) {
        let Some(number) = relation::column_number(member, &name) else { continue };
        reach.same.push((member, number));
        for column in generated::of(member) {
            if column.sources.contains(&number) || column.sources.contains(&0) {
                let place = (member, column.number);
                if column.copy { reach.same.push(place) } else { reach.computed.push(place) }
            }
        }
    }
    reach
}

/// A column of a materialized view that carries another column straight through.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The column of the materialized view.
    pub column: Stored,
    /// The column it carries: a table's, or another materialized view's.
    pub from: Stored,
}

/// What the materialized views of the database carry straight through, as of now.
pub struct Views {
    /// Which columns of theirs carry this one; of number 0, the whole row.
    by_source: HashMap<Stored, Vec<Stored>>,
}

impl Views {
    /// Reads the queries of all of them.
    pub fn read() -> Views {
        let mut reader = Reader::default();
        let mut by_source: HashMap<Stored, Vec<Stored>> = HashMap::new();
        for view in relation::materialized_views() {
            for (number, origin) in numbered(&reader.of(view).columns) {
                for from in &origin.passed {
                    by_source.entry(*from).or_default().push((view, number));
                }
            }
        }
        Views { by_source }
    }

    /// The columns that carry one of these, directly or through others of them.
    pub fn carriers(&self, columns: &[Stored]) -> Vec<Carried> {
        let mut seen: HashSet<Stored> = columns.iter().copied().collect();
        let mut next: VecDeque<Stored> = columns.iter().copied().collect();
        let mut carriers = Vec::new();
        while let Some(from) = next.pop_front() {
            let of = |source: Stored| self.by_source.get(&source).into_iter().flatten().copied();
            for column in of(from).chain(of((from.0, 0))) {
                if seen.insert(column) {
                    carriers.push(Carried { column, from });
                    next.push_back(column);
                }
            }
        }
        carriers
    }
}

/// The columns of a lineage with their numbers.
pub fn numbered(columns: &[Origin]) -> impl Iterator<Item = (i16, &Origin)> {
    columns.iter().enumerate().filter_map(|(place, origin)| Some((i16::try_from(place + 1).ok()?, origin)))
}

/// What became of the columns that carry another one.
#[derive(Default)]
pub struct Outcome {
    /// They have its label now.
    pub labelled: Vec<Carried>,
    /// They have labels of their own, which were left as they are.
    pub kept: Vec<Carried>,
}

/// Gives the new label of a column to the columns of materialized views that carry it straight through. `before` is the
/// label it had, if it had one: what carries the same is kept in step; what carries none was filled with masks, or let
/// go by an administrator.
pub fn follow(views: &Views, reach: &Reach, before: Option<&str>, label: &Label, dry_run: bool) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for carried in views.carriers(&reach.same) {
        let (view, column) = carried.column;
        let own = labels::text(view, column);
        if own.as_deref().map(plain) != before.map(plain) {
            if own.is_some() {
                outcome.kept.push(carried);
            }
            continue;
        }
        if !dry_run {
            labels::set(view, column, Some(label))?;
        }
        outcome.labelled.push(carried);
    }
    Ok(outcome)
}

/// A label's text in its one form, so that a short form equals the long one.
fn plain(text: &str) -> String {
    Label::parse(text).map_or_else(|_| text.to_owned(), |label| label.canonical())
}

/// What a materialized view that was just filled holds.
#[derive(Default)]
pub struct Filled {
    /// Columns that carry protected ones, and have labels from now on.
    pub labelled: Vec<Carried>,
    /// Columns computed from raw values of protected ones, and not protected themselves.
    pub computed: Vec<Carried>,
    /// Relations that were read raw while it was filled, and not by its own query: by functions.
    pub unexplained: Vec<Oid>,
}

/// Protects what a materialized view carries straight through, if its owner, as whom it is filled, reads that raw, or did
/// while it was filled: `read` are the relations that were read raw then.
pub fn protect_filled(ours: &Installed, view: Oid, read: &[Oid]) -> Result<Filled> {
    let mut filled = Filled::default();
    let Some(owner) = relation::facts(view).map(|facts| facts.owner) else { return Ok(filled) };
    let mut reader = Reader::default();
    let lineage = reader.of(view);
    let was_raw =
        |from: &Stored| reads_raw(ours, owner, *from) || (read.contains(&from.0) && is_protected(ours, *from));
    let (mut bare, mut views) = (false, None);
    for (number, origin) in numbered(&lineage.columns) {
        if labels::text(view, number).is_some() {
            continue;
        }
        bare = true;
        let raw: Vec<Stored> = origin.passed.iter().filter(|from| was_raw(from)).copied().collect();
        match (raw.first(), label_of(ours, &raw)) {
            (Some(from), Some(text)) => {
                set((view, number), &text)?;
                let from = Carried { column: (view, number), from: *from };
                // What was filled from this view before holds the same values.
                for further in views.get_or_insert_with(Views::read).carriers(&[(view, number)]) {
                    if labels::text(further.column.0, further.column.1).is_none() {
                        set(further.column, &text)?;
                        filled.labelled.push(further);
                    }
                }
                filled.labelled.push(from);
            }
            (raw, _) => {
                let read = raw.or_else(|| origin.read.iter().find(|from| was_raw(from)));
                filled.computed.extend(read.map(|from| Carried { column: (view, number), from: *from }));
            }
        }
    }
    if bare {
        filled.unexplained =
            read.iter().copied().filter(|relation| *relation != view && !lineage.mentions(*relation)).collect();
    }
    Ok(filled)
}

/// Protects what carries columns of a table that has just come under a parent which protects them: until then they were
/// not protected, so whatever was filled from them holds raw values.
pub fn protect_adopted(ours: &Installed, table: Oid) -> Result<Vec<Carried>> {
    let (mut adopted, views) = (Vec::new(), Views::read());
    for member in relation::with_descendants(table) {
        let Class::Protected(protected) = protection::class(ours, member) else { continue };
        for column in &protected.columns {
            let place = (member, column.number);
            if labels::text(member, column.number).is_some() {
                continue;
            }
            let Some(text) = label_of(ours, &[place]) else { continue };
            for carried in views.carriers(&[place]) {
                let (view, number) = carried.column;
                if labels::text(view, number).is_none() {
                    set(carried.column, &text)?;
                    adopted.push(carried);
                }
            }
        }
    }
    Ok(adopted)
}

fn set((view, number): Stored, text: &str) -> Result<()> {
    let text = CString::new(text).map_err(|_| Error::new(Code::BadArgument, "a label can't hold a NUL character"))?;
    labels::set_text(view, number, Some(&text));
    Ok(())
}

fn is_protected(ours: &Installed, (relid, attnum): Stored) -> bool {
    match protection::class(ours, relid) {
        Class::Protected(protected) => {
            protected.columns.iter().any(|column| holds((relid, attnum), (relid, column.number)))
        }
        _ => false,
    }
}

/// Whether a column is protected, and a role reads it raw by standing right. Number 0 is the whole row.
pub fn reads_raw(ours: &Installed, role: Oid, (relid, attnum): Stored) -> bool {
    let Class::Protected(protected) = protection::class(ours, relid) else { return false };
    let (subject, now) = (session::subject_as(role, role), shared::clock().time);
    protected
        .columns
        .iter()
        .filter(|column| holds((relid, attnum), (relid, column.number)))
        .any(|column| verdict::rule_on(ours, &subject, column, None, now).raw())
}

/// The label for a column that shows values of all of these: theirs, if they have one and the same. Of several the
/// attachments that go together, without exceptions: a column is raw only if it is raw under each label.
fn label_of(ours: &Installed, columns: &[Stored]) -> Option<String> {
    let mut found: Vec<Label> = Vec::new();
    let mut unreadable = None;
    for (relid, attnum) in columns {
        let Class::Protected(protected) = protection::class(ours, *relid) else { continue };
        let columns = protected.columns.iter().filter(|column| holds((*relid, *attnum), (*relid, column.number)));
        for protector in columns.flat_map(|column: &ProtectedColumn| &column.protectors) {
            match &protector.label {
                Some(label) if !found.contains(label) => found.push(label.clone()),
                Some(_) => {}
                // One that can't be read masks with NULL, and so does its copy.
                None => unreadable = unreadable.or_else(|| unreadable_text(protector)),
            }
        }
    }
    let mut found = found.into_iter();
    let Some(first) = found.next() else { return unreadable };
    let others: Vec<Label> = found.collect();
    if others.is_empty() && unreadable.is_none() {
        return Some(first.canonical());
    }
    let mut merged = Label::default();
    for mut attachment in std::iter::once(first).chain(others).flat_map(|label| label.0) {
        attachment.except.clear();
        // What does not go together with those before it is left out: the column is masked by them.
        let _ = merged.add(attachment);
    }
    Some(merged.canonical())
}

/// The text of a label that can't be read; nothing for a generated column, which has none of its own.
fn unreadable_text(protector: &Protector) -> Option<String> {
    labels::text(protector.relation, protector.column).filter(|text| Label::parse(text).is_err())
}
