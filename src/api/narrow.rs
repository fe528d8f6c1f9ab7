//! Narrowing a request while approving it: a shorter duration, fewer columns. Never more than was asked.

use jitmask_core::model::duration::human;
use pgrx::pg_sys::Oid;

use super::case::Case;
use super::guard::quoted;
use super::{asking, columns, store};
use crate::error::{Code, Error, Result};

/// Narrows `case` and stores which columns are left. 22023 for anything wider than what was asked (or left by then).
pub fn narrow(case: &mut Case, length: Option<i64>, written: Option<&[String]>) -> Result<()> {
    if let Some(length) = length {
        if length > case.duration {
            let asked = human(case.duration);
            return Err(Error::new(Code::BadArgument, "an approval can't be for longer than was asked")
                .detail(format!("Request {} asks for {asked}.", case.id))
                .hint(format!("SELECT * FROM jitmask.approve({}, duration => '{asked}');", case.id)));
        }
        case.duration = length;
    }
    let Some(written) = written else { return Ok(()) };
    let asked: Vec<String> =
        case.columns.iter().filter(|column| column.approved).map(|column| column.name.clone()).collect();
    let list: Vec<String> = asked.iter().map(|name| quoted(name)).collect();
    let example = format!("SELECT * FROM jitmask.approve({}, columns => ARRAY[{}]);", case.id, list.join(", "));
    let mut kept: Vec<(Oid, i16)> = Vec::new();
    for (column, explicit) in columns::find_all(written, &example)? {
        // The column itself, and those whose labels protect it: requests name these.
        let mut meant = vec![(column.relid, column.attnum)];
        meant.extend(asking::protectors(&column)?.into_iter().map(|by| (by.column.relid, by.column.attnum)));
        let asked_for = |one: &(Oid, i16)| case.columns.iter().any(|known| known.approved && known.is(*one));
        meant.retain(asked_for);
        if meant.is_empty() && explicit {
            return Err(Error::new(Code::BadArgument, "an approval can't be for columns that were not asked for")
                .detail(format!("Request {} does not ask for {}.", case.id, column.full_name()))
                .hint(example));
        }
        kept.extend(meant);
    }
    if kept.is_empty() {
        return Err(Error::new(Code::BadArgument, "an approval for no column approves nothing")
            .hint(format!("SELECT * FROM jitmask.deny({}, 'why');", case.id)));
    }
    for column in &mut case.columns {
        if column.approved && !kept.iter().any(|one| column.is(*one)) {
            column.approved = false;
            store::run(
                "UPDATE jitmask.request_column SET approved = false
                  WHERE request_id = $1 AND relid = $2 AND attnum = $3",
                &[case.id.into(), column.relid.into(), column.attnum.into()],
            )?;
        }
    }
    Ok(())
}
