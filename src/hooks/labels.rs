//! The label provider: `SECURITY LABEL FOR jitmask ON COLUMN … IS '…'`.

use std::ffi::{CStr, c_char};

use pgrx::pg_sys::{self, ObjectAddress};
use serde_json::json;

use crate::audit::trail;
use crate::catalog::{dependants, endings, exposures, labels};
use crate::error::{Result, or_raise};
use crate::pg::{relation, roles};
use crate::rewrite::relabel::{self, Change};

/// Registers the provider.
pub fn init() {
    // SAFETY: the name is static; the server keeps a copy.
    unsafe { pg_sys::register_label_provider(c"jitmask".as_ptr(), Some(check)) }
}

/// Called before a label is written by the DDL form. Raises if it must not be.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn check(object: *const ObjectAddress, label: *const c_char) {
    // SAFETY: the server's own address; the label is null to remove it.
    let (class, relation, column, label) = unsafe {
        let label = (!label.is_null()).then(|| CStr::from_ptr(label).to_string_lossy().into_owned());
        ((*object).classId, (*object).objectId, (*object).objectSubId, label)
    };
    or_raise(relabel::check(class, relation, column, label.as_deref()).and_then(|change| {
        record(&change)?;
        follow(&change)
    }));
}

/// What carries the column straight through follows it; the rest is told. The label itself is not written yet.
fn follow(change: &Change) -> Result<()> {
    let Some(text) = &change.label else {
        dependants::let_go(change.relation, change.column);
        return Ok(());
    };
    let change = dependants::Change {
        column: (change.relation, change.column),
        before: labels::text(change.relation, change.column),
        label: labels::parse(text)?,
    };
    for carried in dependants::protect(&[change], false)? {
        let (relation, column) = carried.column;
        endings::end_grants(relation, column, WHY)?;
        let detail = json!({ "label": text, "carries": exposures::name_of(carried.from) });
        roles::as_bootstrap_superuser(|| {
            trail::record("label_changed", None, Some(&exposures::name_of(carried.column)), &detail)
        })?;
    }
    Ok(())
}

const WHY: &str = "the label was changed";

/// What was approved was approved under the old label: grants on the column end with it. And it is on record.
fn record(change: &Change) -> Result<()> {
    let endings = endings::end_grants(change.relation, change.column, WHY)?;
    let column = relation::column_name(change.relation, change.column).unwrap_or_default();
    let name = format!("{}.{column}", relation::qualified_name(change.relation));
    roles::as_bootstrap_superuser(|| {
        trail::record("label_changed", None, Some(&name), &json!({ "label": change.label }))?;
        for id in &endings.ended {
            trail::record("grant_ended", Some(*id), None, &json!({ "why": WHY }))?;
        }
        Ok(())
    })
}
