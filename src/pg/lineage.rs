//! Where the columns of a view or materialized view come from: which stored columns they pass on, and which are read.

use std::collections::HashMap;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys::{self, CommonTableExpr, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry, Var};

use super::mentions::{self, Around};
use super::passing::passed_on;
use super::{compat, relation, tree};

/// A column of a relation that stores rows. Number 0 is the whole row.
pub type Stored = (Oid, i16);

/// Whether what is read, perhaps a whole row, is or holds the column.
pub fn holds(read: Stored, column: Stored) -> bool {
    read == column || (read.1 == 0 && read.0 == column.0)
}

/// What one column of a view is made of.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Stored columns whose values it may show as they are.
    pub passed: Vec<Stored>,
    /// Stored columns it is computed from.
    pub read: Vec<Stored>,
}

/// What a view is made of.
#[derive(Debug, Default)]
pub struct Lineage {
    /// Of each column, in order.
    pub columns: Vec<Origin>,
    /// Stored columns that conditions, joins, groups and orders read.
    pub conditions: Vec<Stored>,
}

impl Lineage {
    /// Whether a relation is read in it anywhere.
    pub fn mentions(&self, relation: Oid) -> bool {
        let columns = self.columns.iter().flat_map(|column| column.passed.iter().chain(&column.read));
        columns.chain(&self.conditions).any(|(read, _)| *read == relation)
    }
}

/// Reads lineages. Remembers what it has read; for one look around, not for longer.
#[derive(Default)]
pub struct Reader {
    known: HashMap<Oid, Rc<Lineage>>,
    /// Under way, so that what refers to itself (a recursive CTE) comes to an end.
    reading: Vec<(usize, i16)>,
}

impl Reader {
    /// The lineage of a view or materialized view; empty for a relation that has no query.
    pub fn of(&mut self, view: Oid) -> Rc<Lineage> {
        if let Some(known) = self.known.get(&view) {
            return known.clone();
        }
        // Whatever comes back to this view while it is being read finds nothing.
        self.known.insert(view, Rc::default());
        let lineage = Rc::new(query_of(view).map_or_else(Lineage::default, |query| self.read(view, query)));
        self.known.insert(view, lineage.clone());
        lineage
    }

    fn read(&mut self, view: Oid, query: *mut Query) -> Lineage {
        let around = vec![query];
        // SAFETY: a copy of the stored query, valid in the current memory context.
        let count = unsafe {
            tree::iter::<pg_sys::TargetEntry>((*query).targetList).filter(|entry| !(**entry).resjunk).count()
        };
        let count = i16::try_from(count).unwrap_or(i16::MAX);
        let columns = (1..=count).map(|number| self.target(&around, number).tidy()).collect();
        // SAFETY: as above.
        let seen = unsafe { mentions::beside_targets(query) };
        let mut conditions = Vec::new();
        for (var, around) in seen.vars {
            let origin = self.var(var, &around);
            conditions.extend(origin.passed.into_iter().chain(origin.read));
        }
        for entry in seen.relations {
            if entry != view && is_view(entry) {
                conditions.extend_from_slice(&self.of(entry).conditions);
            }
        }
        Lineage { columns, conditions: tidied(conditions) }
    }

    /// What column `number` of the innermost query is made of.
    fn target(&mut self, around: &Around, number: i16) -> Origin {
        let Some(query) = around.last().copied() else { return Origin::default() };
        let place = (query as usize, number);
        if self.reading.contains(&place) {
            return Origin::default();
        }
        self.reading.push(place);
        // SAFETY: a valid query, as are its parts.
        let origin = unsafe {
            if (*query).setOperations.is_null() {
                tree::iter::<pg_sys::TargetEntry>((*query).targetList)
                    .find(|entry| (**entry).resno == number && !(**entry).resjunk)
                    .map_or_else(Origin::default, |entry| self.expression((*entry).expr.cast(), around))
            } else {
                let mut origin = Origin::default();
                for leaf in leaves((*query).setOperations) {
                    origin.add(self.entry(leaf, number, around));
                }
                origin
            }
        };
        self.reading.pop();
        origin
    }

    /// What an expression is made of.
    ///
    /// Safe to call only with nodes of the queries in `around`.
    fn expression(&mut self, expression: *mut Node, around: &Around) -> Origin {
        // SAFETY: a valid expression; nodes are checked by tag before they are cast.
        unsafe {
            if let Some(parts) = passed_on(expression) {
                let mut origin = Origin::default();
                for part in parts {
                    origin.add(self.expression(part, around));
                }
                return origin;
            }
            match tree::tag(expression) {
                NodeTag::T_Var => return self.var(expression.cast(), around),
                NodeTag::T_SubLink => {
                    let link = expression.cast::<pg_sys::SubLink>();
                    if (*link).subLinkType == pg_sys::SubLinkType::EXPR_SUBLINK {
                        let mut inner = around.clone();
                        inner.push((*link).subselect.cast());
                        return self.target(&inner, 1);
                    }
                }
                _ => {}
            }
        }
        self.all_read(&[expression], around)
    }

    fn var(&mut self, var: *mut Var, around: &Around) -> Origin {
        // SAFETY: a Var of one of the queries around it.
        unsafe {
            let up = usize::try_from((*var).varlevelsup).unwrap_or(usize::MAX);
            let Some(level) = around.len().checked_sub(up).filter(|level| *level > 0) else {
                return Origin::default();
            };
            let outer: Around = around.iter().take(level).copied().collect();
            let Some(place) = usize::try_from((*var).varno).ok().and_then(|number| number.checked_sub(1)) else {
                return Origin::default();
            };
            let Some(query) = outer.last().copied() else { return Origin::default() };
            let entry = tree::nth::<RangeTblEntry>((*query).rtable, place);
            if entry.is_null() { Origin::default() } else { self.column(entry, (*var).varattno, &outer) }
        }
    }

    /// What column `number` of the range table entry at place `index` (from 1) is made of.
    fn entry(&mut self, index: i32, number: i16, around: &Around) -> Origin {
        let Some(query) = around.last().copied() else { return Origin::default() };
        // SAFETY: a valid query.
        unsafe {
            let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
            let entry: *mut RangeTblEntry =
                place.map_or(std::ptr::null_mut(), |place| tree::nth((*query).rtable, place));
            if entry.is_null() { Origin::default() } else { self.column(entry, number, around) }
        }
    }

    /// What a column of an entry is made of; `around` ends with the query that has the entry.
    fn column(&mut self, entry: *mut RangeTblEntry, number: i16, around: &Around) -> Origin {
        // SAFETY: a valid entry; which fields are set depends on its kind.
        unsafe {
            match (*entry).rtekind {
                RTEKind::RTE_RELATION => self.of_relation((*entry).relid, number),
                RTEKind::RTE_SUBQUERY => {
                    let mut inner = around.clone();
                    inner.push((*entry).subquery);
                    self.of_query(&inner, number)
                }
                RTEKind::RTE_JOIN => {
                    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                    match place {
                        Some(place) => match tree::nth::<Node>((*entry).joinaliasvars, place) {
                            merged if merged.is_null() => Origin::default(),
                            merged => self.expression(merged, around),
                        },
                        // A whole row of a join.
                        None => {
                            let columns: Vec<*mut Node> = tree::iter((*entry).joinaliasvars).collect();
                            let mut all = Origin::default();
                            for column in columns.into_iter().filter(|column| !column.is_null()) {
                                all.add(self.expression(column, around));
                            }
                            all
                        }
                    }
                }
                RTEKind::RTE_CTE => match common(entry, around) {
                    Some(inner) => self.of_query(&inner, number),
                    None => Origin::default(),
                },
                _ => {
                    if let Some(grouped) = compat::group_expression(entry, number) {
                        return self.expression(grouped, around);
                    }
                    // Functions, VALUES, XMLTABLE: made from what they are given.
                    let given = [(*entry).functions.cast(), (*entry).values_lists.cast(), (*entry).tablefunc.cast()];
                    self.all_read(&given, around)
                }
            }
        }
    }

    /// A column of a sub-query; a whole row is all of them.
    fn of_query(&mut self, around: &Around, number: i16) -> Origin {
        if number != 0 {
            return self.target(around, number);
        }
        let Some(query) = around.last().copied() else { return Origin::default() };
        // SAFETY: a valid query.
        let count = unsafe { i16::try_from(tree::len((*query).targetList)).unwrap_or(i16::MAX) };
        let mut origin = Origin::default();
        for number in 1..=count {
            origin.add(self.target(around, number));
        }
        origin
    }

    fn of_relation(&mut self, relation: Oid, number: i16) -> Origin {
        if number < 0 {
            return Origin::default();
        }
        if !is_view(relation) {
            return Origin { passed: vec![(relation, number)], read: Vec::new() };
        }
        let view = self.of(relation);
        match usize::try_from(number).ok().and_then(|number| number.checked_sub(1)) {
            Some(place) => view.columns.get(place).cloned().unwrap_or_default(),
            None => {
                let mut all = Origin::default();
                view.columns.iter().cloned().for_each(|column| all.add(column));
                all
            }
        }
    }

    fn all_read(&mut self, nodes: &[*mut Node], around: &Around) -> Origin {
        let mut origin = Origin::default();
        for node in nodes.iter().filter(|node| !node.is_null()) {
            // SAFETY: as in expression().
            let seen = unsafe { mentions::all(*node, around) };
            for (var, around) in seen.vars {
                let inner = self.var(var, &around);
                origin.read.extend(inner.passed.into_iter().chain(inner.read));
            }
        }
        origin
    }
}

impl Origin {
    fn add(&mut self, other: Origin) {
        self.passed.extend(other.passed);
        self.read.extend(other.read);
    }

    fn tidy(self) -> Origin {
        Origin { passed: tidied(self.passed), read: tidied(self.read) }
    }
}

fn tidied(mut columns: Vec<Stored>) -> Vec<Stored> {
    columns.sort_unstable_by_key(|(relation, number)| (relation.to_u32(), *number));
    columns.dedup();
    columns
}

fn is_view(relation: Oid) -> bool {
    relation::kind(relation) == b'v'
}

/// A copy of the query behind a view or materialized view.
fn query_of(view: Oid) -> Option<*mut Query> {
    if !matches!(relation::kind(view), b'v' | b'm') {
        return None;
    }
    // SAFETY: the relcache entry is held while its query is copied; a relation of these kinds has its one SELECT rule.
    unsafe {
        let opened = pg_sys::RelationIdGetRelation(view);
        if opened.is_null() {
            return None;
        }
        let query = if (*opened).rd_rules.is_null() {
            None
        } else {
            Some(pg_sys::copyObjectImpl(pg_sys::get_view_query(opened).cast_const().cast()).cast())
        };
        pg_sys::RelationClose(opened);
        query
    }
}

/// The places of a set operation's arms in the range table.
unsafe fn leaves(node: *mut Node) -> Vec<i32> {
    // SAFETY: a tree of SetOperationStmt with RangeTblRef leaves.
    unsafe {
        match tree::tag(node) {
            NodeTag::T_RangeTblRef => vec![(*node.cast::<pg_sys::RangeTblRef>()).rtindex],
            NodeTag::T_SetOperationStmt => {
                let operation = node.cast::<pg_sys::SetOperationStmt>();
                let mut all = leaves((*operation).larg);
                all.extend(leaves((*operation).rarg));
                all
            }
            _ => Vec::new(),
        }
    }
}

/// The query of the CTE an entry refers to, with what is around it.
unsafe fn common(entry: *mut RangeTblEntry, around: &Around) -> Option<Around> {
    // SAFETY: a CTE entry of the innermost query.
    unsafe {
        let up = usize::try_from((*entry).ctelevelsup).ok()?;
        let mut outer: Around = around.iter().take(around.len().checked_sub(up)?).copied().collect();
        let query = outer.last().copied()?;
        let name = CStr::from_ptr((*entry).ctename);
        let found =
            tree::iter::<CommonTableExpr>((*query).cteList).find(|cte| CStr::from_ptr((**cte).ctename) == name)?;
        if tree::tag((*found).ctequery) != NodeTag::T_Query {
            return None;
        }
        outer.push((*found).ctequery.cast());
        Some(outer)
    }
}
