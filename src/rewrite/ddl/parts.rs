//! The parts of a table that look at its values: indexes, constraints, statistics, policies, defaults. What each of them
//! looks at, as the catalogs say, the command under way included.

use std::ffi::CStr;

use pgrx::FromDatum;
use pgrx::pg_sys::{self, Oid};

use crate::catalog::protection::Protected;
use crate::pg::depend::{self, Object};
use crate::pg::scan::{self, Key, Row};
use crate::pg::{catalogs, relation, stored};

/// A part of a table.
#[derive(Debug)]
pub struct Part {
    /// The table.
    pub relation: Oid,
    /// The columns it holds or compares; 0 is the whole row.
    pub columns: Vec<i16>,
    /// The expressions it computes, as stored.
    pub expressions: Vec<String>,
    /// It stands for a part of the table's parent, was copied from there by the server, and does what that does.
    pub copied: bool,
}

impl Part {
    fn whole_row(relation: Oid) -> Part {
        Part { relation, columns: vec![0], expressions: Vec::new(), copied: false }
    }

    /// Whether it looks at a protected column. What a sub-select looks at is not told, so it might.
    pub fn looks_at(&self, protected: &Protected) -> bool {
        let hit = |column: &i16| *column == 0 || protected.column(*column).is_some();
        self.columns.iter().any(hit)
            || self.expressions.iter().any(|text| {
                let looks = stored::looks(stored::read(text));
                looks.beyond || looks.columns.iter().any(hit)
            })
    }
}

/// A catalog as it is read here: its OID, an index on what it is asked by, and that column.
struct Catalog(Oid, u32, &'static CStr);

// Indexes are fixed by the server (catalog/pg_*.h); pgrx has no names for most of them.
const CONSTRAINTS: Catalog = Catalog(catalogs::CONSTRAINT, 2667, c"oid");
const TRIGGERS: Catalog = Catalog(pg_sys::TriggerRelationId, 2702, c"oid");
const RULES: Catalog = Catalog(catalogs::REWRITE, 2692, c"oid");
const POLICIES: Catalog = Catalog(catalogs::POLICY, 3257, c"oid");
const STATISTICS: Catalog = Catalog(catalogs::STATISTIC_EXT, 3380, c"oid");
const STATISTICS_OF: Catalog = Catalog(catalogs::STATISTIC_EXT, 3379, c"stxrelid");
const INDEXES: Catalog = Catalog(pg_sys::IndexRelationId, 2679, c"indexrelid");
const INDEXES_OF: Catalog = Catalog(pg_sys::IndexRelationId, 2678, c"indrelid");
const DEFAULTS: Catalog = Catalog(catalogs::ATTRDEF, 2657, c"oid");
const DEFAULTS_OF: Catalog = Catalog(catalogs::ATTRDEF, 2656, c"adrelid");
const PUBLISHED: Catalog = Catalog(catalogs::PUBLICATION_REL, 6112, c"oid");
const PARTITIONED: Catalog = Catalog(catalogs::PARTITIONED, 3351, c"partrelid");
const PARENTS_OF: Catalog = Catalog(catalogs::INHERITS, 2680, c"inhrelid");
const COLUMNS_OF: Catalog = Catalog(pg_sys::AttributeRelationId, 2659, c"attrelid");

/// A row and the names of its columns.
struct Named<'a>(&'a Row, Oid);

impl Named<'_> {
    /// The value in the column of that name, as the type the catalog gives it.
    fn get<T: FromDatum>(&self, name: &CStr) -> Option<T> {
        self.0.get(scan::column_number(self.1, name))
    }
}

impl Catalog {
    fn each(&self, oid: Oid, mut each: impl FnMut(&Named)) {
        let key = Key::Oid(scan::column_number(self.0, self.2), oid);
        scan::rows_just_written(self.0, Some(Oid::from(self.1)), &[key], |row| each(&Named(row, self.0)));
    }

    fn one<T>(&self, oid: Oid, mut read: impl FnMut(&Named) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.each(oid, |row| found = read(row));
        found
    }
}

/// An index.
pub fn index(index: Oid) -> Option<Part> {
    INDEXES.one(index, index_in)
}

/// The indexes of a table.
pub fn indexes_of(table: Oid) -> Vec<Part> {
    let mut parts = Vec::new();
    INDEXES_OF.each(table, |row| parts.extend(index_in(row)));
    parts
}

fn index_in(row: &Named) -> Option<Part> {
    let index: Oid = row.get(c"indexrelid")?;
    // 0 stands for an expression.
    let keys: Vec<i16> = row.get(c"indkey")?;
    Some(Part {
        relation: row.get(c"indrelid")?,
        columns: keys.into_iter().filter(|column| *column != 0).collect(),
        expressions: [row.get(c"indexprs"), row.get(c"indpred")].into_iter().flatten().collect(),
        copied: !parents_by_now(index).is_empty(),
    })
}

/// The index a table was marked to be clustered on.
pub fn clustered(table: Oid) -> Option<Part> {
    let mut part = None;
    INDEXES_OF.each(table, |row| {
        if row.get::<bool>(c"indisclustered") == Some(true) {
            part = index_in(row);
        }
    });
    part
}

/// Extended statistics.
pub fn statistics(statistics: Oid) -> Option<Part> {
    STATISTICS.one(statistics, statistics_in)
}

/// The extended statistics of a table.
pub fn statistics_of(table: Oid) -> Vec<Part> {
    let mut parts = Vec::new();
    STATISTICS_OF.each(table, |row| parts.extend(statistics_in(row)));
    parts
}

fn statistics_in(row: &Named) -> Option<Part> {
    Some(Part {
        relation: row.get(c"stxrelid")?,
        columns: row.get(c"stxkeys").unwrap_or_default(),
        expressions: row.get(c"stxexprs").into_iter().collect(),
        copied: false,
    })
}

/// A constraint: its parts on the relation it is on and, for a foreign key, on the one it references. Empty for a
/// domain's.
pub fn constraint(constraint: Oid) -> Vec<Part> {
    let parts = CONSTRAINTS.one(constraint, |row| {
        if row.get::<i8>(c"contype") == Some(b'n' as i8) {
            // NOT NULL, a constraint by name from 18 on: NULL stays NULL under every mask, so it tells nothing.
            return None;
        }
        let copied = row.get::<Oid>(c"conparentid").is_some_and(|parent| parent != Oid::INVALID);
        let side = |relation: &CStr, columns: &CStr| {
            row.get::<Oid>(relation).filter(|relation| *relation != Oid::INVALID).map(|relation| Part {
                relation,
                columns: row.get(columns).unwrap_or_default(),
                expressions: Vec::new(),
                copied,
            })
        };
        let mut on = side(c"conrelid", c"conkey");
        if let Some(on) = &mut on {
            on.expressions.extend(row.get::<String>(c"conbin"));
        }
        Some(on.into_iter().chain(side(c"confrelid", c"confkey")).collect())
    });
    parts.unwrap_or_default()
}

/// The domain a constraint is a condition of.
pub fn domain_of(constraint: Oid) -> Option<Oid> {
    CONSTRAINTS.one(constraint, |row| row.get::<Oid>(c"contypid")).filter(|domain| *domain != Oid::INVALID)
}

/// A trigger: it is handed whole rows, but for those the server makes for constraints.
pub fn trigger(trigger: Oid) -> Option<Part> {
    TRIGGERS.one(trigger, |row| {
        let copied = row.get::<Oid>(c"tgparentid").is_some_and(|parent| parent != Oid::INVALID);
        let servers = row.get::<bool>(c"tgisinternal").unwrap_or(false);
        Some(Part { copied: copied || servers, ..Part::whole_row(row.get(c"tgrelid")?) })
    })
}

/// A rule: it is handed whole rows.
pub fn rule(rule: Oid) -> Option<Part> {
    RULES.one(rule, |row| Some(Part::whole_row(row.get(c"ev_class")?)))
}

/// A policy of row security.
pub fn policy(policy: Oid) -> Option<Part> {
    POLICIES.one(policy, |row| {
        Some(Part {
            relation: row.get(c"polrelid")?,
            columns: Vec::new(),
            expressions: [row.get(c"polqual"), row.get(c"polwithcheck")].into_iter().flatten().collect(),
            copied: false,
        })
    })
}

/// The default of a column, or what it is generated from.
pub fn default_of(table: Oid, column: i16) -> Option<Part> {
    let mut part = None;
    DEFAULTS_OF.each(table, |row| {
        if row.get::<i16>(c"adnum") == Some(column) {
            part = default_in(row);
        }
    });
    part
}

fn default_in(row: &Named) -> Option<Part> {
    let expressions = vec![row.get(c"adbin")?];
    Some(Part { relation: row.get(c"adrelid")?, columns: Vec::new(), expressions, copied: false })
}

/// The relation that was put into a publication.
pub fn published(entry: Oid) -> Option<Oid> {
    PUBLISHED.one(entry, |row| row.get(c"prrelid"))
}

/// The relations in a publication.
pub fn published_by(publication: Oid) -> Vec<Oid> {
    let mut relations = Vec::new();
    let key = Key::Oid(scan::column_number(catalogs::PUBLICATION_REL, c"prpubid"), publication);
    // CREATE PUBLICATION is rare, and newer majors have other indexes: the catalog is read whole.
    scan::rows_just_written(catalogs::PUBLICATION_REL, None, &[key], |row| {
        relations.extend(Named(row, catalogs::PUBLICATION_REL).get::<Oid>(c"prrelid"));
    });
    relations
}

/// What decides about the partition a row belongs to.
pub fn partition_key(table: Oid) -> Option<Part> {
    PARTITIONED.one(table, |row| {
        let keys: Vec<i16> = row.get(c"partattrs")?;
        Some(Part {
            relation: table,
            columns: keys.into_iter().filter(|column| *column != 0).collect(),
            expressions: row.get(c"partexprs").into_iter().collect(),
            copied: false,
        })
    })
}

/// The direct parents of a relation, or of an index, the command under way included.
pub fn parents_by_now(relation: Oid) -> Vec<Oid> {
    let mut parents = Vec::new();
    PARENTS_OF.each(relation, |row| parents.extend(row.get::<Oid>(c"inhparent")));
    parents
}

/// Whether a column is defined by the table itself, whatever parents define besides.
pub fn is_local(table: Oid, column: i16) -> bool {
    let mut local = false;
    COLUMNS_OF.each(table, |row| {
        if row.get::<i16>(c"attnum") == Some(column) {
            local = row.get::<bool>(c"attislocal").unwrap_or(true);
        }
    });
    local
}

/// The name of a column that may have been made just now.
pub fn column_name(table: Oid, column: i16) -> Option<String> {
    let mut name = None;
    COLUMNS_OF.each(table, |row| {
        if row.get::<i16>(c"attnum") == Some(column) {
            name = row.get::<&CStr>(c"attname").map(|name| name.to_string_lossy().into_owned());
        }
    });
    name
}

/// The relation that something is a part of.
pub fn relation_of(object: Object) -> Option<Oid> {
    if object.class == pg_sys::RelationRelationId {
        return Some(relation::index_table(object.oid).unwrap_or(object.oid));
    }
    read(object).map(|part| part.relation)
}

/// What a part looks at; `None` for what is none, or can't be told.
pub fn read(object: Object) -> Option<Part> {
    match object.class {
        pg_sys::RelationRelationId => index(object.oid),
        catalogs::CONSTRAINT => constraint(object.oid).into_iter().next(),
        pg_sys::TriggerRelationId => trigger(object.oid),
        catalogs::REWRITE => rule(object.oid),
        catalogs::POLICY => policy(object.oid),
        catalogs::STATISTIC_EXT => statistics(object.oid),
        catalogs::ATTRDEF => DEFAULTS.one(object.oid, default_in),
        _ => None,
    }
}

/// What stands behind a part of an operator class, and behind a condition of a domain: the way on to what uses it.
pub fn behind(object: Object) -> Vec<(Oid, Oid)> {
    match object.class {
        pg_sys::AccessMethodProcedureRelationId | pg_sys::AccessMethodOperatorRelationId => {
            depend::referenced(object.class, object.oid).into_iter().map(|on| (on.class, on.oid)).collect()
        }
        catalogs::CONSTRAINT => {
            domain_of(object.oid).into_iter().map(|domain| (pg_sys::TypeRelationId, domain)).collect()
        }
        _ => Vec::new(),
    }
}
