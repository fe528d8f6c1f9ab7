//! The command under way: what the statement said, kept while it runs.
//!
//! Copied out of the statement, which the server takes apart as it goes.

use std::cell::RefCell;
use std::rc::Rc;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, AlterTableType, ConstrType, Node, NodeTag, ObjectType, Oid};

use crate::pg::{function, nesting, stored, tree};

/// One step of ALTER TABLE.
pub struct Step {
    /// What it does.
    pub kind: AlterTableType::Type,
    /// The column, constraint, trigger or index it names.
    pub name: Option<String>,
    /// The names in an expression that computes new values from old ones; `None` for what is not a plain column.
    pub computed_from: Vec<Option<String>>,
    /// It may write every row anew, and with it build every index.
    pub rewrites: bool,
}

/// What kind of command it is to us.
pub enum Kind {
    /// ALTER TABLE and its like, which says what it does step by step.
    Alter(Vec<Step>),
    /// CREATE TABLE.
    Create {
        /// How many parents it names.
        parents: usize,
        /// Nothing but columns and their types, in a table of the server's own.
        plain: bool,
        /// The columns by which its rows go to partitions of its own; `None` for an expression.
        by: Vec<Option<String>>,
    },
    /// Changes a name, an owner, a schema: no row is looked at, and what stands in the table stays what it is.
    Names,
    /// Keeps, orders or removes what is there. Those that run code over rows are looked at beforehand.
    Keeps,
    /// A command that makes one thing: what it has made is looked at.
    Makes,
    /// Anything else, what newer majors bring included.
    Other,
}

/// A utility statement under way.
pub struct Command {
    /// Who sent it: while it runs, the server may act as the table's owner.
    pub subject: Subject,
    /// What people call it.
    pub what: &'static str,
    /// What it is to us.
    pub kind: Kind,
    /// It recreates what is there: ALTER POLICY, VALIDATE, REINDEX look the same as their parts' creation.
    pub tag: NodeTag,
}

thread_local! {
    static UNDER_WAY: RefCell<Vec<Rc<Command>>> = const { RefCell::new(Vec::new()) };
}

/// A command begins in a frame of which `depths` will say what holds.
pub fn begin(depths: &mut nesting::Depths, command: Option<Command>) {
    let Some(command) = command else { return };
    UNDER_WAY.with_borrow_mut(|commands| {
        // What an ERROR left behind is pushed out.
        commands.truncate(depths.commands);
        commands.push(Rc::new(command));
        depths.commands = commands.len();
        depths.commanding = true;
    });
}

/// The command this code runs for, if it runs for one directly.
pub fn current() -> Option<Rc<Command>> {
    let depths = nesting::depths();
    if !depths.commanding {
        return None;
    }
    UNDER_WAY.with_borrow(|commands| commands.get(depths.commands.checked_sub(1)?).cloned())
}

impl Command {
    /// Reads a statement.
    ///
    /// # Safety
    /// `node` must be a valid utility statement.
    pub unsafe fn new(subject: Subject, node: *mut Node) -> Command {
        // SAFETY: as for the caller; nodes are checked by tag before they are cast.
        unsafe {
            let tag = tree::tag(node);
            let (what, kind) = match tag {
                NodeTag::T_AlterTableStmt => {
                    let alter = node.cast::<pg_sys::AlterTableStmt>();
                    let commands = (*alter).cmds;
                    let what = if (*alter).objtype == ObjectType::OBJECT_TYPE { "ALTER TYPE" } else { "ALTER TABLE" };
                    // Which index of a partition belongs to the table's: it holds what it holds.
                    let joins = |step: &Step| {
                        (*alter).objtype == ObjectType::OBJECT_INDEX && step.kind == AlterTableType::AT_AttachPartition
                    };
                    let steps = tree::iter(commands).map(|command| step(command)).filter(|step| !joins(step));
                    (what, Kind::Alter(steps.collect()))
                }
                NodeTag::T_CreateStmt => ("CREATE TABLE", create(node.cast())),
                NodeTag::T_CreateForeignTableStmt => {
                    ("CREATE FOREIGN TABLE", Kind::Create { parents: 1, plain: false, by: Vec::new() })
                }
                NodeTag::T_RenameStmt => ("ALTER … RENAME", Kind::Names),
                NodeTag::T_AlterObjectSchemaStmt => ("ALTER … SET SCHEMA", Kind::Names),
                NodeTag::T_AlterOwnerStmt => ("ALTER … OWNER TO", Kind::Names),
                NodeTag::T_AlterObjectDependsStmt => ("ALTER … DEPENDS ON EXTENSION", Kind::Names),
                NodeTag::T_ReassignOwnedStmt => ("REASSIGN OWNED", Kind::Names),
                NodeTag::T_AlterTableMoveAllStmt => ("ALTER TABLE ALL … SET TABLESPACE", Kind::Keeps),
                NodeTag::T_AlterStatsStmt => ("ALTER STATISTICS", Kind::Keeps),
                NodeTag::T_CommentStmt => ("COMMENT", Kind::Keeps),
                NodeTag::T_GrantStmt => ("GRANT", Kind::Keeps),
                NodeTag::T_DropStmt => ("DROP", Kind::Keeps),
                NodeTag::T_DropOwnedStmt => ("DROP OWNED", Kind::Keeps),
                NodeTag::T_TruncateStmt => ("TRUNCATE", Kind::Keeps),
                NodeTag::T_VacuumStmt if (*node.cast::<pg_sys::VacuumStmt>()).is_vacuumcmd => ("VACUUM", Kind::Keeps),
                NodeTag::T_VacuumStmt => ("ANALYZE", Kind::Keeps),
                NodeTag::T_ReindexStmt => ("REINDEX", Kind::Keeps),
                NodeTag::T_ClusterStmt => ("CLUSTER", Kind::Keeps),
                NodeTag::T_IndexStmt => ("CREATE INDEX", Kind::Makes),
                NodeTag::T_CreateTrigStmt => ("CREATE TRIGGER", Kind::Makes),
                NodeTag::T_RuleStmt => ("CREATE RULE", Kind::Makes),
                NodeTag::T_CreatePolicyStmt => ("CREATE POLICY", Kind::Makes),
                NodeTag::T_AlterPolicyStmt => ("ALTER POLICY", Kind::Makes),
                NodeTag::T_CreateStatsStmt => ("CREATE STATISTICS", Kind::Makes),
                NodeTag::T_CreatePublicationStmt => ("CREATE PUBLICATION", Kind::Makes),
                NodeTag::T_AlterPublicationStmt => ("ALTER PUBLICATION", Kind::Makes),
                NodeTag::T_AlterDomainStmt => ("ALTER DOMAIN", Kind::Makes),
                NodeTag::T_RefreshMatViewStmt => ("REFRESH MATERIALIZED VIEW", Kind::Other),
                _ => ("this", Kind::Other),
            };
            Command { subject, what, kind, tag }
        }
    }

    /// What comes from no utility statement: some extension's doing.
    pub fn unknown(subject: Subject) -> Command {
        Command { subject, what: "this", kind: Kind::Other, tag: NodeTag::T_Invalid }
    }

    /// Whether it changes nothing but names and owners.
    pub fn only_names(&self) -> bool {
        matches!(self.kind, Kind::Names)
    }

    /// Whether one of its steps is of this kind.
    pub fn has_step(&self, kind: AlterTableType::Type) -> bool {
        matches!(&self.kind, Kind::Alter(steps) if steps.iter().any(|step| step.kind == kind))
    }
}

unsafe fn name(name: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: null, or a string of the statement's.
    (!name.is_null()).then(|| unsafe { std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned() })
}

unsafe fn step(command: *mut pg_sys::AlterTableCmd) -> Step {
    // SAFETY: as for Command::new(); what `def` is depends on the kind of step.
    unsafe {
        let name = name((*command).name);
        let definition = (*command).def;
        let computed_from = if (*command).subtype == AlterTableType::AT_AlterColumnType && !definition.is_null() {
            stored::names((*definition.cast::<pg_sys::ColumnDef>()).raw_default)
        } else {
            Vec::new()
        };
        let rewrites = (*command).subtype != AlterTableType::AT_AddColumn
            || definition.is_null()
            || !is_constant(definition.cast());
        Step { kind: (*command).subtype, name, computed_from, rewrites }
    }
}

/// Whether a new column has one value for all rows there are, which the server keeps aside: a constant default or none,
/// and a type without conditions.
unsafe fn is_constant(column: *mut pg_sys::ColumnDef) -> bool {
    // SAFETY: as for Command::new(); nodes are checked by tag before they are cast.
    unsafe {
        let of = pg_sys::LookupTypeNameOid(std::ptr::null_mut(), (*column).typeName, true);
        // `serial` is no type, and not constant either.
        of != Oid::INVALID
            && function::is_builtin(of)
            && tree::iter::<pg_sys::Constraint>((*column).constraints).all(|constraint| match (*constraint).contype {
                ConstrType::CONSTR_DEFAULT => {
                    let mut value = (*constraint).raw_expr;
                    if !value.is_null() && tree::tag(value) == NodeTag::T_TypeCast {
                        value = (*value.cast::<pg_sys::TypeCast>()).arg;
                    }
                    !value.is_null() && tree::tag(value) == NodeTag::T_A_Const
                }
                ConstrType::CONSTR_GENERATED | ConstrType::CONSTR_IDENTITY => false,
                _ => true,
            })
    }
}

unsafe fn create(create: *mut pg_sys::CreateStmt) -> Kind {
    // SAFETY: as for Command::new().
    unsafe {
        let plain = (*create).constraints.is_null()
            && (*create).ofTypename.is_null()
            && tree::iter::<Node>((*create).tableElts).all(|element| {
                tree::tag(element) == NodeTag::T_ColumnDef && {
                    let column = element.cast::<pg_sys::ColumnDef>();
                    (*column).constraints.is_null() && (*column).raw_default.is_null()
                }
            });
        let by = if (*create).partspec.is_null() {
            Vec::new()
        } else {
            let keys = tree::iter::<pg_sys::PartitionElem>((*(*create).partspec).partParams);
            keys.map(|key| name((*key).name)).collect()
        };
        Kind::Create { parents: tree::len((*create).inhRelations), plain, by }
    }
}
