//! Building nodes and reading lists.

use pgrx::pg_sys::{self, List, Node, NodeTag};

use super::raw;
use super::relation::ColumnType;

/// A zeroed node of the given struct and tag.
///
/// # Safety
/// `T` must be the struct that belongs to `tag`, beginning with the tag.
pub unsafe fn make<T>(tag: NodeTag) -> *mut T {
    // SAFETY: palloc0 gives memory for the whole struct; every node begins with its tag.
    unsafe {
        let node = raw::palloc0(size_of::<T>()).cast::<T>();
        (*node.cast::<Node>()).type_ = tag;
        node
    }
}

/// The length of a list; a null list is empty.
///
/// # Safety
/// `list` must be null or a valid list.
pub unsafe fn len(list: *const List) -> usize {
    // SAFETY: see above.
    if list.is_null() { 0 } else { unsafe { usize::try_from((*list).length).unwrap_or(0) } }
}

/// The pointer at `place` (from 0); null past the end.
///
/// # Safety
/// `list` must be null or a valid list of pointers to `T`.
pub unsafe fn nth<T>(list: *const List, place: usize) -> *mut T {
    // SAFETY: the place is checked against the length.
    unsafe { if place < len(list) { (*(*list).elements.add(place)).ptr_value.cast() } else { std::ptr::null_mut() } }
}

/// The pointers in a list.
///
/// # Safety
/// `list` must be null or a valid list of pointers to `T`, and must not be changed while the iterator lives.
pub unsafe fn iter<T>(list: *const List) -> impl Iterator<Item = *mut T> {
    // SAFETY: see above.
    let count = unsafe { len(list) };
    (0..count).map(move |place| unsafe { nth::<T>(list, place) })
}

/// The numbers in a list of numbers.
///
/// # Safety
/// `list` must be null or a valid list of numbers, and must not be changed while the iterator lives.
pub unsafe fn numbers(list: *const List) -> impl Iterator<Item = i32> {
    // SAFETY: see above; places stay below the length.
    let count = unsafe { len(list) };
    (0..count).map(move |place| unsafe { (*(*list).elements.add(place)).int_value })
}

/// The tag of a node.
///
/// # Safety
/// `node` must be a valid node.
pub unsafe fn tag(node: *const Node) -> NodeTag {
    // SAFETY: every node begins with its tag.
    unsafe { (*node).type_ }
}

/// The text of a String node.
///
/// # Safety
/// `node` must be a valid String node.
pub unsafe fn text(node: *const Node) -> String {
    // SAFETY: see above.
    unsafe { std::ffi::CStr::from_ptr((*node.cast::<pg_sys::String>()).sval).to_string_lossy().into_owned() }
}

/// NULL as a constant of a type.
///
/// # Safety
/// Allocates in the current memory context, which must be valid.
pub unsafe fn null_constant(of: ColumnType, length: i16, by_value: bool) -> *mut Node {
    // SAFETY: a fresh Const.
    unsafe {
        let constant = make::<pg_sys::Const>(NodeTag::T_Const);
        (*constant).consttype = of.oid;
        (*constant).consttypmod = of.typmod;
        (*constant).constcollid = of.collation;
        (*constant).constlen = i32::from(length);
        (*constant).constbyval = by_value;
        (*constant).constisnull = true;
        (*constant).location = -1;
        constant.cast()
    }
}

/// `argument IS NULL`, as a whole (`argisrow` false).
///
/// # Safety
/// `argument` must be a valid expression.
pub unsafe fn is_null(argument: *mut Node) -> *mut Node {
    // SAFETY: a fresh NullTest.
    unsafe {
        let test = make::<pg_sys::NullTest>(NodeTag::T_NullTest);
        (*test).arg = argument.cast();
        (*test).nulltesttype = pg_sys::NullTestType::IS_NULL;
        (*test).argisrow = false;
        (*test).location = -1;
        test.cast()
    }
}

/// `CASE WHEN condition THEN result ELSE otherwise END`.
///
/// # Safety
/// All three must be valid expressions; `of` is the type of both results.
pub unsafe fn case(condition: *mut Node, result: *mut Node, otherwise: *mut Node, of: ColumnType) -> *mut Node {
    // SAFETY: fresh nodes.
    unsafe {
        let when = make::<pg_sys::CaseWhen>(NodeTag::T_CaseWhen);
        (*when).expr = condition.cast();
        (*when).result = result.cast();
        (*when).location = -1;
        let case = make::<pg_sys::CaseExpr>(NodeTag::T_CaseExpr);
        (*case).casetype = of.oid;
        (*case).casecollid = of.collation;
        (*case).args = raw::lappend(std::ptr::null_mut(), when.cast());
        (*case).defresult = otherwise.cast();
        (*case).location = -1;
        case.cast()
    }
}

/// A text constant.
///
/// # Safety
/// Allocates in the current memory context, which must be valid.
pub unsafe fn text_constant(text: &std::ffi::CStr) -> *mut Node {
    // SAFETY: a fresh Const over a fresh text.
    unsafe {
        pg_sys::makeConst(
            pg_sys::TEXTOID,
            -1,
            pg_sys::DEFAULT_COLLATION_OID,
            -1,
            pg_sys::Datum::from(pg_sys::cstring_to_text(text.as_ptr())),
            false,
            false,
        )
        .cast()
    }
}
