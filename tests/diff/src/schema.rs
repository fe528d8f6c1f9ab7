//! What there is to ask about: tables, their columns, and the masks of those that are protected.
//!
//! What must hold: this agrees with `sql/*.sql`; the self-tests compare.

/// What an expression gives, as far as the generator tells types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// int, and what is taken for one
    Int,
    /// text, and what is taken for one
    Text,
    /// boolean
    Bool,
    /// numeric
    Num,
    /// date
    Date,
    /// timestamp
    Stamp,
    /// jsonb
    Json,
    /// text[]
    Texts,
    /// int[]
    Ints,
    /// a type of which only the name is known
    Other(&'static str),
    /// a row of a table
    Row(&'static str),
}

impl Ty {
    /// Its name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Ty::Int => "int",
            Ty::Text => "text",
            Ty::Bool => "boolean",
            Ty::Num => "numeric(14,2)",
            Ty::Date => "date",
            Ty::Stamp => "timestamp",
            Ty::Json => "jsonb",
            Ty::Texts => "text[]",
            Ty::Ints => "int[]",
            Ty::Other(name) | Ty::Row(name) => name,
        }
    }
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Ty,
    /// Its mask, if it is protected; generated columns say what their source's mask makes of them.
    pub mask: Option<&'static str>,
    /// Generated: gets no policy of its own and can't be written.
    pub generated: bool,
}

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// The column that is unique, if one is.
    pub key: Option<&'static str>,
    /// The key is a declared primary key, so that grouping by it is grouping by all columns.
    pub primary: bool,
    /// May be read with ONLY, sampled, or asked for its system columns: its twin is of the same kind.
    pub same_kind: bool,
    /// Reading whole rows is allowed.
    pub whole: bool,
    /// Its policies are attached to a parent.
    pub child: bool,
    /// Holds nothing protected.
    pub open: bool,
}

const fn open(name: &'static str, ty: Ty) -> Column {
    Column { name, ty, mask: None, generated: false }
}
const fn masked(name: &'static str, ty: Ty, mask: &'static str) -> Column {
    Column { name, ty, mask: Some(mask), generated: false }
}
const fn generated(name: &'static str, ty: Ty, mask: &'static str) -> Column {
    Column { name, ty, mask: Some(mask), generated: true }
}
const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, key: Some("id"), primary: true, same_kind: true, whole: true, child: false, open: false }
}

const CARD: &str = "mask_partial(value, 2, 0)";
const AMOUNT: &str = "value % 10";
const CHIP: &str = "mask_hash(value)";

const ORDERS: [Column; 7] = [
    open("id", Ty::Int),
    open("region", Ty::Text),
    open("dept", Ty::Int),
    open("person", Ty::Int),
    masked("card", Ty::Text, CARD),
    masked("amount", Ty::Num, AMOUNT),
    masked("placed", Ty::Other("timestamptz"), "mask_default(value)"),
];

/// All tables.
pub const TABLES: [Table; 17] = [
    table(
        "people",
        &[
            open("id", Ty::Int),
            masked("name", Ty::Text, "mask_partial(value, 0, 2)"),
            masked("mail", Ty::Text, "mask_email(value)"),
            open("dept", Ty::Int),
            masked("born", Ty::Date, "date '1990-01-01' + (value - date '2000-01-01') % 10"),
            masked("pay", Ty::Num, "value % 7"),
            masked("score", Ty::Int, "value % 10"),
            masked("note", Ty::Text, "mask_default(value)"),
            masked("code", Ty::Text, "mask_constant(value, 'KODE')"),
            masked("tags", Ty::Texts, "mask_null(value)"),
            masked("meta", Ty::Json, "mask_default(value)"),
            masked("home", Ty::Other("addr"), "mask_null(value)"),
            open("active", Ty::Bool),
            open("word", Ty::Text),
            generated("same", Ty::Text, "mask_partial(value, 0, 2)"),
            generated("low", Ty::Text, "mask_null(value)"),
        ],
    ),
    Table {
        open: true,
        ..table(
            "words",
            &[
                open("id", Ty::Int),
                open("word", Ty::Text),
                open("n", Ty::Int),
                open("day", Ty::Date),
                open("note", Ty::Text),
            ],
        )
    },
    table(
        "dept",
        &[
            open("id", Ty::Int),
            open("dname", Ty::Text),
            masked("budget", Ty::Num, "CASE WHEN value % 2000 < 1000 THEN 1 ELSE 0 END"),
            open("boss", Ty::Int),
            masked("since", Ty::Date, "mask_default(value)"),
        ],
    ),
    Table { primary: false, ..table("orders", &ORDERS) },
    table(
        "animal",
        &[
            open("id", Ty::Int),
            open("kind", Ty::Text),
            masked("chip", Ty::Text, CHIP),
            open("owner", Ty::Int),
            open("weight", Ty::Num),
        ],
    ),
    table(
        "secured",
        &[
            open("id", Ty::Int),
            open("team", Ty::Int),
            masked("val", Ty::Text, "mask_partial(value, 0, 1)"),
            masked("lvl", Ty::Int, "value % 4"),
        ],
    ),
    Table {
        key: None,
        primary: false,
        ..table(
            "misc",
            &[
                open("k", Ty::Int),
                masked("uid", Ty::Other("uuid"), "mask_default(value)"),
                masked("ip", Ty::Other("inet"), "mask_default(value)"),
                masked("bin", Ty::Other("bytea"), "mask_default(value)"),
                masked("flag", Ty::Bool, "mask_default(value)"),
                masked("big", Ty::Int, "value % 5"),
                masked("at", Ty::Stamp, "timestamp '2001-01-01 00:00' + (value - date_trunc('month', value))"),
                masked("ips", Ty::Ints, "mask_null(value)"),
                masked("feel", Ty::Other("mood"), "mask_null(value)"),
                masked("day", Ty::Date, "date '1999-12-31' + (value - date '2000-01-01') % 3"),
                masked("bits", Ty::Text, "mask_partial(value, 0, 1)"),
                masked("nick", Ty::Text, "mask_partial(value, 0, 1)"),
                masked("small", Ty::Int, "value % 5"),
                masked("cash", Ty::Num, "value % 7"),
                masked("paid", Ty::Bool, "value = false"),
            ],
        )
    },
    Table {
        key: Some("k"),
        primary: false,
        same_kind: false,
        ..table(
            "vault",
            &[
                open("k", Ty::Int),
                masked("pin", Ty::Int, "value % 4"),
                masked("label", Ty::Text, "mask_default(value)"),
                open("word", Ty::Text),
            ],
        )
    },
    Table { primary: false, child: true, ..table("orders_n", &ORDERS) },
    Table { primary: false, child: true, ..table("orders_s", &ORDERS) },
    Table {
        primary: false,
        child: true,
        ..table(
            "orders_d",
            &[
                masked("amount", Ty::Num, AMOUNT),
                masked("card", Ty::Text, CARD),
                masked("placed", Ty::Other("timestamptz"), "mask_default(value)"),
                open("person", Ty::Int),
                open("dept", Ty::Int),
                open("region", Ty::Text),
                open("id", Ty::Int),
            ],
        )
    },
    Table {
        child: true,
        ..table(
            "dog",
            &[
                open("id", Ty::Int),
                open("kind", Ty::Text),
                masked("chip", Ty::Text, CHIP),
                open("owner", Ty::Int),
                open("weight", Ty::Num),
                open("barks", Ty::Bool),
                masked("secret", Ty::Text, "mask_constant(value, 'S')"),
            ],
        )
    },
    Table {
        child: true,
        ..table(
            "cat",
            &[
                open("lives", Ty::Int),
                masked("chip", Ty::Text, CHIP),
                open("weight", Ty::Num),
                open("kind", Ty::Text),
                open("owner", Ty::Int),
                open("id", Ty::Int),
            ],
        )
    },
    Table {
        open: true,
        key: None,
        primary: false,
        ..table("pairs", &[open("a", Ty::Int), open("b", Ty::Int), open("name", Ty::Text), open("score", Ty::Int)])
    },
    Table {
        whole: false,
        ..table("narrow", &[open("id", Ty::Int), masked("sec", Ty::Text, "mask_default(value)"), open("n", Ty::Int)])
    },
    Table { primary: false, child: true, ..table("orders_s2", &ORDERS) },
    table("notes", &[open("id", Ty::Int), open("person", Ty::Int), masked("note", Ty::Text, "mask_default(value)")]),
];

/// Values that a mask leaves as they are: to be stored where the two sides are to agree on what is read back.
pub fn fixpoints(mask: &str, column: &str) -> &'static [&'static str] {
    match (mask, column) {
        ("mask_partial(value, 0, 2)", _) => &["'*********ab'", "'********zz'", "'***'"],
        (CARD, _) => &["'10******'", "'12*******'"],
        ("mask_partial(value, 0, 1)", _) => &["'*****1'", "'***x'"],
        ("mask_email(value)", _) => &["'***'"],
        ("mask_default(value)", "note" | "label" | "sec") => &["'XXXX'"],
        ("mask_default(value)", "since") => &["'1970-01-01'"],
        ("mask_default(value)", "placed") => &["'1970-01-01 00:00+00'"],
        ("mask_default(value)", "meta") => &["'{}'"],
        ("mask_default(value)", "flag") => &["false"],
        ("mask_constant(value, 'KODE')", _) => &["'KODE'"],
        ("mask_constant(value, 'S')", _) => &["'S'"],
        ("value % 10", "score") => &["3", "0", "7", "9"],
        (AMOUNT, _) => &["2.50", "0", "9.99"],
        ("value % 7", _) => &["6.25", "0", "1"],
        ("value % 5", _) => &["4", "1"],
        ("value % 4", _) => &["3", "1"],
        _ => &[],
    }
}

/// A table by its name.
pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}
