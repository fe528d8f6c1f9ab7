//! What is said about a reveal when it begins: a line in the server log, and a word to the person.
//!
//! Until the audit has its own durable trail, the log is where reveals are recorded: a row would be gone with ROLLBACK.

use std::cell::{Cell, RefCell};

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::Oid;

use crate::pg::{client, nesting, report, roles};

thread_local! {
    static TOLD: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
    static REMINDED: Cell<bool> = const { Cell::new(false) };
}

/// A grant's id, what it reveals here, and when it ends (microseconds since 2000-01-01 UTC).
pub struct Revealed {
    /// The grant.
    pub grant: i64,
    /// schema.relation.column
    pub column: String,
    /// Its end.
    pub until: i64,
}

/// Writes one log line for the statement, and tells the person once for each grant until when it lasts.
pub fn announce(revealed: &[Revealed], query_id: u64) {
    let mut grants: Vec<i64> = revealed.iter().map(|one| one.grant).collect();
    grants.sort_unstable();
    grants.dedup();
    let list = |items: Vec<String>| items.join(",");
    report::server_log(&format!(
        "jitmask reveal: grant={} columns={} login={} role={} client={} database={} query_id={query_id}",
        list(grants.iter().map(i64::to_string).collect()),
        list(revealed.iter().map(|one| quoted(&one.column)).collect()),
        quoted(&roles::name(roles::session_user())),
        quoted(&roles::name(roles::current_user())),
        quoted(&client::address()),
        quoted(&client::database_name()),
    ));
    for grant in grants {
        let news = TOLD.with_borrow_mut(|told| {
            let news = !told.contains(&grant);
            if news {
                told.push(grant);
            }
            news
        });
        if news {
            tell(grant, revealed);
        }
    }
}

fn tell(grant: i64, revealed: &[Revealed]) {
    let of_grant = || revealed.iter().filter(|one| one.grant == grant);
    let columns: Vec<String> = of_grant().map(|one| one.column.replace(char::is_control, "?")).collect();
    let until = of_grant().next().and_then(|one| TimestampWithTimeZone::try_from(one.until).ok());
    let until = until
        .map(|at| format!(" until {}", pgrx::datum::datetime_support::ToIsoString::to_iso_string(at)))
        .unwrap_or_default();
    report::notice(&format!("grant {grant} reveals {}{until}", columns.join(", ")), None, None);
}

/// Quotes what people chose, so that a name with a space or a line break can't pass for a field of the line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

/// Somebody reads raw values by exemption. Superusers in psql are told so, once a session: they are the ones who wonder
/// why nothing is masked.
pub fn remind_superuser() {
    let role: Oid = roles::current_user();
    if REMINDED.get() || nesting::depths().level > 1 || !roles::is_superuser(role) || client::application() != "psql" {
        return;
    }
    REMINDED.set(true);
    report::notice(
        "you see raw values of protected columns because you are a superuser",
        None,
        Some("To see what others see: SET ROLE to one of them."),
    );
}
