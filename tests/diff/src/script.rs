//! A statement as it is sent: steps, within a transaction that is rolled back.

use std::collections::BTreeSet;

/// How the rows of a step are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// In order: the statement says all about it.
    InOrder,
    /// In any order.
    AnyOrder,
    /// Not at all (EXPLAIN): only errors, and whether raw values show.
    Nothing,
}

/// One message to the server and what it answers.
#[derive(Clone, Debug)]
pub struct Step {
    /// The statement.
    pub sql: String,
    /// Values, if it is sent by the extended protocol.
    pub values: Option<Vec<String>>,
    /// How many rows are asked for at a time, by the extended protocol; 0 for all.
    pub chunk: i32,
    /// What is compared.
    pub compare: Compare,
}

impl Step {
    /// A statement by the simple protocol.
    pub fn simple(sql: impl Into<String>, compare: Compare) -> Step {
        Step { sql: sql.into(), values: None, chunk: 0, compare }
    }
}

/// What the two sides may differ in, known from what was put into the statement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expects {
    /// It has to be refused with JM003 where masks are: a masked value is assigned to a protected column.
    pub refusal: bool,
}

/// A whole statement, and what it is made of.
#[derive(Clone, Debug)]
pub struct Script {
    /// What is sent after BEGIN.
    pub steps: Vec<Step>,
    /// The shapes in it.
    pub shapes: BTreeSet<&'static str>,
    /// What the two sides may differ in.
    pub expects: Expects,
}

impl Script {
    /// As somebody would type it into psql.
    pub fn text(&self) -> String {
        let mut text = String::from("BEGIN;\n");
        for step in &self.steps {
            text.push_str(&step.sql);
            text.push(';');
            if let Some(values) = &step.values {
                text.push_str(&format!("  -- extended protocol, values {values:?}, {} rows at a time", step.chunk));
            }
            text.push('\n');
        }
        text.push_str("ROLLBACK;");
        text
    }
}
