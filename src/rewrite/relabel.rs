//! May this label be put there? For the DDL form; `attach()` asks the same.

use jitmask_core::model::label::Attachment;
use pgrx::pg_sys::{self, Oid};

use crate::catalog::protection::{self, Class};
use crate::catalog::{extension, labels, mask, policies, rights, session};
use crate::error::{Code, Error, Result};
use crate::pg::{relation, report, roles};

/// A change of a label that may go ahead.
pub struct Change {
    /// The relation.
    pub relation: Oid,
    /// The column.
    pub column: i16,
    /// The new label in canonical form; `None` where it is removed.
    pub label: Option<String>,
}

/// Checks a label that is about to be written or removed by SECURITY LABEL, and takes the lock that keeps readers out.
pub fn check(class: Oid, relid: Oid, column: i32, label: Option<&str>) -> Result<Change> {
    if class != pg_sys::RelationRelationId || column <= 0 {
        return Err(Error::new(Code::BadArgument, "jitmask labels columns only")
            .hint("SECURITY LABEL FOR jitmask ON COLUMN schema.table.column IS 'policy';"));
    }
    let Some(ours) = extension::installed() else {
        return Err(
            Error::new(Code::WrongState, "jitmask is not installed in this database").hint("CREATE EXTENSION jitmask;")
        );
    };
    session::sync(&ours);
    rights::require_admin("SECURITY LABEL")?;
    let attnum =
        i16::try_from(column).map_err(|_| Error::new(Code::BadArgument, "there is no column of that number"))?;
    let label = label.map(labels::parse).transpose()?;
    if let Some(label) = &label {
        attachable(relid, attnum)?;
        let policies = policies::policies(&ours);
        let of = relation::column_type(relid, attnum);
        let (known, unknown): (Vec<&Attachment>, Vec<&Attachment>) =
            label.0.iter().partition(|attachment| policies.named(&attachment.policy).is_some());
        for attachment in &label.0 {
            not_for_oneself(attachment)?;
        }
        for policy in known.iter().filter_map(|attachment| policies.named(&attachment.policy)) {
            mask::check(&policy.mask, of.oid, of.typmod, of.collation)?;
        }
        for unknown in unknown {
            // A dump restores tables before it restores policies; until the policy is there, the column is NULL.
            report::warning(
                &format!(
                    "there is no masking policy \"{}\" yet: the column reads as NULL until there is",
                    unknown.policy
                ),
                None,
                Some(&format!(
                    "SELECT * FROM jitmask.create_policy('{}', 'mask_partial(value, 0, 4)');",
                    unknown.policy
                )),
            );
        }
    }
    for relation in relation::with_descendants(relid) {
        relation::lock_against_readers(relation);
    }
    labels::announce(relid);
    Ok(Change { relation: relid, column: attnum, label: label.map(|label| label.canonical()) })
}

/// Nobody takes a mask off their own eyes. Superusers may restore dumps; they see raw values anyway.
fn not_for_oneself(attachment: &Attachment) -> Result<()> {
    let caller = session::caller();
    let own = attachment
        .except
        .iter()
        .find(|name| roles::oid(name).is_some_and(|role| role == caller.login || roles::is_member(caller.login, role)));
    match own {
        Some(name) if !roles::is_superuser(caller.role) => {
            Err(Error::new(Code::Privilege, "nobody can leave a role of their own out of a policy")
                .detail(format!("Login \"{}\" belongs to role \"{name}\".", roles::name(caller.login)))
                .hint("Ask another administrator to make this change."))
        }
        _ => Ok(()),
    }
}

/// Whether a policy can stand on this column: a relation that holds rows, whose parents protect the column too.
pub fn attachable(relid: Oid, attnum: i16) -> Result<()> {
    let Some(ours) = extension::installed() else { return Ok(()) };
    let name = relation::qualified_name(relid);
    match relation::kind(relid) {
        b'r' | b'p' | b'f' | b'm' => {}
        b'v' => {
            return Err(Error::new(Code::BadArgument, format!("{name} is a view"))
                .detail("A view shows what its tables show, masked for whoever reads it.")
                .hint("Attach the policy to the column of the table below it."));
        }
        _ => return Err(Error::new(Code::BadArgument, format!("{name} is not a table"))),
    }
    if ours.owns(relid) || relid.to_u32() < crate::pg::function::FIRST_NORMAL {
        return Err(Error::new(Code::BadArgument, format!("{name} belongs to the system and can't be masked")));
    }
    let column = relation::column_name(relid, attnum).unwrap_or_default();
    let family = relation::with_descendants(relid);
    // Every way to the values, past this relation: its parents, and other parents of its children.
    for parent in family.iter().flat_map(|member| relation::parents(*member)) {
        if family.contains(&parent) {
            continue;
        }
        let number = relation::column_number(parent, &column);
        let covered = match (number, protection::class(&ours, parent)) {
            (None, _) => true,
            (Some(number), Class::Protected(protected)) => protected.column(number).is_some(),
            (Some(_), _) => false,
        };
        if !covered {
            let parent = relation::qualified_name(parent);
            return Err(Error::new(
                Code::BadArgument,
                format!("{name} inherits from {parent}, whose column {column} is not protected"),
            )
            .detail("Reading through the parent would show raw values.")
            .hint(format!("SELECT * FROM jitmask.attach('policy', '{parent}.{column}');")));
        }
    }
    Ok(())
}
