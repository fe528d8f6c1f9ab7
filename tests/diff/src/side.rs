//! One of the two sessions, and what it received.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jitmask_client_tests::wire::{Message, Reply, Wire};

use crate::leak;
use crate::script::{Compare, Script, Step};

/// A session, in its own schema.
pub struct Side {
    wire: Wire,
    types: HashMap<u32, String>,
}

/// What one step brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Name, type, type modifier, whether it is a table's column and which; of each column.
    pub columns: Vec<String>,
    /// Rows as they are compared; of a statement that failed, none.
    pub rows: Vec<String>,
    /// Command tags.
    pub tags: Vec<String>,
    /// SQLSTATE, and the message without what it quotes.
    pub error: Option<(String, String)>,
    /// SQLSTATE and message of notices, sorted.
    pub notices: Vec<String>,
}

/// What the whole script brought.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Of each step.
    pub answers: Vec<Answer>,
    /// Raw values that were received.
    pub raw: Vec<String>,
    /// The connection broke.
    pub lost: bool,
}

impl Outcome {
    /// The first error's SQLSTATE and message; an error that PL/pgSQL caught counts.
    pub fn error(&self) -> Option<(&str, &str)> {
        self.answers.iter().find_map(|answer| {
            let caught = answer.notices.iter().find_map(|notice| notice.strip_prefix("00000 caught "));
            let error = answer.error.as_ref().map(|(code, message)| (code.as_str(), message.as_str()));
            error.or_else(|| caught.and_then(|caught| caught.split_at_checked(5)))
        })
    }
}

impl Side {
    /// Connects.
    pub fn open(role: &str, database: &str, schema: &str) -> Side {
        let mut wire = Wire::open(role, database);
        let set = format!(
            "SET search_path = {schema}, public; SET statement_timeout = '4s'; SET client_min_messages = notice"
        );
        let _ = wire.run(&set).fine();
        // Of the caller's, for all statements of a run.
        if let Ok(more) = std::env::var("SETTINGS") {
            let _ = wire.run(&more).fine();
        }
        let reply = wire.run("SELECT oid, typname FROM pg_type").fine();
        let rows = reply.0.iter().filter(|message| message.tag == 'D').map(Message::values);
        let types = rows.map(|row| (row[0].as_deref().unwrap().parse().unwrap(), row[1].clone().unwrap())).collect();
        Side { wire, types }
    }

    /// Runs a script in a transaction that is rolled back, with these settings.
    pub fn run(&mut self, script: &Script, settings: &str) -> Outcome {
        let mut outcome = Outcome::default();
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let _ = self.wire.run(&format!("BEGIN; {settings}")).fine();
            for step in &script.steps {
                let reply = self.step(step);
                for message in &reply.0 {
                    leak::find(&message.body, &mut outcome.raw);
                }
                outcome.answers.push(self.answer(step, &reply));
            }
            let _ = self.wire.run("ROLLBACK").fine();
        }));
        outcome.lost = ran.is_err();
        outcome
    }

    fn step(&mut self, step: &Step) -> Reply {
        let Some(values) = &step.values else { return self.wire.run(&step.sql) };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        // One Sync at the end, so an error skips the rest.
        self.wire.parse("", &step.sql).bind("", "", &values).describe("").execute("", step.chunk);
        if step.chunk > 0 {
            self.wire.execute("", step.chunk).execute("", 0);
        }
        self.wire.sync()
    }

    fn answer(&self, step: &Step, reply: &Reply) -> Answer {
        let mut answer = Answer::default();
        let mut numeric: Vec<bool> = Vec::new();
        for message in &reply.0 {
            match message.tag {
                'T' => {
                    let columns = self.columns(&message.body);
                    numeric = columns.iter().map(|(_, is_numeric)| *is_numeric).collect();
                    answer.columns.extend(columns.into_iter().map(|(column, _)| column));
                }
                'D' => answer.rows.push(row(message.values(), &numeric)),
                'd' => answer.rows.push(String::from_utf8_lossy(&message.body).trim_end().to_owned()),
                'C' => answer.tags.push(String::from_utf8_lossy(&message.body).trim_end_matches('\0').to_owned()),
                's' => answer.tags.push("suspended".to_owned()),
                'E' => {
                    let text = message.field('M').unwrap_or_default();
                    let constraint = message.field('n').map(|name| format!(" of {name}")).unwrap_or_default();
                    answer.error = Some((message.field('C').unwrap_or_default(), unquoted(&text) + &constraint));
                }
                'N' => {
                    let text = message.field('M').unwrap_or_default();
                    if !text.starts_with("fields ") {
                        answer.notices.push(format!("{} {text}", message.field('C').unwrap_or_default()));
                    }
                }
                _ => {}
            }
        }
        // What came before an error depends on the plan.
        if answer.error.is_some() {
            answer.rows.clear();
            answer.columns.clear();
            answer.notices.retain(|notice| !notice.starts_with("00000 row "));
        }
        if answer.notices.iter().any(|notice| notice.starts_with("00000 caught ")) {
            answer.notices.retain(|notice| notice.starts_with("00000 caught "));
        }
        answer.notices.sort();
        match step.compare {
            Compare::InOrder => {}
            Compare::AnyOrder => answer.rows.sort(),
            Compare::Nothing => answer.rows.clear(),
        }
        answer
    }

    /// What a RowDescription says, but for what must differ: OIDs of tables and of types made twice.
    fn columns(&self, body: &[u8]) -> Vec<(String, bool)> {
        let mut columns = Vec::new();
        let mut rest = &body[2..];
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let name = String::from_utf8_lossy(&rest[..end]).into_owned();
            let fields = &rest[end + 1..end + 19];
            let word = |at: usize| u32::from_be_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
            let (of_table, number, oid, typmod) =
                (word(0) != 0, u16::from_be_bytes([fields[4], fields[5]]), word(6), word(12));
            let of = self.types.get(&oid).map_or("a new type", String::as_str);
            columns.push((
                format!("{name}: {of} typmod {} of table {of_table} column {number}", typmod.cast_signed()),
                oid == 1700,
            ));
            rest = &rest[end + 19..];
        }
        columns
    }
}

/// A row as text. Numerics without trailing zeros: where 1.0 and 1.00 are equal, which one DISTINCT keeps is the plan's choice.
fn row(values: Vec<Option<String>>, numeric: &[bool]) -> String {
    let mut text = String::new();
    for (place, value) in values.into_iter().enumerate() {
        if place > 0 {
            text.push_str(" | ");
        }
        match value {
            None => text.push_str("\\N"),
            Some(value) if numeric.get(place) == Some(&true) && value.contains('.') => {
                text.push_str(value.trim_end_matches('0').trim_end_matches('.'));
            }
            Some(value) => text.push_str(&value),
        }
    }
    text
}

/// A message without what stands in double quotes: values, and names of what was made twice.
fn unquoted(message: &str) -> String {
    message.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_quotes_is_not_compared() {
        assert_eq!(unquoted("bad \"x\" of \"y\""), "bad \"\" of \"\"");
    }

    #[test]
    fn equal_numerics_look_the_same() {
        let one = row(vec![Some("1.50".to_owned()), None, Some("100".to_owned())], &[true, true, true]);
        assert_eq!(one, "1.5 | \\N | 100");
    }
}
