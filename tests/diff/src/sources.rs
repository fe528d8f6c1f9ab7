//! Views and functions to ask: `sql/code.sql` makes them.

use crate::schema::Ty;

/// A view or a function in FROM: how it is written, and what it gives.
pub struct Source {
    /// As in FROM; `$` stands for a number.
    pub sql: &'static str,
    /// Its columns.
    pub columns: &'static [(&'static str, Ty)],
    /// The column that is unique, if one is.
    pub key: Option<&'static str>,
    /// Its rows are of this table's type.
    pub row: Option<&'static str>,
}

const THREE: [(&str, Ty); 3] = [("id", Ty::Int), ("name", Ty::Text), ("score", Ty::Int)];

/// Views, and functions that give rows.
pub const SOURCES: [Source; 17] = [
    Source {
        sql: "v_people",
        columns: &[
            ("id", Ty::Int),
            ("name", Ty::Text),
            ("score", Ty::Int),
            ("dept", Ty::Int),
            ("word", Ty::Text),
            ("born", Ty::Date),
        ],
        key: Some("id"),
        row: None,
    },
    Source {
        sql: "v_strong",
        columns: &[
            ("id", Ty::Int),
            ("name", Ty::Text),
            ("mail", Ty::Text),
            ("score", Ty::Int),
            ("pay", Ty::Num),
            ("word", Ty::Text),
        ],
        key: Some("id"),
        row: None,
    },
    Source {
        sql: "v_joined",
        columns: &[
            ("id", Ty::Int),
            ("name", Ty::Text),
            ("dname", Ty::Text),
            ("budget", Ty::Num),
            ("word", Ty::Text),
            ("dept", Ty::Int),
        ],
        key: Some("id"),
        row: None,
    },
    Source {
        sql: "v_nested",
        columns: &[("id", Ty::Int), ("name", Ty::Text), ("score", Ty::Int), ("word", Ty::Text)],
        key: None,
        row: None,
    },
    Source {
        sql: "v_groups",
        columns: &[("dept", Ty::Int), ("name", Ty::Text), ("n", Ty::Int), ("score", Ty::Int)],
        key: None,
        row: None,
    },
    Source {
        sql: "v_union",
        columns: &[("id", Ty::Int), ("name", Ty::Text), ("word", Ty::Text)],
        key: None,
        row: None,
    },
    Source {
        sql: "v_rows",
        columns: &[("id", Ty::Int), ("whole", Ty::Row("people")), ("meta", Ty::Json)],
        key: Some("id"),
        row: None,
    },
    Source { sql: "v_secured", columns: &THREE, key: Some("id"), row: None },
    Source {
        sql: "v_checked",
        columns: &[("id", Ty::Int), ("name", Ty::Text), ("score", Ty::Int), ("dept", Ty::Int), ("word", Ty::Text)],
        key: Some("id"),
        row: None,
    },
    Source {
        sql: "v_invoker",
        columns: &[("id", Ty::Int), ("name", Ty::Text), ("score", Ty::Int), ("card", Ty::Text)],
        key: Some("id"),
        row: None,
    },
    Source { sql: "f_people($)", columns: &THREE, key: Some("id"), row: None },
    Source { sql: "f_volatile($)", columns: &THREE, key: Some("id"), row: None },
    Source {
        sql: "f_setof()",
        columns: &[
            ("id", Ty::Int),
            ("name", Ty::Text),
            ("mail", Ty::Text),
            ("dept", Ty::Int),
            ("score", Ty::Int),
            ("note", Ty::Text),
            ("meta", Ty::Json),
            ("low", Ty::Text),
        ],
        key: Some("id"),
        row: Some("people"),
    },
    Source { sql: "f_atomic($)", columns: &THREE, key: Some("id"), row: None },
    Source { sql: "unnest(ARRAY(SELECT p FROM people p))", columns: &THREE, key: Some("id"), row: Some("people") },
    Source { sql: "f_loop($)", columns: &THREE, key: None, row: None },
    Source { sql: "f_whole($)", columns: &THREE, key: Some("id"), row: Some("people") },
];
