//! Plain declarations of server functions, without pgrx's error-catching wrapper around each call.
//!
//! Only for frames that have nothing to drop (the hooks themselves and the tree walkers), and for functions that can't
//! raise. An ERROR raised below these calls passes through the caller's frame by longjmp, with all its fields intact.

use pgrx::pg_sys;
use pgrx::pg_sys::{List, Node, Query};
use std::ffi::{c_char, c_int, c_void};

/// A tree walker's callback: true stops the walk.
pub type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;
/// A tree mutator's callback: the node to put in the place of the one given.
pub type Mutator = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;

unsafe extern "C-unwind" {
    pub fn errcode(sqlerrcode: c_int) -> c_int;
    pub fn ParamsErrorCallback(arg: *mut c_void);
    pub fn geterrcode() -> c_int;
    pub fn errmsg_internal(format: *const c_char, ...) -> c_int;
    pub fn errdetail_internal(format: *const c_char, ...) -> c_int;
    pub fn errdetail_log(format: *const c_char, ...) -> c_int;
    pub fn errhint(format: *const c_char, ...) -> c_int;
    pub fn RegisterTimeout(id: c_int, handler: unsafe extern "C-unwind" fn()) -> c_int;
    pub fn enable_timeout_every(id: c_int, first: pg_sys::TimestampTz, delay_ms: c_int);
    pub fn get_timeout_active(id: c_int) -> bool;
    pub fn tuplestore_tuple_count(store: *mut pg_sys::Tuplestorestate) -> i64;
    pub fn disable_timeout(id: c_int, keep_indicator: bool);
    pub fn GetSessionUserId() -> pg_sys::Oid;
    pub fn GetUserId() -> pg_sys::Oid;
    pub fn InNoForceRLSOperation() -> bool;
    pub fn IsTransactionState() -> bool;
    pub fn GetCurrentStatementStartTimestamp() -> pg_sys::TimestampTz;
    pub fn GetCurrentTimestamp() -> pg_sys::TimestampTz;
    pub fn MemoryContextRegisterResetCallback(
        context: pg_sys::MemoryContext,
        callback: *mut pg_sys::MemoryContextCallback,
    );
    pub fn GetOuterUserId() -> pg_sys::Oid;
    pub fn palloc0(size: usize) -> *mut c_void;
    pub fn pstrdup(text: *const c_char) -> *mut c_char;
    pub fn makeString(text: *mut c_char) -> *mut Node;
    pub fn ProcessInterrupts();
    pub fn exprType(expression: *const Node) -> pg_sys::Oid;
    pub fn eval_const_expressions(root: *mut pg_sys::PlannerInfo, node: *mut Node) -> *mut Node;
    pub fn inline_set_returning_function(
        root: *mut pg_sys::PlannerInfo,
        entry: *mut pg_sys::RangeTblEntry,
    ) -> *mut Query;
    pub fn check_functions_in_node(
        node: *mut Node,
        checker: unsafe extern "C-unwind" fn(pg_sys::Oid, *mut c_void) -> bool,
        context: *mut c_void,
    ) -> bool;
    pub fn copyObjectImpl(from: *const c_void) -> *mut c_void;
    pub fn datum_image_eq(left: pg_sys::Datum, right: pg_sys::Datum, by_value: bool, length: c_int) -> bool;
    pub fn lappend(list: *mut List, datum: *mut c_void) -> *mut List;
    pub fn lappend_int(list: *mut List, datum: c_int) -> *mut List;
    pub fn lappend_oid(list: *mut List, datum: pg_sys::Oid) -> *mut List;

    #[cfg_attr(not(feature = "pg15"), link_name = "query_tree_walker_impl")]
    pub fn query_tree_walker(query: *mut Query, walker: Walker, context: *mut c_void, flags: c_int) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_walker_impl")]
    pub fn expression_tree_walker(node: *mut Node, walker: Walker, context: *mut c_void) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "raw_expression_tree_walker_impl")]
    pub fn raw_expression_tree_walker(node: *mut Node, walker: Walker, context: *mut c_void) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "query_tree_mutator_impl")]
    pub fn query_tree_mutator(query: *mut Query, mutator: Mutator, context: *mut c_void, flags: c_int) -> *mut Query;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_mutator_impl")]
    pub fn expression_tree_mutator(node: *mut Node, mutator: Mutator, context: *mut c_void) -> *mut Node;

    pub fn standard_planner(
        parse: *mut Query,
        query_string: *const c_char,
        cursor_options: c_int,
        bound_params: pg_sys::ParamListInfo,
    ) -> *mut pg_sys::PlannedStmt;
    pub fn standard_ExecutorStart(query: *mut pg_sys::QueryDesc, eflags: c_int);
    #[cfg(not(feature = "pg18"))]
    pub fn standard_ExecutorRun(
        query: *mut pg_sys::QueryDesc,
        direction: pg_sys::ScanDirection::Type,
        count: u64,
        execute_once: bool,
    );
    #[cfg(feature = "pg18")]
    pub fn standard_ExecutorRun(query: *mut pg_sys::QueryDesc, direction: pg_sys::ScanDirection::Type, count: u64);
    pub fn standard_ExecutorFinish(query: *mut pg_sys::QueryDesc);
    pub fn standard_ProcessUtility(
        statement: *mut pg_sys::PlannedStmt,
        query_string: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        query_env: *mut pg_sys::QueryEnvironment,
        dest: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}
