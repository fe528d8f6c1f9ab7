//! One connection as some role, with every value as text, the notices it received, and the question all tests ask:
//! is this value raw or masked?

use std::sync::{Arc, Mutex};

use postgres::error::DbError;
use postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// What stands before every raw value of the fixtures. No mask lets it through.
pub const RAW: &str = "RAW-";

/// What somebody saw of a protected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The value itself.
    Raw,
    /// The mask's result.
    Masked,
}

impl Sight {
    /// Tells by the value of `ssn` of customer 1. Anything that is neither its raw nor its masked form is a failure:
    /// NULL or an empty text must not pass for "masked".
    pub fn of(value: &str) -> Sight {
        match value {
            "RAW-SSN-0001" => Sight::Raw,
            masked if masked.len() == 12 && masked.ends_with("0001") && !masked.contains(RAW) => Sight::Masked,
            other => panic!("neither raw nor masked: {other:?}"),
        }
    }
}

/// An open connection.
pub struct Session {
    client: Client,
    notices: Arc<Mutex<Vec<DbError>>>,
}

impl Session {
    /// Connects over the cluster's socket.
    pub fn open(role: &str, database: &str) -> Session {
        Self::try_open(role, database).unwrap_or_else(|error| panic!("{role} can't connect to {database}: {error}"))
    }

    /// The same, where the connection may be refused.
    pub fn try_open(role: &str, database: &str) -> Result<Session, postgres::Error> {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&notices);
        let client = Config::new()
            .host(&crate::outside::socket())
            .port(5432)
            .user(role)
            .dbname(database)
            .application_name("jitmask client tests")
            .notice_callback(move |notice| kept.lock().unwrap().push(notice))
            .connect(NoTls)?;
        Ok(Session { client, notices })
    }

    /// The client itself, for prepared statements, portals and COPY.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements whose results don't matter.
    pub fn run(&mut self, sql: &str) {
        self.client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}\n{}", explain(&error)));
    }

    /// All rows of the last statement that returned some, as text.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_rows(sql).unwrap_or_else(|error| panic!("{sql}\n{}", explain(&error)))
    }

    /// The same, where it may fail.
    pub fn try_rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, postgres::Error> {
        let mut rows = Vec::new();
        for message in self.client.simple_query(sql)? {
            match message {
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect());
                }
                _ => {}
            }
        }
        Ok(rows)
    }

    /// The first column of every row.
    pub fn column(&mut self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql).into_iter();
        rows.map(|row| row.into_iter().next().flatten().unwrap_or_else(|| "NULL".to_owned())).collect()
    }

    /// The one value of a statement.
    pub fn value(&mut self, sql: &str) -> String {
        let mut column = self.column(sql);
        assert_eq!(column.len(), 1, "one row was expected of {sql}: {column:?}");
        column.remove(0)
    }

    /// The error a statement ends with.
    #[track_caller]
    pub fn fails(&mut self, sql: &str) -> DbError {
        match self.try_rows(sql) {
            Err(error) => error.as_db_error().unwrap_or_else(|| panic!("{sql}\n{error}")).clone(),
            Ok(rows) => panic!("this was expected to fail: {sql}\nit returned {rows:?}"),
        }
    }

    /// Fails unless the statement is refused with this SQLSTATE; returns the error.
    #[track_caller]
    pub fn refused(&mut self, sqlstate: &str, sql: &str) -> DbError {
        let error = self.fails(sql);
        assert_eq!(error.code().code(), sqlstate, "{sql}\n{error:?}");
        error
    }

    /// What this session sees of customer 1.
    pub fn sight(&mut self) -> Sight {
        let value = self.value("SELECT ssn FROM public.customers WHERE id = 1");
        Sight::of(&value)
    }

    /// Whether this session sees raw values.
    pub fn sees_raw(&mut self) -> bool {
        self.sight() == Sight::Raw
    }

    /// Whether this session sees masked values.
    pub fn sees_masked(&mut self) -> bool {
        self.sight() == Sight::Masked
    }

    /// The messages of the notices and warnings that have come in since this was last asked.
    pub fn notices(&mut self) -> Vec<String> {
        self.notices.lock().unwrap().drain(..).map(|notice| notice.message().to_owned()).collect()
    }
}

/// An error with all that the server said.
pub fn explain(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!(
            "{} {}: {}\nDETAIL: {}\nHINT: {}\nCONTEXT: {}",
            error.severity(),
            error.code().code(),
            error.message(),
            error.detail().unwrap_or("-"),
            error.hint().unwrap_or("-"),
            error.where_().unwrap_or("-")
        ),
        None => error.to_string(),
    }
}

/// The SQLSTATE of an error.
pub fn sqlstate(error: &postgres::Error) -> String {
    error.code().map(|code| code.code().to_owned()).unwrap_or_else(|| panic!("no SQLSTATE: {error}"))
}
