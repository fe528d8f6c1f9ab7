//! The errors jitmask shows to people: SQLSTATE, message, DETAIL, and a HINT with the very call to make.
//!
//! Everything below the SQL functions and hooks returns `Result<T>`; the edge calls [`or_raise`]. No cell value, key or
//! salt may ever be put into one of these texts (I9). Codes of our own (`JM…`) are listed in docs/reference.md.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;

/// What went wrong, as a five-character SQLSTATE. Standard codes where one fits; `JM…` where none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 42501: the caller lacks the right.
    Privilege,
    /// 22023: an argument is bad.
    BadArgument,
    /// 55000: the object or the server is not in the state this needs.
    WrongState,
    /// 42704: no such object.
    Unknown,
    /// 42703: no such column.
    UnknownColumn,
    /// 42710: it exists already.
    Duplicate,
    /// 42804: a mask returns the wrong type.
    WrongType,
    /// 42601: a mask does not parse.
    Syntax,
    /// 2BP01: something still depends on it.
    InUse,
    /// 54001: the statement is too complex to be planned.
    TooComplex,
    /// 0A000: not supported (yet).
    NotSupported,
    /// 25006: the server is read-only.
    ReadOnly,
    /// 40001: a plan went stale in a way that can't be mended in place; run the statement again.
    Retry,
    /// JM001: a masked session may not do this to a protected relation.
    MaskedRefused,
    /// JM002: a reveal ended while its rows were being read.
    RevealEnded,
    /// JM003: what is made of masked values can't be assigned to a masked column.
    MaskedAssignment,
    /// JM004: a deciding function was not called directly by the client.
    NotDirect,
    /// JM005: a plan reads a protected relation and jitmask did not prepare it.
    Unprepared,
}

impl Code {
    /// The server's own constant for a standard code; `None` for a code of ours.
    fn standard(self) -> Option<PgSqlErrorCode> {
        use PgSqlErrorCode::*;
        Some(match self {
            Code::Privilege => ERRCODE_INSUFFICIENT_PRIVILEGE,
            Code::BadArgument => ERRCODE_INVALID_PARAMETER_VALUE,
            Code::WrongState => ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Code::Unknown => ERRCODE_UNDEFINED_OBJECT,
            Code::UnknownColumn => ERRCODE_UNDEFINED_COLUMN,
            Code::Duplicate => ERRCODE_DUPLICATE_OBJECT,
            Code::WrongType => ERRCODE_DATATYPE_MISMATCH,
            Code::Syntax => ERRCODE_SYNTAX_ERROR,
            Code::InUse => ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            Code::TooComplex => ERRCODE_STATEMENT_TOO_COMPLEX,
            Code::NotSupported => ERRCODE_FEATURE_NOT_SUPPORTED,
            Code::ReadOnly => ERRCODE_READ_ONLY_SQL_TRANSACTION,
            Code::Retry => ERRCODE_T_R_SERIALIZATION_FAILURE,
            Code::MaskedRefused | Code::MaskedAssignment | Code::RevealEnded | Code::NotDirect | Code::Unprepared => {
                return None;
            }
        })
    }

    /// The five characters of a code of ours.
    fn own(self) -> &'static [u8; 5] {
        match self {
            Code::MaskedRefused => b"JM001",
            Code::RevealEnded => b"JM002",
            Code::MaskedAssignment => b"JM003",
            Code::NotDirect => b"JM004",
            _ => b"JM005",
        }
    }
}

/// An error on its way to a person.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

/// What everything below the SQL functions and hooks returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with its message: lower case, no full stop, names quoted with `"`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), detail: None, hint: None }
    }

    /// Adds a DETAIL: whole sentences.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a sentence to the DETAIL.
    pub fn more(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        self.detail = Some(match self.detail {
            Some(detail) => format!("{detail} {sentence}"),
            None => sentence,
        });
        self
    }

    /// Adds a HINT that holds the call to make.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message, for `health()`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Raises it as a PostgreSQL ERROR. Call only inside a guarded function.
    pub fn raise(self) -> ! {
        let standard = self.code.standard();
        if standard.is_none() {
            // pgrx can only carry the server's own codes; ours is put in while the server composes the error.
            crate::pg::report::override_sqlstate(self.code.own());
        }
        let code = standard.unwrap_or(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR);
        let mut report = ErrorReport::new(code, self.message, "jitmask");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(pgrx::PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }
}

/// The value, or the error raised. The last step of every SQL function and guarded hook half.
pub fn or_raise<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => error.raise(),
    }
}
