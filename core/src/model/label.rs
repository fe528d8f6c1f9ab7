//! The label on a protected column: which policies are attached, for whom, and which one wins.
//!
//! For: the SECURITY LABEL of provider `jitmask`, written by `attach`, `detach` and the DDL form, kept by the server
//! and dumped with the table; the engine reads it back for every decision.
//! Must hold: what is not understood is refused whole, an unknown field too, since half a label would protect half a
//! column (the engine masks a column whose label it can't read); one label has one canonical text, so that dumps
//! compare; every label that parses still parses after `canonical()`.
//! Names are text here; whether such a policy or role exists is for the extension to find out.

use std::collections::BTreeSet;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// Longest label, in bytes: some hundred attachments, and a catalog row that needs no TOAST detour to be read.
pub const MAX_LABEL: usize = 8192;
/// Longest name of a policy or role, in bytes (the server's NAMEDATALEN less one).
pub const MAX_NAME: usize = 63;
/// The name that means every role.
pub const PUBLIC: &str = "public";

/// Why a text is no label, or an attachment can't join one. `Display` is for people: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelError {
    /// Longer than [`MAX_LABEL`], read or written.
    #[error("a label is longer than {MAX_LABEL} bytes")]
    TooLong,
    /// Looks like JSON and is not a label; what the JSON reader says.
    #[error("a label is not understood: {0}")]
    Json(String),
    /// No attachment in it.
    #[error("a label names no policy")]
    Empty,
    /// Not `[a-z_][a-z0-9_]*` of at most [`MAX_NAME`] bytes.
    #[error("{0:?} is no name of a policy: use lower-case letters, digits and underscores, at most {MAX_NAME} bytes")]
    PolicyName(String),
    /// Empty, too long, or with a NUL in it.
    #[error("{0:?} is no name of a role")]
    RoleName(String),
    /// `to` is an empty list.
    #[error("policy \"{0}\" is attached to no role")]
    ToNobody(String),
    /// `except` holds `public`, which would leave the column open to everybody.
    #[error("policy \"{0}\" can't except everybody: detach it instead")]
    ExceptEverybody(String),
    /// The same policy twice.
    #[error("policy \"{0}\" is attached twice")]
    DuplicatePolicy(String),
    /// Two policies of one priority that may both apply to a role, so that neither wins.
    #[error("policies \"{0}\" and \"{1}\" may apply to the same roles with the same priority {2}")]
    SamePriority(String, String, i32),
}

/// One policy on the column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The policy's name.
    pub policy: String,
    /// The roles for which this policy chooses the mask; [`PUBLIC`] alone unless told otherwise.
    #[serde(default = "everybody", skip_serializing_if = "is_everybody")]
    pub to: Vec<String>,
    /// The roles that read raw although `to` matches them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Higher wins.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
}

/// The attachments of one column, highest priority first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label(pub Vec<Attachment>);

impl Label {
    /// Reads a JSON array of attachments, one attachment, or the bare name of a policy that is for everybody.
    pub fn parse(text: &str) -> Result<Label, LabelError> {
        if text.len() > MAX_LABEL {
            return Err(LabelError::TooLong);
        }
        let text = text.trim();
        let json = |error: serde_json::Error| LabelError::Json(error.to_string());
        let attachments = if text.starts_with('[') {
            let all: Vec<Strict> = serde_json::from_str(text).map_err(json)?;
            all.into_iter().map(|Strict(attachment)| attachment).collect()
        } else if text.starts_with('{') {
            let Strict(attachment) = serde_json::from_str(text).map_err(json)?;
            vec![attachment]
        } else if text.is_empty() {
            return Err(LabelError::Empty);
        } else {
            vec![Attachment::public(text)]
        };
        let mut label = Label::default();
        for attachment in attachments {
            label.add(attachment)?;
        }
        if label.0.is_empty() { Err(LabelError::Empty) } else { Ok(label) }
    }

    /// Puts one more policy on the column. On an error the label is as it was.
    pub fn add(&mut self, attachment: Attachment) -> Result<(), LabelError> {
        let new = attachment.checked()?;
        for old in &self.0 {
            if old.policy == new.policy {
                return Err(LabelError::DuplicatePolicy(new.policy));
            }
            if old.priority == new.priority && old.overlaps(&new) {
                return Err(LabelError::SamePriority(old.policy.clone(), new.policy, new.priority));
            }
        }
        let mut grown = self.clone();
        grown.0.push(new);
        grown.sort();
        if grown.canonical().len() > MAX_LABEL {
            return Err(LabelError::TooLong);
        }
        *self = grown;
        Ok(())
    }

    /// The one text of this label: a JSON array without spaces, fields with default values left out.
    pub fn canonical(&self) -> String {
        let mut sorted = self.clone();
        sorted.sort();
        // Strings and numbers always serialize. An empty text would be refused by `parse`, hence masked.
        serde_json::to_string(&sorted.0).unwrap_or_default()
    }

    /// Highest priority first, then by name; two of one priority never apply to the same role.
    fn sort(&mut self) {
        self.0.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.policy.cmp(&b.policy)));
    }
}

impl Attachment {
    /// This policy for everybody, with no exception.
    pub fn public(policy: &str) -> Attachment {
        Attachment { policy: policy.to_owned(), to: everybody(), except: Vec::new(), priority: 0 }
    }

    /// Whether some role may match both; of two named roles one may be a member of the other, which `attach` sees.
    fn overlaps(&self, other: &Attachment) -> bool {
        let public = |attachment: &Attachment| attachment.to.iter().any(|role| role == PUBLIC);
        public(self) || public(other) || self.to.iter().any(|role| other.to.contains(role))
    }

    /// Itself with sorted lists, if it may be part of a label.
    fn checked(mut self) -> Result<Attachment, LabelError> {
        if !is_policy_name(&self.policy) {
            return Err(LabelError::PolicyName(self.policy));
        }
        if self.to.is_empty() {
            return Err(LabelError::ToNobody(self.policy));
        }
        let bad = |role: &&String| role.is_empty() || role.len() > MAX_NAME || role.contains('\0');
        if let Some(role) = self.to.iter().chain(&self.except).find(bad) {
            return Err(LabelError::RoleName(role.clone()));
        }
        if self.except.iter().any(|role| role == PUBLIC) {
            return Err(LabelError::ExceptEverybody(self.policy));
        }
        for list in [&mut self.to, &mut self.except] {
            *list = std::mem::take(list).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        }
        Ok(self)
    }
}

/// Whether this is a policy's name: `^[a-z_][a-z0-9_]{0,62}$`.
pub fn is_policy_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

fn everybody() -> Vec<String> {
    vec![PUBLIC.to_owned()]
}

fn is_everybody(to: &[String]) -> bool {
    matches!(to, [only] if only == PUBLIC)
}

fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

/// An attachment written as a JSON object. (serde by itself takes an array of the fields' values for a struct too.)
struct Strict(Attachment);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Strict;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object such as {\"policy\":\"name\"}")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Strict, A::Error> {
                Attachment::deserialize(MapAccessDeserializer::new(map)).map(Strict).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[path = "label_tests.rs"]
mod tests;
