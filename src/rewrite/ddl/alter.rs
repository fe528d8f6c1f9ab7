//! ALTER TABLE, step by step: the steps an owner who sees masks may take, and why each is harmless.
//!
//! Asked twice with the same answer: for the relation that is named, before the statement runs; and for each relation the
//! server announces it has altered, children and tables made OF an altered type included. The server announces before it
//! reads rows.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::AlterTableType as At;
use pgrx::pg_sys::Oid;

use super::command::{Command, Step};
use super::{code, masked_table, parts, refusal};
use crate::catalog::extension::Installed;
use crate::catalog::protection::{self, Class, Protected};
use crate::error::Result;
use crate::pg::relation;

/// What a step needs to be harmless.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it looks at no value, or at none that is masked, and leaves what runs over the table as it is; or what it
    /// makes is announced and looked at by itself.
    Nothing,
    /// The column it names is not a masked one.
    Unmasked,
    /// Indexes are built anew: none may run a stranger's code over masked columns.
    OwnIndexes,
    /// Both of them; and if new values are computed from old ones, from unmasked columns only.
    UnmaskedAndOwnIndexes,
    /// The index it names has no masked column: rows may come to lie in its order.
    UnmaskedIndex,
    /// It is not on the list.
    Exemption,
}

/// The list. Names with their path: a bare one that some major does not have would match anything. What is not on it is refused, steps that newer majors bring included.
fn needs(step: At::Type) -> Needs {
    match step {
        // New values only. Defaults, constraints, indexes and generation expressions are announced one by one.
        At::AT_AddColumn => Needs::OwnIndexes,
        At::AT_ColumnDefault
        | At::AT_CookedColumnDefault
        | At::AT_AddIndex
        | At::AT_AddConstraint
        | At::AT_AddIndexConstraint => Needs::Nothing,
        // Announced, and looked at like a new one.
        At::AT_ValidateConstraint | At::AT_AlterConstraint => Needs::Nothing,
        // NULL stays NULL under every mask, so whether there are any is no secret.
        At::AT_SetNotNull | At::AT_DropNotNull => Needs::Nothing,
        // Where and how values are stored, and how many of them statistics look at, which are hidden themselves.
        At::AT_SetStatistics
        | At::AT_SetOptions
        | At::AT_ResetOptions
        | At::AT_SetStorage
        | At::AT_SetCompression
        | At::AT_SetTableSpace
        | At::AT_SetRelOptions
        | At::AT_ResetRelOptions
        | At::AT_ReplaceRelOptions
        | At::AT_DropCluster
        | At::AT_DropOids => Needs::Nothing,
        At::AT_SetLogged | At::AT_SetUnLogged | At::AT_SetAccessMethod => Needs::OwnIndexes,
        At::AT_ClusterOn => Needs::UnmaskedIndex,
        // What is dropped shows nothing. Where a column or a parent takes protection along, see `kept`.
        At::AT_DropColumn
        | At::AT_DropConstraint
        | At::AT_DropInherit
        | At::AT_DropOf
        | At::AT_DetachPartition
        | At::AT_DetachPartitionFinalize => Needs::Nothing,
        // The server recreates indexes, checks and statistics over the column, resolving what they call anew: those that
        // look at masked columns, too, are refused as they are announced.
        At::AT_AlterColumnType => Needs::UnmaskedAndOwnIndexes,
        At::AT_AddIdentity | At::AT_SetIdentity | At::AT_DropIdentity | At::AT_DropExpression => Needs::Unmasked,
        At::AT_ChangeOwner => Needs::Nothing,
        // Code that is there already; what is made is refused.
        At::AT_EnableTrig
        | At::AT_EnableAlwaysTrig
        | At::AT_EnableReplicaTrig
        | At::AT_DisableTrig
        | At::AT_EnableTrigAll
        | At::AT_DisableTrigAll
        | At::AT_EnableTrigUser
        | At::AT_DisableTrigUser
        | At::AT_EnableRule
        | At::AT_EnableAlwaysRule
        | At::AT_EnableReplicaRule
        | At::AT_DisableRule => Needs::Nothing,
        // Which rows are seen, by policies that are there already.
        At::AT_EnableRowSecurity | At::AT_DisableRowSecurity | At::AT_ForceRowSecurity | At::AT_NoForceRowSecurity => {
            Needs::Nothing
        }
        // What replication sends, to roles that can read the table's files anyway.
        At::AT_ReplicaIdentity => Needs::Nothing,
        // The server's own, when it puts back what a change of type took away; announced.
        At::AT_ReAddIndex
        | At::AT_ReAddConstraint
        | At::AT_ReAddDomainConstraint
        | At::AT_ReAddComment
        | At::AT_ReAddStatistics => Needs::Nothing,
        // INHERIT and ATTACH PARTITION: rows would pass the code of another table. OF: not needed so far. OPTIONS of
        // foreign tables can point a column at another one.
        _ => Needs::Exemption,
    }
}

/// Refuses ALTER TABLE on a relation in which the subject sees masks, unless all its steps are harmless there.
pub fn check(ours: &Installed, subject: &Subject, command: &Command, steps: &[Step], relation: Oid) -> Result<()> {
    let Some(table) = masked_table(ours, subject, relation) else { return Ok(()) };
    let Class::Protected(protected) = protection::class(ours, table) else { return Ok(()) };
    for step in steps {
        check_step(ours, command, step, &protected)?;
    }
    Ok(())
}

fn check_step(ours: &Installed, command: &Command, step: &Step, protected: &Protected) -> Result<()> {
    let (what, table) = (command.what, protected.relation);
    let needs = needs(step.kind);
    match needs {
        Needs::Nothing => return Ok(()),
        Needs::Exemption => return Err(refusal::refused(what, table)),
        Needs::UnmaskedIndex => {
            let index = step.name.as_deref().and_then(|name| relation::sibling(table, name));
            return match index.and_then(parts::index) {
                Some(index) if index.looks_at(protected) => {
                    Err(refusal::reads_masked(what, table, "The index the rows are to be ordered by"))
                }
                _ => Ok(()),
            };
        }
        Needs::Unmasked | Needs::OwnIndexes | Needs::UnmaskedAndOwnIndexes => {}
    }
    if needs != Needs::OwnIndexes {
        let masked =
            |name: &str| relation::column_number(table, name).is_none_or(|number| protected.column(number).is_some());
        // A name that is no column is a whole row, or an error the server has yet to report.
        if step.name.as_deref().is_some_and(|name| protected_name(protected, name))
            || step.computed_from.iter().any(|name| name.as_deref().is_none_or(masked))
        {
            return Err(refusal::reads_masked(what, table, "It"));
        }
    }
    if needs != Needs::Unmasked
        && step.rewrites
        && let Some(code) = code::in_indexes(ours, protected)
    {
        return Err(refusal::strangers_code(what, table, &code));
    }
    Ok(())
}

fn protected_name(protected: &Protected, name: &str) -> bool {
    relation::column_number(protected.relation, name).is_some_and(|number| protected.column(number).is_some())
}
