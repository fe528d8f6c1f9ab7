//! Counting votes: who counts, and what follows.
//!
//! For: `approve` and `deny`, which store the new vote and then ask [`decide_votes`] about all of them.
//! Must hold: only eligible people count, the requester never, only votes on the current revision, each person once;
//! whoever both approved and denied has denied. Enough denials beat enough approvals.

use std::collections::BTreeSet;

/// A person: the OID of a login.
pub type PersonId = u32;

/// Which way a vote goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteKind {
    /// For the request.
    Approve,
    /// Against it.
    Deny,
}

impl VoteKind {
    /// The word in `jitmask.vote`.
    pub fn as_str(self) -> &'static str {
        match self {
            VoteKind::Approve => "approve",
            VoteKind::Deny => "deny",
        }
    }

    /// Reads the word in `jitmask.vote`.
    pub fn parse(word: &str) -> Option<VoteKind> {
        [VoteKind::Approve, VoteKind::Deny].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One vote as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who voted.
    pub voter: PersonId,
    /// Which way.
    pub kind: VoteKind,
    /// The revision of the request that the voter saw.
    pub revision: i32,
}

/// What the votes say so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Neither threshold is reached.
    Pending,
    /// Enough people approved, and not enough denied.
    Approved,
    /// Enough people denied.
    Denied,
}

/// The count. Only [`decide_votes`] makes one, so an [`Outcome::Approved`] has been earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// People whose approval counts.
    pub approvals: u32,
    /// People whose denial counts.
    pub denials: u32,
    /// What follows.
    pub outcome: Outcome,
}

/// Counts `votes` on `revision` of a request by `requester`, which `eligible` people may decide.
///
/// `quorum` approvals approve, `deny_threshold` denials deny; either is taken as 1 if it is less. Pass as `eligible`
/// those fixed when the request was made, less whoever has lost the right since.
pub fn decide_votes(
    votes: &[Vote],
    revision: i32,
    eligible: &[PersonId],
    requester: PersonId,
    quorum: i32,
    deny_threshold: i32,
) -> Tally {
    let people = |kind: VoteKind| -> BTreeSet<PersonId> {
        let counts = |vote: &&Vote| {
            vote.kind == kind && vote.revision == revision && vote.voter != requester && eligible.contains(&vote.voter)
        };
        votes.iter().filter(counts).map(|vote| vote.voter).collect()
    };
    let denied = people(VoteKind::Deny);
    let approved = people(VoteKind::Approve);
    let approvals = count(approved.difference(&denied));
    let denials = count(denied.iter());
    let outcome = if denials >= at_least_one(deny_threshold) {
        Outcome::Denied
    } else if approvals >= at_least_one(quorum) {
        Outcome::Approved
    } else {
        Outcome::Pending
    };
    Tally { approvals, denials, outcome }
}

fn count<'a>(people: impl Iterator<Item = &'a PersonId>) -> u32 {
    u32::try_from(people.count()).unwrap_or(u32::MAX)
}

/// A threshold of nobody would decide by itself.
fn at_least_one(threshold: i32) -> u32 {
    u32::try_from(threshold).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::VoteKind::{Approve, Deny};
    use super::*;
    use proptest::prelude::*;

    const REQUESTER: PersonId = 9;

    fn tally(votes: &[(PersonId, VoteKind, i32)], quorum: i32, deny: i32) -> (u32, u32, Outcome) {
        let votes: Vec<Vote> = votes.iter().map(|&(voter, kind, revision)| Vote { voter, kind, revision }).collect();
        let tally = decide_votes(&votes, 2, &[1, 2, 3, REQUESTER], REQUESTER, quorum, deny);
        (tally.approvals, tally.denials, tally.outcome)
    }

    #[test]
    fn a_quorum_of_different_people_approves() {
        assert_eq!(tally(&[(1, Approve, 2)], 2, 1), (1, 0, Outcome::Pending));
        assert_eq!(tally(&[(1, Approve, 2), (1, Approve, 2)], 2, 1), (1, 0, Outcome::Pending));
        assert_eq!(tally(&[(1, Approve, 2), (3, Approve, 2)], 2, 1), (2, 0, Outcome::Approved));
    }

    #[test]
    fn the_requester_strangers_and_old_revisions_do_not_count() {
        assert_eq!(tally(&[(REQUESTER, Approve, 2)], 1, 1), (0, 0, Outcome::Pending));
        assert_eq!(tally(&[(7, Approve, 2), (7, Deny, 2)], 1, 1), (0, 0, Outcome::Pending));
        assert_eq!(tally(&[(1, Approve, 1), (2, Deny, 3)], 1, 1), (0, 0, Outcome::Pending));
    }

    #[test]
    fn denial_wins_over_approval() {
        assert_eq!(tally(&[(1, Deny, 2), (1, Approve, 2)], 1, 2), (0, 1, Outcome::Pending));
        assert_eq!(tally(&[(1, Approve, 2), (2, Deny, 2)], 1, 1), (1, 1, Outcome::Denied));
        assert_eq!(tally(&[(1, Approve, 2), (2, Deny, 2)], 1, 2), (1, 1, Outcome::Approved));
    }

    #[test]
    fn a_threshold_of_nobody_decides_nothing() {
        assert_eq!(tally(&[], 0, 0), (0, 0, Outcome::Pending));
        assert_eq!(tally(&[], i32::MIN, -1), (0, 0, Outcome::Pending));
    }

    proptest! {
        #[test]
        fn the_order_of_votes_and_repeats_do_not_matter(
            votes in prop::collection::vec((0..5u32, any::<bool>(), 1..4i32), 0..12),
            quorum in -1..4i32,
            deny in -1..4i32,
        ) {
            let votes: Vec<_> = votes.into_iter().map(|(p, yes, r)| (p, if yes { Approve } else { Deny }, r)).collect();
            let mut twice: Vec<_> = votes.iter().rev().copied().collect();
            twice.extend(&votes);
            prop_assert_eq!(tally(&votes, quorum, deny), tally(&twice, quorum, deny));
        }
    }
}
