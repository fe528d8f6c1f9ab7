//! What a plan relied on, written into the plan itself.
//!
//! The carrier is the plan's list of invalidation items: entries with negative cache ids survive into the plan cache,
//! are copied with the plan, and nobody else looks at them (engine.md 2.3). A stamp is self-contained.

use pgrx::pg_sys::{NodeTag, Oid, PlanInvalItem, PlannedStmt};

use crate::pg::{raw, tree};

/// The first of our cache ids; the n-th word of a stamp is at `FIRST - n`.
const FIRST: i32 = -0x4A4D_0000;
/// More words than any stamp has.
const MOST: usize = 1 << 16;
/// Goes up when the layout changes; a plan never outlives the library, so this only guards against mistakes.
const VERSION: u32 = 1;

/// How a plan treats protected relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads none; the stamp is there for `direct` only.
    Untouched,
    /// At least one column is masked, and none revealed by a grant.
    Masked,
    /// At least one column is revealed by a grant.
    Revealing,
    /// Everything is raw without any grant.
    Exempt,
    /// A foreign key check of the server's own.
    ForeignKey,
}

/// What a plan relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// How it treats protected relations.
    pub kind: Kind,
    /// The client's own statement, of a form in which deciding functions may be called.
    pub direct: bool,
    /// Grants were counted.
    pub counted: bool,
    /// All code in the statement itself is trusted; grants may count if the circumstances allow.
    pub trusted: bool,
    /// The statement's row security was worked out for this role.
    pub row_security: bool,
    /// `session_user` when it was planned.
    pub login: u32,
    /// `current_user` when it was planned.
    pub role: u32,
    /// The role counted as a superuser when it was planned.
    pub superuser: bool,
    /// The session's state it was planned under; [`Stamp::NO_STATE`] if the plan shows anything raw.
    pub state: u64,
    /// The first instant at which the clock alone may have changed a decision; `i64::MAX` for never.
    pub valid_until: i64,
    /// The query, as `saved` knows it.
    pub query: [u8; 16],
    /// The decisions, condensed.
    pub digest: [u8; 16],
    /// The protected relations it reads.
    pub relations: Vec<u32>,
    /// The columns it reveals by grants: relation and number.
    pub revealed: Vec<(u32, i16)>,
    /// The grants it reveals them by.
    pub grants: Vec<i64>,
}

impl Stamp {
    /// A state that never is: states count from 1.
    pub const NO_STATE: u64 = 0;

    /// A stamp for a statement that reads nothing protected.
    pub fn untouched(direct: bool) -> Self {
        Stamp {
            kind: Kind::Untouched,
            direct,
            counted: false,
            trusted: false,
            row_security: false,
            login: 0,
            role: 0,
            superuser: false,
            state: Stamp::NO_STATE,
            valid_until: i64::MAX,
            query: [0; 16],
            digest: [0; 16],
            relations: Vec::new(),
            revealed: Vec::new(),
            grants: Vec::new(),
        }
    }

    fn to_words(&self) -> Vec<u32> {
        let kind = match self.kind {
            Kind::Untouched => 0,
            Kind::Masked => 1,
            Kind::Revealing => 2,
            Kind::Exempt => 3,
            Kind::ForeignKey => 4,
        };
        let flag = |set: bool, bit: u32| u32::from(set) << bit;
        let flags = flag(self.direct, 8)
            | flag(self.counted, 9)
            | flag(self.trusted, 10)
            | flag(self.row_security, 11)
            | flag(self.superuser, 12);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut words = vec![VERSION, kind | flags, self.login, self.role];
        push_long(&mut words, self.state);
        push_long(&mut words, self.valid_until as u64);
        for bytes in [self.query, self.digest] {
            words.extend(
                bytes.chunks_exact(4).map(|four| four.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte))),
            );
        }
        words.push(count(self.relations.len()));
        words.extend(&self.relations);
        words.push(count(self.revealed.len()));
        for (relation, column) in &self.revealed {
            words.extend([*relation, *column as u16 as u32]);
        }
        words.push(count(self.grants.len()));
        self.grants.iter().for_each(|grant| push_long(&mut words, *grant as u64));
        words
    }

    fn from_words(words: &[u32]) -> Option<Self> {
        let mut words = Words(words.iter());
        if words.next()? != VERSION {
            return None;
        }
        let first = words.next()?;
        let kind = match first & 0xFF {
            0 => Kind::Untouched,
            1 => Kind::Masked,
            2 => Kind::Revealing,
            3 => Kind::Exempt,
            4 => Kind::ForeignKey,
            _ => return None,
        };
        let flag = |bit: u32| first & (1 << bit) != 0;
        let (login, role) = (words.next()?, words.next()?);
        let (state, valid_until) = (words.long()?, words.long()? as i64);
        let (query, digest) = (words.bytes()?, words.bytes()?);
        let relations = (0..words.next()?).map(|_| words.next()).collect::<Option<_>>()?;
        let revealed =
            (0..words.next()?).map(|_| Some((words.next()?, words.next()? as u16 as i16))).collect::<Option<_>>()?;
        let grants = (0..words.next()?).map(|_| words.long().map(|long| long as i64)).collect::<Option<_>>()?;
        Some(Stamp {
            kind,
            direct: flag(8),
            counted: flag(9),
            trusted: flag(10),
            row_security: flag(11),
            login,
            role,
            superuser: flag(12),
            state,
            valid_until,
            query,
            digest,
            relations,
            revealed,
            grants,
        })
    }

    /// Writes the stamp into a plan.
    ///
    /// # Safety
    /// `plan` must be valid, and not yet in use by anybody else.
    pub unsafe fn write(&self, plan: *mut PlannedStmt) {
        for (place, word) in self.to_words().into_iter().enumerate().take(MOST) {
            // SAFETY: fresh nodes in the plan's own memory context, which is the current one in the planner.
            unsafe {
                let item = tree::make::<PlanInvalItem>(NodeTag::T_PlanInvalItem);
                (*item).cacheId = FIRST - i32::try_from(place).unwrap_or(0);
                (*item).hashValue = word;
                (*plan).invalItems = raw::lappend((*plan).invalItems, item.cast());
            }
        }
    }

    /// Reads the stamp of a plan; `None` if it has none (or one that can't be read, which is the same).
    ///
    /// # Safety
    /// `plan` must be valid.
    pub unsafe fn read(plan: *const PlannedStmt) -> Option<Self> {
        // SAFETY: the list holds PlanInvalItems.
        let words: Vec<u32> = unsafe {
            tree::iter::<PlanInvalItem>((*plan).invalItems)
                .filter(|item| is_ours(*item))
                .map(|item| (*item).hashValue)
                .collect()
        };
        if words.is_empty() { None } else { Stamp::from_words(&words) }
    }

    /// The protected relations as OIDs.
    pub fn relation_oids(&self) -> impl Iterator<Item = Oid> {
        self.relations.iter().map(|relation| Oid::from(*relation))
    }
}

/// Whether a plan carries anything of ours, readable or not. Can neither raise nor panic.
///
/// # Safety
/// `plan` must be valid.
pub unsafe fn is_there(plan: *const PlannedStmt) -> bool {
    // SAFETY: the list holds PlanInvalItems.
    unsafe { tree::iter::<PlanInvalItem>((*plan).invalItems).any(|item| is_ours(item)) }
}

unsafe fn is_ours(item: *const PlanInvalItem) -> bool {
    // SAFETY: as for is_there().
    let id = unsafe { (*item).cacheId };
    id <= FIRST && id > FIRST - MOST as i32
}

fn push_long(words: &mut Vec<u32>, long: u64) {
    words.extend([(long >> 32) as u32, long as u32]);
}

struct Words<'a>(std::slice::Iter<'a, u32>);

impl Words<'_> {
    fn next(&mut self) -> Option<u32> {
        self.0.next().copied()
    }

    fn long(&mut self) -> Option<u64> {
        Some((u64::from(self.next()?) << 32) | u64::from(self.next()?))
    }

    fn bytes(&mut self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        for four in bytes.chunks_exact_mut(4) {
            four.copy_from_slice(&self.next()?.to_be_bytes());
        }
        Some(bytes)
    }
}
