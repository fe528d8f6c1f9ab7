//! May grants count in this statement? Only if all code in it is trusted (design, section 3).
//!
//! Two halves. The code written into the statement: every function, operator, aggregate, cast, domain and view must be
//! owned by the person, a superuser, an exempt role or a listed owner. And the circumstances: what called the statement
//! must be trusted as well, it must not store what it reads elsewhere, and nobody's rights may be lent to it.

use std::ffi::c_void;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, Query};

use super::levels;
use super::survey::{Place, Survey};
use crate::catalog::extension::Installed;
use crate::catalog::people::people;
use crate::catalog::session;
use crate::pg::{function, nesting, raw, relation, roles, shared, tree};

/// What in a statement is code somebody may have written.
#[derive(Default)]
pub(super) struct Code {
    /// Functions, those behind operators and aggregates included.
    pub functions: Vec<Oid>,
    /// Types whose values are made from something else: their domains' conditions run then.
    pub types: Vec<Oid>,
    /// A value is converted by way of its text.
    reads_text: bool,
}

/// The first piece of the statement's code that `subject` has no reason to trust, named for people.
///
/// # Safety
/// `query` must be a valid tree and `survey` its survey.
pub unsafe fn stranger(ours: &Installed, subject: &Subject, query: *mut Query, survey: &Survey) -> Option<String> {
    // SAFETY: as for the caller.
    let code = unsafe { code_in(query.cast()) };
    let people = people(ours);
    let login = Oid::from(subject.login);
    let now = shared::clock().time;
    let trusts = |owner: Option<Oid>| owner.is_some_and(|owner| people.trusts(login, owner, now));
    if let Some(relation) = relation_with_code(survey, &trusts) {
        return Some(relation);
    }
    let views = survey.views.iter().find(|view| !trusts(function::relation_owner(**view)));
    if let Some(view) = views {
        return Some(format!("view {}", relation::qualified_name(*view)));
    }
    let called = code
        .functions
        .iter()
        .find(|called| !function::is_builtin(**called) && !trusts(function::facts(**called).map(|facts| facts.owner)));
    if let Some(called) = called {
        return Some(format!("function {}", function::name(*called)));
    }
    code.types
        .iter()
        .flat_map(|outer| function::domains_in(*outer))
        .find(|domain| !trusts(function::type_owner(*domain)))
        .map(|domain| format!("domain {}", function::type_name(domain)))
}

/// The code in an expression.
///
/// # Safety
/// `expression` must be null, a valid expression or a list of such.
pub(super) unsafe fn code_in(expression: *mut Node) -> Code {
    let mut code = Code::default();
    let context = (&raw mut code).cast::<c_void>();
    // SAFETY: as for the caller.
    unsafe {
        pg_guard_ffi_boundary(|| visit(expression, context));
    }
    code
}

/// The entries whose row security may look at raw values, and how many conditions it added: all its functions are built in, give what depends on their
/// arguments alone and read no text as another type (which would print it when it is none), or are those of a superuser, an exempt role or a listed owner. The conditions of
/// the others see masked values like everybody's code: their author may be masked, and may rewrite them at any time.
///
/// # Safety
/// The survey's tree must be valid.
pub unsafe fn raw_quals(ours: &Installed, survey: &Survey) -> Vec<(*mut pg_sys::RangeTblEntry, usize)> {
    let people = people(ours);
    let now = shared::clock().time;
    let harmless = |called: &Oid| {
        if function::is_builtin(*called) {
            function::is_immutable(*called)
        } else {
            // No login is 0: nobody is trusted for being the reader.
            function::facts(*called).is_some_and(|facts| people.trusts(Oid::INVALID, facts.owner, now))
        }
    };
    let mut entries = Vec::new();
    for place in &survey.relations {
        let mut code = Code::default();
        let context = (&raw mut code).cast::<c_void>();
        // SAFETY: as for the caller; the list holds expressions.
        let own = unsafe {
            // A security barrier view that is written through puts its conditions behind them.
            let own = if (*place.entry).securityQuals.is_null() { 0 } else { row_security_quals(place) };
            let (quals, _) = levels::split((*place.entry).securityQuals, own);
            // Conditions on new rows; those of views are judged along, which at worst masks.
            let target = tree::nth::<pg_sys::RangeTblEntry>(
                (*place.query).rtable,
                usize::try_from((*place.query).resultRelation - 1).unwrap_or(usize::MAX),
            );
            let checks = if target == place.entry { (*place.query).withCheckOptions } else { std::ptr::null_mut() };
            if quals.is_null() && checks.is_null() {
                continue;
            }
            pg_guard_ffi_boundary(|| visit(quals.cast(), context) || visit(checks.cast(), context));
            own
        };
        if !code.reads_text && code.functions.iter().all(harmless) {
            entries.push((place.entry, own));
        }
    }
    entries
}

/// How many conditions row security adds to an entry, worked out again as the rewriter did: they stand first.
unsafe fn row_security_quals(place: &Place) -> usize {
    let (mut quals, mut checks): (*mut pg_sys::List, *mut pg_sys::List) = (std::ptr::null_mut(), std::ptr::null_mut());
    let (mut has, mut sublinks) = (false, false);
    // SAFETY: the survey's tree is valid; out-parameters are ours.
    unsafe {
        let Some(number) = tree::iter((*place.query).rtable).position(|entry| std::ptr::eq(entry, place.entry)) else {
            return 0;
        };
        pg_sys::get_row_security_policies(
            place.query,
            place.entry,
            i32::try_from(number + 1).unwrap_or(i32::MAX),
            &mut quals,
            &mut checks,
            &mut has,
            &mut sublinks,
        );
        tree::len(quals)
    }
}

/// A relation whose owner is not trusted and has put code of its own into the statement: conditions of row security, or
/// rules. Built-in functions in them are enough to send a value somewhere.
fn relation_with_code(survey: &Survey, trusts: &impl Fn(Option<Oid>) -> bool) -> Option<String> {
    survey.oids().into_iter().find_map(|relation| {
        let facts = relation::facts(relation)?;
        let what = match facts {
            _ if trusts(Some(facts.owner)) => return None,
            relation::Facts { row_security: true, .. } => "row security",
            relation::Facts { rules: true, kind, .. } if kind != b'v' => "rules",
            _ => return None,
        };
        Some(format!("{what} of {}", relation::qualified_name(relation)))
    })
}

/// Whether the circumstances allow grants to count, right now.
pub fn circumstances_allow(subject: &Subject) -> bool {
    let depths = nesting::depths();
    let nested = depths.code > 0 || !nesting::straight_from_client();
    depths.storing == 0
        && depths.untrusted == 0
        && !roles::in_restricted_operation()
        && (!nested || session::began_with_grants(Oid::from(subject.login)))
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is stranger()'s Code; nodes are checked by tag before they are cast.
    unsafe {
        let tag = tree::tag(node);
        if tag == NodeTag::T_Query {
            return raw::query_tree_walker(node.cast(), visit, context, 0);
        }
        (*context.cast::<Code>()).reads_text |= tag == NodeTag::T_CoerceViaIO;
        let types = &mut (*context.cast::<Code>()).types;
        match tag {
            NodeTag::T_CoerceToDomain | NodeTag::T_CoerceViaIO | NodeTag::T_ArrayCoerceExpr | NodeTag::T_FuncExpr => {
                types.push(raw::exprType(node));
            }
            NodeTag::T_RangeTblFunction => {
                let columns = (*node.cast::<pg_sys::RangeTblFunction>()).funccoltypes;
                types.extend((0..tree::len(columns)).map(|place| (*(*columns).elements.add(place)).oid_value));
            }
            NodeTag::T_TableFunc => {
                let columns = (*node.cast::<pg_sys::TableFunc>()).coltypes;
                types.extend((0..tree::len(columns)).map(|place| (*(*columns).elements.add(place)).oid_value));
            }
            _ => {}
        }
        raw::check_functions_in_node(node, note, context);
        raw::expression_tree_walker(node, visit, context)
    }
}

unsafe extern "C-unwind" fn note(function: Oid, context: *mut c_void) -> bool {
    // SAFETY: as in visit().
    unsafe { (*context.cast::<Code>()).functions.push(function) };
    false
}
