//! The decisions for all protected columns of a statement's relations, together.

use std::rc::Rc;

use jitmask_core::model::decide::{Decision, Subject};
use pgrx::pg_sys::Oid;
use sha2::{Digest, Sha256};

use super::reads::Reads;
use super::substitute::{Field, Mask, MaskedColumn, MaskedRelation};
use crate::catalog::extension::Installed;
use crate::catalog::grants::{self, GrantsOf};
use crate::catalog::protection::{self, Class, Protected};
use crate::catalog::verdict::{Ruling, rule_on};
use crate::pg::relation::{self, ColumnType};
use crate::pg::shared;
use crate::pg::tuple;

/// One relation's columns and what was decided for each, in the order of `protected.columns`.
pub struct Ruled {
    /// The relation.
    pub protected: Rc<Protected>,
    /// Its decisions.
    pub rulings: Vec<Ruling>,
}

/// What was decided for a statement.
pub struct Rulings {
    /// By relation, in order of OID.
    pub relations: Vec<Ruled>,
    /// Grants were counted.
    pub counted: bool,
}

/// The protected relations among these, in order.
pub fn protected(ours: &Installed, relations: &[Oid]) -> Vec<Rc<Protected>> {
    relations
        .iter()
        .filter_map(|relation| match protection::class(ours, *relation) {
            Class::Protected(protected) => Some(protected),
            Class::Plain | Class::Own | Class::Statistics | Class::Toast => None,
        })
        .collect()
}

/// Decides for all of them. `count_grants` says whether grants may count at all here.
pub fn decide(ours: &Installed, subject: &Subject, relations: Vec<Rc<Protected>>, count_grants: bool) -> Rulings {
    let clock = shared::clock();
    let counted = count_grants && !clock.behind;
    let grants: Option<Rc<GrantsOf>> = counted.then(|| grants::grants_of(ours, Oid::from(subject.login)));
    let relations = relations
        .into_iter()
        .map(|protected| {
            let rule = |column| rule_on(ours, subject, column, grants.as_deref(), clock.time);
            let rulings = protected.columns.iter().map(rule).collect();
            Ruled { protected, rulings }
        })
        .collect();
    Rulings { relations, counted }
}

impl Rulings {
    fn each(&self) -> impl Iterator<Item = &Ruling> {
        self.relations.iter().flat_map(|ruled| &ruled.rulings)
    }

    /// At least one column is masked.
    pub fn masks(&self) -> bool {
        self.each().any(|ruling| !ruling.raw())
    }

    /// Every protected column is masked.
    pub fn all_masked(&self) -> bool {
        self.each().all(|ruling| !ruling.raw())
    }

    /// Some column is revealed by a grant, whether it is read or not.
    pub fn by_grant(&self) -> bool {
        self.each().any(|ruling| ruling.grant().is_some())
    }

    /// The columns that grants reveal and the statement reads.
    pub fn revealed_in(&self, reads: &Reads) -> Vec<(Oid, i16, i64)> {
        let mut revealed = Vec::new();
        for ruled in &self.relations {
            let relation = ruled.protected.relation;
            for (column, ruling) in ruled.protected.columns.iter().zip(&ruled.rulings) {
                if let Some(grant) = ruling.grant()
                    && reads.column(relation, column.number)
                {
                    revealed.push((relation, column.number, grant));
                }
            }
        }
        revealed
    }

    /// The first instant at which the clock alone may change one of the decisions; `i64::MAX` for never.
    pub fn valid_until(&self) -> i64 {
        self.each().filter_map(|ruling| ruling.next_change).min().unwrap_or(i64::MAX)
    }

    /// All decisions, condensed: two statements with the same relations and the same digest are treated alike.
    pub fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        for ruled in &self.relations {
            hash.update(ruled.protected.relation.to_u32().to_le_bytes());
            for (column, ruling) in ruled.protected.columns.iter().zip(&ruled.rulings) {
                hash.update(column.number.to_le_bytes());
                match (&ruling.decision, &ruling.mask) {
                    (Decision::Raw(_), _) => {
                        hash.update(b"raw");
                        hash.update(ruling.grant().unwrap_or(0).to_le_bytes());
                    }
                    (Decision::Mask(_), Some(mask)) => {
                        hash.update(b"mask");
                        hash.update((mask.len() as u64).to_le_bytes());
                        hash.update(mask.as_bytes());
                        hash.update(ruling.write_back.name());
                    }
                    (Decision::Mask(_), None) => hash.update(b"null"),
                }
            }
        }
        let mut digest = [0; 16];
        digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        digest
    }

    /// What to substitute.
    pub fn masked_relations(&self, ours: &Installed) -> Vec<MaskedRelation> {
        self.relations
            .iter()
            .filter(|ruled| ruled.rulings.iter().any(|ruling| !ruling.raw()))
            .map(|ruled| MaskedRelation {
                relation: ruled.protected.relation,
                columns: ruled
                    .protected
                    .columns
                    .iter()
                    .zip(&ruled.rulings)
                    .filter(|(_, ruling)| !ruling.raw())
                    .map(|(column, ruling)| {
                        let (length, by_value) = tuple::storage(column.of.oid);
                        let mask = ruling.template(ours, column).map_or(Mask::Null, Mask::Template);
                        MaskedColumn {
                            number: column.number,
                            of: column.of,
                            length,
                            by_value,
                            mask,
                            write_back: ruling.write_back,
                            policy: ruling.policy.clone(),
                        }
                    })
                    .collect(),
                fields: fields(ruled.protected.relation),
            })
            .collect()
    }

    /// What grants reveal of these columns, and until when, for people and the log.
    pub fn revealed(&self, columns: &[(u32, i16)]) -> Vec<Revealed> {
        let mut revealed = Vec::new();
        for ruled in &self.relations {
            let relation = ruled.protected.relation;
            for (column, ruling) in ruled.protected.columns.iter().zip(&ruled.rulings) {
                if let Some(grant) = ruling.grant()
                    && columns.contains(&(relation.to_u32(), column.number))
                {
                    let name = relation::column_name(relation, column.number).unwrap_or_default();
                    revealed.push(Revealed {
                        grant,
                        column: format!("{}.{name}", relation::qualified_name(relation)),
                        until: ruling.next_change.unwrap_or(i64::MAX),
                    });
                }
            }
        }
        revealed
    }
}

/// A column that a grant reveals.
pub struct Revealed {
    /// The grant.
    pub grant: i64,
    /// schema.relation.column
    pub column: String,
    /// The first instant at which the decision may change: the grant's end, as a rule.
    pub until: i64,
}

/// All columns of a relation, for rows of it.
pub fn fields(relation: Oid) -> Vec<Field> {
    tuple::columns(relation)
        .into_iter()
        .map(|column| Field {
            number: column.number,
            of: (!column.dropped).then_some(ColumnType {
                oid: column.type_oid,
                typmod: column.typmod,
                collation: column.collation,
            }),
            name: column.name,
        })
        .collect()
}
