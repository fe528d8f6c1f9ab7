//! What kind of relation is this to the engine, and which of its columns are protected?
//!
//! Asked for every relation of every statement, so the answer is remembered per relation. A protected column is one
//! with a label of ours, or one whose counterpart in a table it inherits from (or is a partition of) has one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use jitmask_core::model::label::Label;
use pgrx::pg_sys::Oid;

use super::extension::Installed;
use super::labels::PROVIDER;
use crate::pg::function::FIRST_NORMAL;
use crate::pg::local::Local;
use crate::pg::relation::{self, ColumnType};
use crate::pg::{generated, seclabel};

/// A label that protects a column: its own or an ancestor's.
pub struct Protector {
    /// The relation that carries the label.
    pub relation: Oid,
    /// The column there. Grants name this one.
    pub column: i16,
    /// What the label says; `None` if it can't be read, which masks with NULL.
    pub label: Option<Label>,
}

/// A protected column.
pub struct ProtectedColumn {
    /// Its number.
    pub number: i16,
    /// What its values are.
    pub of: ColumnType,
    /// The labels that protect it, its own first.
    pub protectors: Vec<Protector>,
}

/// A relation with protected columns.
pub struct Protected {
    /// The relation.
    pub relation: Oid,
    /// Its protected columns.
    pub columns: Vec<ProtectedColumn>,
}

/// What a relation is to the engine.
#[derive(Clone)]
pub enum Class {
    /// Nothing to do with us.
    Plain,
    /// One of jitmask's own.
    Own,
    /// A catalog that holds values taken from tables: pg_statistic and its like.
    Statistics,
    /// A TOAST relation: pieces of values of some table.
    Toast,
    /// It has protected columns.
    Protected(Rc<Protected>),
}

// Fixed by the server (catalog/pg_statistic*.h); pgrx has no names for most of them.
const PG_STATISTIC: u32 = 2619;
const PG_STATISTIC_TOAST: u32 = 2840;
const PG_STATISTIC_EXT_DATA: u32 = 3429;
const PG_STATISTIC_EXT_DATA_TOAST: u32 = 3430;

struct Entry {
    class: Class,
    ancestors: Vec<Oid>,
}

/// OIDs are numbers that the server deals out one after the other, and nobody chooses them: a multiplication spreads
/// them well enough.
#[derive(Default)]
struct OidHasher(u64);

impl Hasher for OidHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        // 2^64 / golden ratio: consecutive numbers land far apart, in the upper bits too, which the map looks at first.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

static EPOCH: Local<Cell<u64>> = Local::new(Cell::new(0));
static KNOWN: Local<RefCell<HashMap<Oid, Entry, BuildHasherDefault<OidHasher>>>> =
    Local::new(RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())));

const SLOTS: usize = 128;

/// The plain relations that were asked about last, each in the slot its number gives it: what most statements need.
static PLAIN: Local<[Cell<u32>; SLOTS]> = Local::new([const { Cell::new(0) }; SLOTS]);

/// A relation has changed (0: any may have). Called from invalidation callbacks: drops what is known, no more.
pub fn forget(changed: Oid) {
    EPOCH.set(EPOCH.get().wrapping_add(1));
    PLAIN.iter().for_each(|slot| slot.set(0));
    // Never borrowed across a call into the server, where callbacks run; so this can't fail.
    if let Ok(mut known) = KNOWN.try_borrow_mut() {
        if changed == Oid::INVALID {
            known.clear();
        } else {
            known.retain(|relation, entry| *relation != changed && !entry.ancestors.contains(&changed));
        }
    }
}

/// Whether the relation is known to have nothing to do with us, without looking anything up: a "no" may mean that nobody
/// has asked yet. Can neither raise nor panic.
#[inline]
pub fn is_known_plain(relation: Oid) -> bool {
    if relation.to_u32() < FIRST_NORMAL {
        return matches!(catalog_class(relation.to_u32()), Class::Plain);
    }
    let Some(slot) = PLAIN.get(relation.to_u32() as usize % SLOTS) else { return false };
    if slot.get() == relation.to_u32() {
        return true;
    }
    let plain = KNOWN
        .try_borrow()
        .is_ok_and(|known| known.get(&relation).is_some_and(|entry| matches!(entry.class, Class::Plain)));
    if plain {
        slot.set(relation.to_u32());
    }
    plain
}

/// What the relation is.
pub fn class(installed: &Installed, relation: Oid) -> Class {
    if relation.to_u32() < FIRST_NORMAL {
        return catalog_class(relation.to_u32());
    }
    let known = KNOWN.borrow().get(&relation).map(|entry| entry.class.clone());
    if let Some(class) = known {
        return class;
    }
    let before = EPOCH.get();
    let entry = look_up(installed, relation);
    let class = entry.class.clone();
    // What changed while it was being looked up found nothing to forget: such an answer is used once and not kept.
    if EPOCH.get() == before {
        KNOWN.borrow_mut().insert(relation, entry);
    }
    class
}

/// By number alone: the server's catalogs keep theirs, and so do their TOAST tables, also when they are rewritten. Of
/// these, only those of the statistics (most common values that are long) hold anything taken from tables.
fn catalog_class(relation: u32) -> Class {
    match relation {
        PG_STATISTIC | PG_STATISTIC_EXT_DATA => Class::Statistics,
        PG_STATISTIC_TOAST | PG_STATISTIC_EXT_DATA_TOAST => Class::Toast,
        _ => Class::Plain,
    }
}

fn look_up(installed: &Installed, relation: Oid) -> Entry {
    let plain = |class| Entry { class, ancestors: Vec::new() };
    if installed.owns(relation) {
        return plain(Class::Own);
    }
    match relation::kind(relation) {
        b't' => return plain(Class::Toast),
        b'r' | b'p' | b'f' | b'm' => {}
        _ => return plain(Class::Plain),
    }
    let mut ancestors = Vec::new();
    let mut columns: Vec<ProtectedColumn> = Vec::new();
    collect(relation, relation, &mut ancestors, &mut columns);
    if !columns.is_empty() {
        add_generated(relation, &mut columns);
    }
    let class =
        if columns.is_empty() { Class::Plain } else { Class::Protected(Rc::new(Protected { relation, columns })) };
    Entry { class, ancestors }
}

/// Adds what `holder` (the relation itself, then its ancestors) protects of `relation`'s columns.
fn collect(relation: Oid, holder: Oid, ancestors: &mut Vec<Oid>, columns: &mut Vec<ProtectedColumn>) {
    for (column, text) in seclabel::of_columns(holder, PROVIDER) {
        let number = if holder == relation {
            Some(column)
        } else {
            // Inheritance goes by name.
            relation::column_name(holder, column).and_then(|name| relation::column_number(relation, &name))
        };
        let Some(number) = number else { continue };
        let protector = Protector { relation: holder, column, label: Label::parse(&text).ok() };
        match columns.iter_mut().find(|known| known.number == number) {
            Some(known) => known.protectors.push(protector),
            None => columns.push(ProtectedColumn {
                number,
                of: relation::column_type(relation, number),
                protectors: vec![protector],
            }),
        }
    }
    for parent in relation::parents(holder) {
        if !ancestors.contains(&parent) {
            ancestors.push(parent);
            collect(relation, parent, ancestors, columns);
        }
    }
}

/// A column computed from a protected one tells what that holds: it is protected as well. A plain copy is masked as its
/// source is; anything else has no mask that fits, and is NULL where the source is masked. Who may see the source may
/// see both.
fn add_generated(relation: Oid, columns: &mut Vec<ProtectedColumn>) {
    for generated in generated::of(relation) {
        let whole_row = generated.sources.contains(&0);
        let protectors: Vec<Protector> = columns
            .iter()
            .filter(|column| whole_row || generated.sources.contains(&column.number))
            .flat_map(|column| &column.protectors)
            .map(|by| Protector {
                relation: by.relation,
                column: by.column,
                label: if generated.copy { by.label.clone() } else { None },
            })
            .collect();
        if protectors.is_empty() {
            continue;
        }
        match columns.iter_mut().find(|known| known.number == generated.number) {
            // Its own label says how it is masked; its sources still say when.
            Some(known) => known.protectors.extend(protectors),
            None => columns.push(ProtectedColumn {
                number: generated.number,
                of: relation::column_type(relation, generated.number),
                protectors,
            }),
        }
    }
}

impl Protected {
    /// The protected column of that number.
    pub fn column(&self, number: i16) -> Option<&ProtectedColumn> {
        self.columns.iter().find(|column| column.number == number)
    }
}
