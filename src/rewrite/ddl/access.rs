//! What a command has made or altered, as the server announces it (object_access_hook): decided by what it is, not by
//! the name it was given.
//!
//! The server announces a part of a table when its catalog row is written, and before it reads the table's rows for it:
//! it builds indexes, validates constraints and rewrites tables afterwards. An error here takes it all back.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, AlterTableType, NodeTag, Oid};

use super::code::Runs;
use super::command::{self, Command, Kind};
use super::parts::{self, Part};
use super::{alter, code, kept, masked_table, refusal, rows};
use crate::catalog::extension::{self, Installed};
use crate::catalog::protection::{self, Class};
use crate::catalog::session;
use crate::error::Result;
use crate::pg::{catalogs, events, stored};
use crate::rewrite::statement::is_masked_in;

/// What happened to an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It was made, or (functions) made anew.
    Created,
    /// It was altered.
    Altered,
    /// It is about to be dropped.
    Dropped,
    /// A function is about to be run.
    Run,
}

/// An announcement.
#[derive(Clone, Copy)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// The catalog.
    pub class: Oid,
    /// The row in it.
    pub object: Oid,
    /// The column, for columns of relations.
    pub column: i32,
    /// The second object of those rows that stand for two.
    pub other: Oid,
}

/// Looks at an announcement. An error stops the command.
pub fn look(event: Event) -> Result<()> {
    if !events::in_live_transaction() {
        return Ok(());
    }
    let Some(ours) = extension::installed() else { return Ok(()) };
    if event.what != What::Dropped {
        as_subject(&ours, event)?;
    }
    if event.what == What::Run { Ok(()) } else { kept::look(&ours, event) }
}

fn as_subject(ours: &Installed, event: Event) -> Result<()> {
    let command = command::current();
    if event.what == What::Run {
        // By far the most functions are run in queries, which the planner hook has looked at.
        return match command {
            Some(command) if !command.subject.superuser => rows::runs_function(ours, &command.subject, &command),
            _ => Ok(()),
        };
    }
    let subject = command.as_ref().map_or_else(session::subject, |command| command.subject);
    if subject.superuser {
        return Ok(());
    }
    // What no utility statement announces, some extension does by itself.
    let command = command.unwrap_or_else(|| std::rc::Rc::new(Command::unknown(subject)));
    Look { ours, subject: &subject, command: &command }.at(event)
}

struct Look<'a> {
    ours: &'a Installed,
    subject: &'a Subject,
    command: &'a Command,
}

impl Look<'_> {
    fn at(&self, event: Event) -> Result<()> {
        let created = event.what == What::Created;
        match event.class {
            pg_sys::RelationRelationId if created && event.column == 0 => match parts::index(event.object) {
                Some(index) => self.index(&index),
                // A new table: what inherits is announced as such.
                None => Ok(()),
            },
            pg_sys::RelationRelationId | pg_sys::IndexRelationId | pg_sys::ForeignTableRelationId => {
                self.relation(event.object)
            }
            catalogs::CONSTRAINT => self.constraint(event),
            pg_sys::TriggerRelationId if created => self.part(parts::trigger(event.object), "A trigger"),
            catalogs::REWRITE if created => self.part(parts::rule(event.object), "A rule"),
            pg_sys::TriggerRelationId => self.altered(parts::trigger(event.object)),
            catalogs::REWRITE => self.altered(parts::rule(event.object)),
            catalogs::POLICY if created || self.command.tag == NodeTag::T_AlterPolicyStmt => {
                self.part(parts::policy(event.object), "The policy")
            }
            catalogs::POLICY => self.altered(parts::policy(event.object)),
            catalogs::STATISTIC_EXT if created => self.part(parts::statistics(event.object), "It"),
            catalogs::STATISTIC_EXT => self.altered(parts::statistics(event.object)),
            catalogs::ATTRDEF => {
                let column = i16::try_from(event.column).unwrap_or(0);
                self.part(parts::default_of(event.object, column), "The expression")
            }
            catalogs::INHERITS => self.inherits(event.object, event.other),
            catalogs::PUBLICATION_REL => self.published(parts::published(event.object)),
            // CREATE PUBLICATION announces its tables only so.
            catalogs::PUBLICATION if !self.command.only_names() => self.published(parts::published_by(event.object)),
            pg_sys::ProcedureRelationId => self.function(event.object),
            _ => Ok(()),
        }
    }

    /// Something about the table itself.
    fn relation(&self, relation: Oid) -> Result<()> {
        let Some(table) = masked_table(self.ours, self.subject, relation) else { return Ok(()) };
        match &self.command.kind {
            Kind::Alter(steps) => alter::check(self.ours, self.subject, self.command, steps, table),
            Kind::Keeps => rows::ordered(self.ours, self.command, table),
            Kind::Names => Ok(()),
            Kind::Create { .. } | Kind::Makes | Kind::Other => Err(refusal::refused(self.command.what, table)),
        }
    }

    /// An existing part: what can be done to it without making it anew.
    fn altered(&self, part: Option<Part>) -> Result<()> {
        part.map_or(Ok(()), |part| self.relation(part.relation))
    }

    fn index(&self, index: &Part) -> Result<()> {
        // REINDEX CONCURRENTLY makes a second one of what is there; see `rows` for whose code that runs.
        if index.copied || self.command.tag == NodeTag::T_ReindexStmt {
            return Ok(());
        }
        self.judge(index, "The index")
    }

    fn constraint(&self, event: Event) -> Result<()> {
        if let Some(domain) = parts::domain_of(event.object) {
            let renamed = event.what == What::Altered && self.command.only_names();
            return if renamed { Ok(()) } else { rows::domain(self.ours, self.subject, domain) };
        }
        // ALTER CONSTRAINT can have it enforced, and validated (18).
        let looked_at = event.what == What::Created
            || self.command.has_step(AlterTableType::AT_ValidateConstraint)
            || self.command.has_step(AlterTableType::AT_AlterConstraint);
        for part in parts::constraint(event.object) {
            if !looked_at {
                // Under another parent's, or by the server on the way to something else.
                if !matches!(self.command.kind, Kind::Makes | Kind::Create { .. }) {
                    self.relation(part.relation)?;
                }
            } else if !part.copied {
                self.judge(&part, "The constraint")?;
            }
        }
        Ok(())
    }

    fn part(&self, part: Option<Part>, called: &str) -> Result<()> {
        match part {
            Some(part) if !part.copied => self.judge(&part, called),
            _ => Ok(()),
        }
    }

    /// A new part may look at no masked column and run no stranger's code: whoever writes to the table runs it.
    fn judge(&self, part: &Part, called: &str) -> Result<()> {
        if !is_masked_in(self.ours, self.subject, part.relation) {
            return Ok(());
        }
        let what = self.command.what;
        let Class::Protected(protected) = protection::class(self.ours, part.relation) else { return Ok(()) };
        if part.looks_at(&protected) {
            return Err(refusal::reads_masked(what, part.relation, called));
        }
        let strangers =
            part.expressions.iter().find_map(|text| code::strangers(self.ours, stored::read(text), Runs::ForOthers));
        strangers.map_or(Ok(()), |code| Err(refusal::strangers_code(what, part.relation, &code)))
    }

    fn inherits(&self, child: Oid, parent: Oid) -> Result<()> {
        let masked = |relation| is_masked_in(self.ours, self.subject, relation);
        if masked(parent) && matches!(self.command.kind, Kind::Create { .. }) {
            return rows::heir(self.ours, self.command, parent);
        }
        for relation in [parent, child] {
            if masked(relation) {
                self.relation(relation)?;
            }
        }
        Ok(())
    }

    fn published(&self, relations: impl IntoIterator<Item = Oid>) -> Result<()> {
        let masked = relations.into_iter().find(|relation| is_masked_in(self.ours, self.subject, *relation));
        masked.map_or(Ok(()), |relation| Err(refusal::refused(self.command.what, relation)))
    }

    /// A function made anew or altered, but for its name, owner and schema.
    fn function(&self, function: Oid) -> Result<()> {
        if self.command.only_names() {
            return Ok(());
        }
        match code::reached_by(self.ours, self.subject, function) {
            None => Ok(()),
            Some(relation) => {
                let name = crate::pg::function::bare_name(function);
                Err(refusal::reaching(&format!("function {name}() can't be changed"), "calls it", relation))
            }
        }
    }
}
