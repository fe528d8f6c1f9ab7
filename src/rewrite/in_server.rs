//! In-server tests of what has no SQL face. Each is an SQL function of schema `tests` that raises when it fails.

#[pgrx::pg_schema]
mod tests {
    use pgrx::pg_sys::{self, NodeTag};
    use pgrx::prelude::*;

    use crate::pg::{nesting, shared, tree};
    use crate::rewrite::saved;
    use crate::rewrite::stamp::{Kind, Stamp};

    fn sample() -> Stamp {
        Stamp {
            kind: Kind::Revealing,
            direct: false,
            counted: true,
            trusted: true,
            row_security: true,
            login: 16_385,
            role: u32::MAX,
            superuser: true,
            state: 0x0123_4567_89AB_CDEF,
            valid_until: -5,
            query: std::array::from_fn(|place| place as u8),
            digest: [0xFE; 16],
            relations: vec![1, 2, u32::MAX],
            revealed: vec![(7, -1), (u32::MAX, i16::MAX)],
            grants: vec![i64::MIN, 17],
        }
    }

    #[pg_extern]
    fn stamp_survives_copying_the_plan() {
        // SAFETY: a fresh plan node, copied by the server as its plan cache does.
        unsafe {
            let plan = tree::make::<pg_sys::PlannedStmt>(NodeTag::T_PlannedStmt);
            let foreign = tree::make::<pg_sys::PlanInvalItem>(NodeTag::T_PlanInvalItem);
            (*foreign).cacheId = 45;
            (*plan).invalItems = pg_sys::lappend((*plan).invalItems, foreign.cast());
            assert!(Stamp::read(plan).is_none(), "a plan without a stamp must not seem to have one");
            sample().write(plan);
            let copy = pg_sys::copyObjectImpl(plan.cast()).cast::<pg_sys::PlannedStmt>();
            assert!(Stamp::read(copy) == Some(sample()), "the stamp must be read as it was written");
        }
    }

    #[pg_extern]
    fn every_kind_of_stamp_is_read_back() {
        for kind in [Kind::Untouched, Kind::Masked, Kind::Revealing, Kind::Exempt, Kind::ForeignKey] {
            // SAFETY: as above.
            unsafe {
                let plan = tree::make::<pg_sys::PlannedStmt>(NodeTag::T_PlannedStmt);
                Stamp { kind, ..sample() }.write(plan);
                assert!(Stamp::read(plan).is_some_and(|stamp| stamp.kind == kind));
            }
        }
    }

    #[pg_extern]
    fn frames_left_by_an_error_are_forgotten() {
        let here = 0u8;
        let outer = (&raw const here) as usize;
        let before = nesting::depths();
        nesting::enter(outer, |depths| depths.storing += 1);
        let inside = nesting::depths();
        assert!(inside.level == before.level + 1 && inside.storing == before.storing + 1);
        // A deeper frame that nobody leaves, as after an ERROR.
        deeper();
        assert!(nesting::depths() == inside, "a frame deeper than the code asking is dead");
        nesting::leave(outer);
        assert!(nesting::depths() == before, "leaving puts back what held before");
    }

    #[inline(never)]
    fn deeper() {
        let room = [0u8; 4096];
        nesting::enter((&raw const room) as usize, |depths| depths.untrusted += 1);
    }

    /// The cluster these tests run in is thrown away; its later readings stay behind.
    #[pg_extern]
    fn time_that_was_seen_does_not_come_back() {
        let before = shared::clock();
        let hour_ahead = before.time + 3_600_000_000;
        shared::pretend_seen(hour_ahead);
        let after = shared::clock();
        assert!(after.behind, "a clock that shows less than was seen runs behind");
        assert!(after.time >= hour_ahead, "what ran out by the time that was seen stays so");
    }

    #[pg_extern]
    fn saved_queries_are_found_by_content() {
        // SAFETY: fresh query nodes.
        unsafe {
            let query = |limit: bool| {
                let query = tree::make::<pg_sys::Query>(NodeTag::T_Query);
                (*query).commandType = pg_sys::CmdType::CMD_SELECT;
                (*query).hasAggs = limit;
                query
            };
            let name = saved::keep(query(false), 7);
            assert!(name == saved::keep(query(false), 7), "the same query has the same name");
            assert!(name != saved::keep(query(true), 7), "another query has another");
            assert!(name != saved::keep(query(false), 8), "other planning options make another");
            assert!(saved::find(&name).is_some_and(|(_, options)| options == 7));
            assert!(saved::find(&[0; 16]).is_none());
        }
    }
}
