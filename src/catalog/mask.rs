//! Masks: the text of a policy turned into an expression over the column, checked, and kept.
//!
//! What must hold: the text is read under a pinned search_path; nothing but `value` is read; only functions an
//! administrator can answer for are called. A mask that can't be made (a function is gone, say) is `None`, and `None`
//! masks with NULL.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::{self, Oid};

use super::extension::{self, Installed};
use super::{policies, quiet};
use crate::error::{Code, Error, Result};
use crate::pg::attempt::{Failure, attempt};
use crate::pg::expr::{self, Analysed, Unfit};
use crate::pg::memory::Shelf;
use crate::pg::relation::ColumnType;
use crate::pg::{function, guc, roles};

/// Where names in masks are looked up. Temporary objects come last, so they shadow nothing.
const SEARCH_PATH: &std::ffi::CStr = c"pg_catalog, jitmask, pg_temp";

/// A mask ready to be put over columns of one type.
#[derive(Clone, Copy)]
pub struct Template {
    /// The expression, with the value's place open.
    pub expression: Analysed,
    /// NULL in, NULL out, by the expression's own doing.
    pub strict: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    mask: String,
    of: ColumnType,
}

thread_local! {
    static TEMPLATES: RefCell<HashMap<Key, Option<Template>>> = RefCell::new(HashMap::new());
    static SHELF: RefCell<Option<Shelf>> = const { RefCell::new(None) };
    static STALE: Cell<bool> = const { Cell::new(false) };
}

/// Some function has changed: make the templates anew when they are next needed. Called from invalidation callbacks.
pub fn forget() {
    STALE.set(true);
}

/// The mask over columns of that type, as a copy in the current memory context; `None` if it can't be made.
///
/// A copy, because the shelf is emptied when functions change, which any look-up may bring to light.
pub fn template(installed: &Installed, mask: &str, of: ColumnType) -> Option<Template> {
    if STALE.replace(false) {
        TEMPLATES.with_borrow_mut(HashMap::clear);
        SHELF.with_borrow(|shelf| shelf.as_ref().map(Shelf::empty));
    }
    let key = Key { mask: mask.to_owned(), of };
    if let Some(known) = TEMPLATES.with_borrow(|known| known.get(&key).copied()) {
        return known.map(copied);
    }
    let made = make(installed, mask, of).ok().map(|(expression, strict)| Template {
        expression: SHELF
            .with_borrow_mut(|shelf| shelf.get_or_insert_with(|| Shelf::new(c"jitmask masks")).keep(expression)),
        strict,
    });
    TEMPLATES.with_borrow_mut(|known| known.insert(key, made));
    made.map(copied)
}

fn copied(template: Template) -> Template {
    Template { expression: template.expression.copied(), ..template }
}

/// Checks a mask against a column's type. 42601 if it does not parse, 42804 if it gives another type, 22023 if it does
/// what a mask must not do.
pub fn check(mask: &str, type_oid: Oid, typmod: i32, collation: Oid) -> Result<()> {
    let installed = extension::installed().ok_or_else(not_installed)?;
    make(&installed, mask, ColumnType { oid: type_oid, typmod, collation }).map(|_| ())
}

/// Whether the mask is the value itself, at most under casts.
pub fn is_identity(mask: &str, of: ColumnType) -> bool {
    extension::installed()
        .and_then(|installed| template(&installed, mask, of))
        .is_some_and(|template| expr::is_place(template.expression, of))
}

/// Whether the mask is the value itself for columns of some common type.
pub fn shows_everything(mask: &str) -> bool {
    let types = [pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::NUMERICOID, pg_sys::DATEOID, pg_sys::JSONBOID];
    types.into_iter().any(|oid| is_identity(mask, common(oid)))
}

/// Checks a mask before its column is known: it must fit at least one common type. The error is the one for text.
pub fn check_somehow(mask: &str) -> Result<()> {
    let installed = extension::installed().ok_or_else(not_installed)?;
    let others = [
        pg_sys::INT4OID,
        pg_sys::INT8OID,
        pg_sys::NUMERICOID,
        pg_sys::FLOAT8OID,
        pg_sys::DATEOID,
        pg_sys::TIMESTAMPOID,
        pg_sys::TIMESTAMPTZOID,
        pg_sys::BOOLOID,
        pg_sys::UUIDOID,
        pg_sys::JSONBOID,
        pg_sys::INETOID,
        pg_sys::BYTEAOID,
        pg_sys::TEXTARRAYOID,
    ];
    let Err(error) = make(&installed, mask, common(pg_sys::TEXTOID)) else { return Ok(()) };
    if others.iter().any(|oid| make(&installed, mask, common(*oid)).is_ok()) { Ok(()) } else { Err(error) }
}

/// A column of a common type.
fn common(oid: Oid) -> ColumnType {
    let collation = if oid == pg_sys::TEXTOID { pg_sys::DEFAULT_COLLATION_OID } else { Oid::INVALID };
    ColumnType { oid, typmod: -1, collation }
}

fn make(installed: &Installed, mask: &str, of: ColumnType) -> Result<(Analysed, bool)> {
    // As nobody: what a mask means must not depend on which schemas the session may look into, and a literal of a type
    // somebody made runs that type's code while it is read.
    let analyse = || guc::with_search_path(SEARCH_PATH, || expr::analyse(mask, c"value", of));
    let analysed = attempt(|| roles::as_nobody(analyse))
        .map_err(|failure| unreadable(mask, &failure))?
        .map_err(|unfit| unsuitable(mask, &unfit))?;
    let contents = expr::inspect(analysed);
    if contents.beyond_a_row {
        return Err(not_a_mask(
            mask,
            "It holds a sub-select, an aggregate, a window function or a set-returning call.",
        ));
    }
    let policies = policies::policies(installed);
    let stranger = contents.functions.iter().find(|called| {
        let home = function::schema(**called);
        let ours = home == installed.schema || home == pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
        !ours && !policies.trusts_function(**called)
    });
    if let Some(stranger) = stranger {
        let name = function::name(*stranger);
        return Err(not_a_mask(mask, &format!("It calls {name}, which nobody has listed as trusted."))
            .hint(format!("Look at what it does, then: SELECT jitmask.trust_function('{name}', 'why');")));
    }
    if contents.volatile {
        return Err(not_a_mask(mask, "It calls a volatile function, whose results need not be repeatable."));
    }
    if contents.reads_text {
        return Err(not_a_mask(
            mask,
            "It reads text as another type: a text that is none would be printed in the error.",
        )
        .hint("Use a function that takes text, such as mask_partial(value, 0, 4) or left(value, 1)."));
    }
    let loud = contents.functions.iter().find(|called| {
        function::is_builtin(**called)
            && !policies.trusts_function(**called)
            && !quiet::is_quiet(**called, contents.given_text.contains(called))
    });
    if let Some(loud) = loud {
        let name = function::name(*loud);
        let why = format!("{name} may fail on a value and quote it in the error.");
        return Err(not_a_mask(mask, &why).hint(format!(
            "If it can't fail on values of this column: SELECT jitmask.trust_function('{name}', 'why');"
        )));
    }
    // What depends on settings is an instrument: whoever may SET timezone can move the borders of a date_trunc() over a
    // timestamp until they cross the value (ADR 9). Masks of our own that are stable read no setting.
    let moved =
        contents.functions.iter().find(|called| function::is_builtin(**called) && !function::is_immutable(**called));
    if let Some(moved) = moved {
        let why = format!("{} depends on the reader's settings, such as timezone.", function::name(*moved));
        return Err(not_a_mask(mask, &why).hint(
            "Use what depends on the value alone, e.g. (date_trunc('month', value AT TIME ZONE 'UTC') AT TIME ZONE 'UTC').",
        ));
    }
    Ok((analysed, contents.strict))
}

fn not_installed() -> Error {
    Error::new(Code::WrongState, "jitmask is not installed in this database").hint("CREATE EXTENSION jitmask;")
}

fn unreadable(mask: &str, failure: &Failure) -> Error {
    let error = if failure.code == PgSqlErrorCode::ERRCODE_SYNTAX_ERROR {
        Error::new(Code::Syntax, format!("the mask \"{mask}\" does not parse: {}", failure.message))
    } else {
        Error::new(Code::BadArgument, format!("the mask \"{mask}\" can't be used here: {}", failure.message))
    };
    error.hint(EXAMPLE)
}

const EXAMPLE: &str = "A mask is an SQL expression in which \"value\" is the column, e.g. 'mask_partial(value, 0, 4)'.";

fn unsuitable(mask: &str, unfit: &Unfit) -> Error {
    match unfit {
        Unfit::NotOneExpression => {
            Error::new(Code::Syntax, format!("the mask \"{mask}\" is not a single expression")).hint(EXAMPLE)
        }
        Unfit::Type(gives) => Error::new(
            Code::WrongType,
            format!("the mask \"{mask}\" gives type {gives}, which the column does not take"),
        )
        .hint("Use a mask that gives the column's type back, such as mask_null(value), or add a cast to the mask."),
    }
}

fn not_a_mask(mask: &str, why: &str) -> Error {
    Error::new(Code::BadArgument, format!("the expression \"{mask}\" can't be a mask")).detail(why).hint(
        "A mask calls functions of schema jitmask, immutable built-in ones, and those an administrator has \
         listed with jitmask.trust_function().",
    )
}
