//! What can be named at a place.

use std::rc::Rc;

use crate::schema::{Table, Ty};

/// Something that can stand as an expression.
#[derive(Clone)]
pub struct Leaf {
    /// As it is written.
    pub sql: String,
    /// Its type.
    pub ty: Ty,
    /// A column, which a sub-query may name too even where rows are grouped.
    pub simple: bool,
    /// The alias and column, where the row can be named and any other way of writing it does.
    pub field: Option<(String, String)>,
}

/// Something in FROM.
#[derive(Clone)]
pub struct Item {
    /// Its alias.
    pub alias: String,
    /// Its columns.
    pub columns: Vec<(String, Ty)>,
    /// Its rows are of this table's type.
    pub row: Option<&'static str>,
    /// Its rows can be named as a whole.
    pub whole: bool,
    /// The columns by which its rows differ.
    pub key: Option<String>,
    /// The table it is.
    pub table: Option<&'static Table>,
    /// No outer join fills its rows with NULLs.
    pub inner: bool,
}

/// One query level.
#[derive(Clone, Default)]
pub struct Level {
    /// What can be named.
    pub leaves: Vec<Leaf>,
    /// Aliases whose rows can be named.
    pub rows: Vec<String>,
    /// Expressions by which the rows of this level differ, where there are such.
    pub key: Option<Vec<String>>,
    /// Where rows are grouped: what can be named in an aggregate.
    pub ungrouped: Option<Rc<Level>>,
}

/// Query levels, the innermost last.
pub type Scope = Vec<Rc<Level>>;

impl Level {
    /// The level of a FROM clause.
    pub fn of(items: &[Item]) -> Level {
        let mut level = Level { key: Some(Vec::new()), ..Level::default() };
        for item in items {
            for (column, ty) in &item.columns {
                level.leaves.push(Leaf {
                    sql: format!("{}.{column}", item.alias),
                    ty: *ty,
                    simple: true,
                    field: item.whole.then(|| (item.alias.clone(), column.clone())),
                });
            }
            if item.whole {
                level.rows.push(item.alias.clone());
            }
            if let Some(row) = item.row.filter(|_| item.whole) {
                level.leaves.push(Leaf { sql: item.alias.clone(), ty: Ty::Row(row), simple: false, field: None });
            }
            match (&mut level.key, &item.key) {
                (Some(keys), Some(key)) => keys.push(format!("{}.{key}", item.alias)),
                (keys, _) => *keys = None,
            }
        }
        level
    }
}

/// This scope with one more level in it.
pub fn within(outer: &Scope, level: Level) -> Scope {
    let mut scope = outer.clone();
    scope.push(Rc::new(level));
    scope
}
