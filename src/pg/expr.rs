//! An SQL expression over one named value: parsed, analysed, coerced to a type. The value's place is kept open.

use std::ffi::{CStr, CString, c_char, c_void};

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::raw;
use super::relation::ColumnType;
use super::tree;

/// Marks the place of the value in an analysed expression. No client can produce it: parameters a client sends are
/// numbered up to 65535, and only our own trees ever hold this number.
pub const PLACE: i32 = 0x4A_4D_00_01;

/// An analysed expression. The tree lives in the memory context that was current when it was made.
#[derive(Clone, Copy)]
pub struct Analysed(pub *mut pg_sys::Node);

impl Analysed {
    /// A copy in the current memory context.
    pub fn copied(self) -> Self {
        // SAFETY: a valid tree; see the struct.
        Analysed(unsafe { pg_sys::copyObjectImpl(self.0.cast_const().cast()).cast() })
    }
}

/// Why a text is not an expression that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is a query, or several expressions.
    NotOneExpression,
    /// It gives a type that does not fit: the name of the type it gives.
    Type(String),
}

/// What the names in the expression stand for while it is analysed; passed to the parser's hook.
struct Value {
    name: *const c_char,
    of: ColumnType,
}

/// Parses and analyses `text`, in which `name` is a value of type `of`, and coerces the result to `of`.
///
/// Raises the server's own errors for what does not parse or resolve: call under `attempt` and with a pinned
/// `search_path`.
pub fn analyse(text: &str, name: &CStr, of: ColumnType) -> Result<Analysed, Unfit> {
    // SAFETY: the statement text and `value` outlive the parse state, which is freed here; every node is palloc'd.
    unsafe {
        let statement = CString::new(format!("SELECT {text}")).map_err(|_| Unfit::NotOneExpression)?;
        let expression = only_expression(statement.as_ptr()).ok_or(Unfit::NotOneExpression)?;
        let mut value = Value { name: name.as_ptr(), of };
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        (*state).p_pre_columnref_hook = Some(resolve_value);
        (*state).p_ref_hook_state = (&raw mut value).cast();
        let analysed = pg_sys::transformExpr(state, expression, pg_sys::ParseExprKind::EXPR_KIND_OTHER);
        let coerced = coerce(state, analysed, of)?;
        pg_sys::assign_expr_collations(state, coerced);
        pg_sys::free_parsestate(state);
        let analysed = labelled(coerced, of);
        mark_calls(analysed, std::ptr::null_mut());
        Ok(Analysed(analysed))
    }
}

/// Marks every function call in the expression as written by us.
///
/// The mark is the display form of SQL-syntax functions such as EXTRACT: the parser gives it to a few built-in
/// functions only, so a call of anything else that carries it was not written by a client. It changes nothing but what
/// [`called_as_mask`] sees (EXPLAIN shows such calls in the ordinary form).
unsafe extern "C-unwind" fn mark_calls(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a fresh tree of our own; nothing on this frame needs dropping.
    #[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
    unsafe {
        if (*node).type_ == NodeTag::T_FuncExpr {
            let call = node.cast::<pg_sys::FuncExpr>();
            if !super::function::is_builtin((*call).funcid) {
                (*call).funcformat = pg_sys::CoercionForm::COERCE_SQL_SYNTAX;
            }
        }
        raw::expression_tree_walker(node, mark_calls, context)
    }
}

/// Whether the function being called was put into the statement by us and not by a client.
pub fn called_as_mask(call: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: null, or what the server gave the function; fn_expr is null where a function is called by other means
    // than an expression.
    unsafe {
        if call.is_null() || (*call).flinfo.is_null() {
            return false;
        }
        let expression = (*(*call).flinfo).fn_expr;
        !expression.is_null()
            && (*expression).type_ == NodeTag::T_FuncExpr
            && (*expression.cast::<pg_sys::FuncExpr>()).funcformat == pg_sys::CoercionForm::COERCE_SQL_SYNTAX
    }
}

/// The expression of `SELECT expression`, if the statement is nothing but that.
unsafe fn only_expression(statement: *const c_char) -> Option<*mut pg_sys::Node> {
    // SAFETY: raw_parser() returns a list of RawStmt; nodes are checked by tag before they are cast.
    unsafe {
        let list = pg_sys::raw_parser(statement, pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        if list.is_null() || (*list).length != 1 {
            return None;
        }
        let select = (*pg_sys::list_nth(list, 0).cast::<pg_sys::RawStmt>()).stmt;
        if (*select).type_ != NodeTag::T_SelectStmt {
            return None;
        }
        let select = select.cast::<pg_sys::SelectStmt>();
        let s = &*select;
        let nothing_else = s.distinctClause.is_null()
            && s.intoClause.is_null()
            && s.fromClause.is_null()
            && s.whereClause.is_null()
            && s.groupClause.is_null()
            && s.havingClause.is_null()
            && s.windowClause.is_null()
            && s.valuesLists.is_null()
            && s.sortClause.is_null()
            && s.limitOffset.is_null()
            && s.limitCount.is_null()
            && s.lockingClause.is_null()
            && s.withClause.is_null()
            && s.op == pg_sys::SetOperation::SETOP_NONE;
        if !nothing_else || s.targetList.is_null() || (*s.targetList).length != 1 {
            return None;
        }
        let target = pg_sys::list_nth(s.targetList, 0).cast::<pg_sys::ResTarget>();
        ((*target).name.is_null() && (*target).indirection.is_null()).then_some((*target).val)
    }
}

/// Whether the expression is the value and nothing else, at most under casts that leave a value of type `of` as it is.
pub fn is_place(analysed: Analysed, of: ColumnType) -> bool {
    // SAFETY: a valid expression; nodes are checked by tag before they are cast.
    unsafe {
        let mut node = analysed.0;
        loop {
            node = match tree::tag(node) {
                NodeTag::T_Param => return (*node.cast::<pg_sys::Param>()).paramid == PLACE,
                NodeTag::T_RelabelType => (*node.cast::<pg_sys::RelabelType>()).arg.cast(),
                NodeTag::T_CoerceToDomain => (*node.cast::<pg_sys::CoerceToDomain>()).arg.cast(),
                NodeTag::T_CoerceViaIO => (*node.cast::<pg_sys::CoerceViaIO>()).arg.cast(),
                NodeTag::T_FuncExpr => {
                    let call = node.cast::<pg_sys::FuncExpr>();
                    // A cast to the column's own length, which its values have.
                    let length = tree::nth::<pg_sys::Node>((*call).args, 1);
                    let own = !length.is_null()
                        && tree::tag(length) == NodeTag::T_Const
                        && (*length.cast::<pg_sys::Const>()).constvalue.value() as i32 == of.typmod
                        && (*call).funcformat != pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
                    if !own {
                        return false;
                    }
                    tree::nth::<pg_sys::Node>((*call).args, 0)
                }
                _ => return false,
            };
        }
    }
}

/// The parser's hook: the one name it knows becomes the place-holder; anything else is looked up as usual (and fails).
unsafe extern "C-unwind" fn resolve_value(
    state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ColumnRef,
) -> *mut pg_sys::Node {
    // SAFETY: p_ref_hook_state points to the Value on analyse()'s frame; nothing here raises but palloc0, and nothing
    // on this frame needs dropping.
    unsafe {
        let value = &*(*state).p_ref_hook_state.cast::<Value>();
        let fields = (*reference).fields;
        if fields.is_null() || (*fields).length != 1 {
            return std::ptr::null_mut();
        }
        let field = (*(*fields).elements).ptr_value.cast::<pg_sys::Node>();
        if (*field).type_ != NodeTag::T_String
            || CStr::from_ptr((*field.cast::<pg_sys::String>()).sval) != CStr::from_ptr(value.name)
        {
            return std::ptr::null_mut();
        }
        let param = raw::palloc0(size_of::<pg_sys::Param>()).cast::<pg_sys::Param>();
        (*param).xpr.type_ = NodeTag::T_Param;
        (*param).paramkind = pg_sys::ParamKind::PARAM_EXTERN;
        (*param).paramid = PLACE;
        (*param).paramtype = value.of.oid;
        (*param).paramtypmod = value.of.typmod;
        (*param).paramcollid = value.of.collation;
        (*param).location = -1;
        param.cast()
    }
}

/// Makes the result a value of the column's type: what an assignment would accept, converted as a cast converts, so
/// that text too long for varchar(n) is cut and not refused. For a domain it is made a value of the type below and then
/// called one of the domain: a mask that does not satisfy the domain's conditions must not make the table unreadable.
unsafe fn coerce(
    state: *mut pg_sys::ParseState,
    node: *mut pg_sys::Node,
    of: ColumnType,
) -> Result<*mut pg_sys::Node, Unfit> {
    // SAFETY: nodes come from the parser; the coercion functions return null when there is no way.
    unsafe {
        let gives = pg_sys::exprType(node);
        let mut below = of;
        below.oid = pg_sys::getBaseTypeAndTypmod(of.oid, &mut below.typmod);
        let fits = gives == of.oid
            || pg_sys::can_coerce_type(1, &gives, &below.oid, pg_sys::CoercionContext::COERCION_ASSIGNMENT);
        if !fits {
            let name = pg_sys::format_type_be(gives);
            return Err(Unfit::Type(CStr::from_ptr(name).to_string_lossy().into_owned()));
        }
        if gives == of.oid && of.oid != below.oid {
            return Ok(node);
        }
        let coerced = pg_sys::coerce_to_target_type(
            state,
            node,
            gives,
            below.oid,
            below.typmod,
            pg_sys::CoercionContext::COERCION_EXPLICIT,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CAST,
            -1,
        );
        if coerced.is_null() {
            let name = pg_sys::format_type_be(gives);
            return Err(Unfit::Type(CStr::from_ptr(name).to_string_lossy().into_owned()));
        }
        Ok(coerced)
    }
}

/// Relabels the result so that type, modifier and collation equal the column's to the letter.
unsafe fn labelled(node: *mut pg_sys::Node, of: ColumnType) -> *mut pg_sys::Node {
    // SAFETY: reads and builds nodes.
    unsafe {
        let same = pg_sys::exprType(node) == of.oid
            && pg_sys::exprTypmod(node) == of.typmod
            && pg_sys::exprCollation(node) == of.collation;
        if same { node } else { relabel(node, of) }
    }
}

/// A RelabelType of `node` to the given type.
///
/// # Safety
/// `node` must be an expression whose values are stored as those of the type are.
pub unsafe fn relabel(node: *mut pg_sys::Node, of: ColumnType) -> *mut pg_sys::Node {
    // SAFETY: a fresh node of the right size and tag.
    unsafe {
        let relabel = raw::palloc0(size_of::<pg_sys::RelabelType>()).cast::<pg_sys::RelabelType>();
        (*relabel).xpr.type_ = NodeTag::T_RelabelType;
        (*relabel).arg = node.cast();
        (*relabel).resulttype = of.oid;
        (*relabel).resulttypmod = of.typmod;
        (*relabel).resultcollid = of.collation;
        (*relabel).relabelformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
        (*relabel).location = -1;
        relabel.cast()
    }
}

/// What [`inspect`] found in an expression.
#[derive(Default, Debug)]
pub struct Contents {
    /// Every function that would be called.
    pub functions: Vec<Oid>,
    /// The value occurs.
    pub value: bool,
    /// A sub-select, an aggregate, a window function or a set-returning call occurs.
    pub beyond_a_row: bool,
    /// Some function is volatile.
    pub volatile: bool,
    /// NULL in always gives NULL out, by strict functions alone.
    pub strict: bool,
    /// Text is read as a value of some other type, which fails on most texts, and prints them.
    pub reads_text: bool,
    /// Functions that are called with a text that is not a constant.
    pub given_text: Vec<Oid>,
}

/// Looks through an analysed expression.
pub fn inspect(expression: Analysed) -> Contents {
    let mut contents = Contents::default();
    // SAFETY: read-only walks over a tree made by analyse().
    unsafe {
        contents.volatile = pg_sys::contain_volatile_functions(expression.0);
        contents.beyond_a_row = pg_sys::expression_returns_set(expression.0);
        contents.strict = strict(expression.0);
        walk(expression.0, (&raw mut contents).cast());
    }
    contents
}

unsafe extern "C-unwind" fn walk(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is inspect()'s Contents; nothing on this frame needs dropping.
    unsafe {
        let contents = &mut *context.cast::<Contents>();
        match (*node).type_ {
            NodeTag::T_Param => contents.value |= (*node.cast::<pg_sys::Param>()).paramid == PLACE,
            NodeTag::T_SubLink
            | NodeTag::T_Query
            | NodeTag::T_Aggref
            | NodeTag::T_GroupingFunc
            | NodeTag::T_WindowFunc => contents.beyond_a_row = true,
            NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                let texts = tree::iter::<pg_sys::Node>((*call).args)
                    .filter(|argument| is_text(raw::exprType(*argument)) && tree::tag(*argument) != NodeTag::T_Const);
                if texts.count() > 0 {
                    contents.given_text.push((*call).funcid);
                }
            }
            NodeTag::T_CoerceViaIO => {
                let cast = node.cast::<pg_sys::CoerceViaIO>();
                let (from, to) = (raw::exprType((*cast).arg.cast()), (*cast).resulttype);
                contents.reads_text |= is_text(from) && !is_text(to);
            }
            _ => {}
        }
        pg_sys::check_functions_in_node(node, Some(note_function), context);
        if (*node).type_ == NodeTag::T_Query {
            return true;
        }
        raw::expression_tree_walker(node, walk, context)
    }
}

/// A string type of the server's own.
fn is_text(type_oid: Oid) -> bool {
    [pg_sys::TEXTOID, pg_sys::VARCHAROID, pg_sys::BPCHAROID, pg_sys::NAMEOID, pg_sys::UNKNOWNOID, pg_sys::CSTRINGOID]
        .contains(&type_oid)
}

unsafe extern "C-unwind" fn note_function(function: Oid, context: *mut c_void) -> bool {
    // SAFETY: as in walk().
    unsafe { (*context.cast::<Contents>()).functions.push(function) };
    false
}

/// Whether NULL for the value makes the whole NULL, seen only through strict calls and relabellings.
unsafe fn strict(node: *mut pg_sys::Node) -> bool {
    // SAFETY: nodes are checked by tag before they are cast; lists hold nodes.
    unsafe {
        let arguments = match (*node).type_ {
            NodeTag::T_Param => return (*node.cast::<pg_sys::Param>()).paramid == PLACE,
            NodeTag::T_RelabelType => return strict((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            NodeTag::T_CoerceViaIO => return strict((*node.cast::<pg_sys::CoerceViaIO>()).arg.cast()),
            NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                if !pg_sys::func_strict((*call).funcid) {
                    return false;
                }
                (*call).args
            }
            NodeTag::T_OpExpr => {
                let call = node.cast::<pg_sys::OpExpr>();
                pg_sys::set_opfuncid(call);
                if !pg_sys::func_strict((*call).opfuncid) {
                    return false;
                }
                (*call).args
            }
            _ => return false,
        };
        let count = if arguments.is_null() { 0 } else { (*arguments).length };
        (0..count).any(|place| strict(pg_sys::list_nth(arguments, place).cast()))
    }
}
