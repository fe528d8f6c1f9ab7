//! The life of a request: from asking to a decision that is final.
//!
//! For: `request`, `approve`, `deny`, `cancel` and the bookkeeping of time-outs, which read the state under a lock, ask
//! [`next`], and store what it answers.
//! Must hold: nothing leaves a final state, and only a [`Tally`] that says so leads to `approved`. After an amendment
//! the caller counts votes on the new revision only; an earlier approval is worth nothing then.
//! What an approved request turns into has a life of its own: see [`super::grant`]. Both share one id.

use std::fmt;

use thiserror::Error;

pub use super::grant::{GrantEvent, GrantState, next as next_grant};
pub use super::vote::{Outcome, PersonId, Tally, Vote, VoteKind, decide_votes};

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// Waits for votes.
    Pending,
    /// Waits for its requester to amend it.
    ChangesRequested,
    /// Granted: the grant of the same id tells the rest. Final.
    Approved,
    /// Turned down. Final.
    Denied,
    /// Taken back by its requester, or withdrawn by an admin. Final.
    Cancelled,
    /// Not decided in time. Final.
    TimedOut,
}

impl RequestState {
    /// Every state there is.
    pub const ALL: [RequestState; 6] = [
        RequestState::Pending,
        RequestState::ChangesRequested,
        RequestState::Approved,
        RequestState::Denied,
        RequestState::Cancelled,
        RequestState::TimedOut,
    ];

    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestState::Pending => "pending",
            RequestState::ChangesRequested => "changes_requested",
            RequestState::Approved => "approved",
            RequestState::Denied => "denied",
            RequestState::Cancelled => "cancelled",
            RequestState::TimedOut => "timed_out",
        }
    }

    /// Reads the word in SQL.
    pub fn parse(word: &str) -> Option<RequestState> {
        RequestState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing can change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, RequestState::Pending | RequestState::ChangesRequested)
    }
}

impl fmt::Display for RequestState {
    /// For people: the word in SQL with spaces.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            RequestState::ChangesRequested => "waiting for changes",
            RequestState::TimedOut => "timed out",
            other => other.as_str(),
        })
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// A vote came in, and all of them were counted anew.
    Counted(Tally),
    /// A decider wants it changed first.
    RequestChanges,
    /// Its requester changed it: a new revision begins, without votes.
    Amend,
    /// It is taken back.
    Cancel,
    /// The time to decide is over.
    TimeOut,
}

/// Why something can't happen now. `Display` is for people: lower case, no full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request is in a final state.
    #[error("the request is {0} already")]
    RequestOver(RequestState),
    /// The request has to be amended before anybody can decide it.
    #[error("the request is waiting for changes by its requester")]
    AwaitsChanges,
    /// The grant is in a final state.
    #[error("the grant is {0} already")]
    GrantOver(GrantState),
    /// The grant is in a state in which this makes no sense.
    #[error("a grant that is {0} can't be {1}")]
    GrantNot(GrantState, GrantEvent),
}

/// The state after `event`, or why it can't happen.
pub fn next(state: RequestState, event: RequestEvent) -> Result<RequestState, Refusal> {
    use RequestEvent as E;
    use RequestState as S;
    match (state, event) {
        (S::Approved | S::Denied | S::Cancelled | S::TimedOut, _) => Err(Refusal::RequestOver(state)),
        (_, E::Cancel) => Ok(S::Cancelled),
        (_, E::TimeOut) => Ok(S::TimedOut),
        (_, E::Amend) => Ok(S::Pending),
        (S::ChangesRequested, E::Counted(_) | E::RequestChanges) => Err(Refusal::AwaitsChanges),
        (S::Pending, E::RequestChanges) => Ok(S::ChangesRequested),
        (S::Pending, E::Counted(tally)) => Ok(match tally.outcome {
            Outcome::Pending => S::Pending,
            Outcome::Approved => S::Approved,
            Outcome::Denied => S::Denied,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUESTER: PersonId = 0;

    /// What people and time may do to a request, in any order.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Vote { voter: PersonId, kind: VoteKind, behind: i32 },
        RequestChanges,
        Amend,
        Cancel,
        TimeOut,
    }

    fn step() -> impl Strategy<Value = Step> {
        let kind = prop_oneof![4 => Just(VoteKind::Approve), 1 => Just(VoteKind::Deny)];
        prop_oneof![
            20 => (0..6u32, kind, 0..2i32).prop_map(|(voter, kind, behind)| Step::Vote { voter, kind, behind }),
            2 => Just(Step::RequestChanges),
            4 => Just(Step::Amend),
            1 => Just(Step::Cancel),
            1 => Just(Step::TimeOut),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_sequence_approves_without_the_quorum(
            steps in prop::collection::vec(step(), 0..40),
            eligible in prop::collection::vec(0..6u32, 0..6),
            quorum in 1..4i32, deny_threshold in 1..4i32,
        ) {
            let (mut state, mut revision, mut votes) = (RequestState::Pending, 1, Vec::new());
            for step in steps {
                let event = match step {
                    Step::Vote { voter, kind, behind } => {
                        votes.push(Vote { voter, kind, revision: revision - behind });
                        let tally = decide_votes(&votes, revision, &eligible, REQUESTER, quorum, deny_threshold);
                        RequestEvent::Counted(tally)
                    }
                    Step::RequestChanges => RequestEvent::RequestChanges,
                    Step::Amend => RequestEvent::Amend,
                    Step::Cancel => RequestEvent::Cancel,
                    Step::TimeOut => RequestEvent::TimeOut,
                };
                let before = state;
                match next(state, event) {
                    Ok(after) => {
                        prop_assert!(!before.is_final());
                        state = after;
                        revision += i32::from(matches!(step, Step::Amend));
                    }
                    Err(_) => {
                        // A vote that is refused is not stored.
                        if matches!(step, Step::Vote { .. }) { votes.pop(); }
                    }
                }
                if state == RequestState::Approved {
                    break;
                }
            }
            if state == RequestState::Approved {
                // Counted by hand, in another way than the code under test.
                let said = |person: PersonId, kind| {
                    votes.iter().any(|vote| vote.voter == person && vote.kind == kind && vote.revision == revision)
                };
                let approving = (1..6u32)
                    .filter(|person| eligible.contains(person))
                    .filter(|&person| said(person, VoteKind::Approve) && !said(person, VoteKind::Deny))
                    .count();
                prop_assert!(approving >= quorum as usize);
            }
        }
    }

    #[test]
    fn the_straight_path_gets_there() {
        let vote = |voter| Vote { voter, kind: VoteKind::Approve, revision: 1 };
        let one = decide_votes(&[vote(1)], 1, &[1, 2], REQUESTER, 2, 1);
        let two = decide_votes(&[vote(1), vote(2)], 1, &[1, 2], REQUESTER, 2, 1);
        assert_eq!(next(RequestState::Pending, RequestEvent::Counted(one)), Ok(RequestState::Pending));
        assert_eq!(next(RequestState::Pending, RequestEvent::Counted(two)), Ok(RequestState::Approved));
        let waiting = next(RequestState::Pending, RequestEvent::RequestChanges);
        assert_eq!(waiting, Ok(RequestState::ChangesRequested));
        assert_eq!(next(RequestState::ChangesRequested, RequestEvent::Counted(two)), Err(Refusal::AwaitsChanges));
    }

    #[test]
    fn words_are_read_back_and_refusals_read_well() {
        for state in RequestState::ALL {
            assert_eq!(RequestState::parse(state.as_str()), Some(state));
        }
        assert_eq!(RequestState::parse("Pending"), None);
        let refusal = next(RequestState::TimedOut, RequestEvent::Cancel).unwrap_err();
        assert_eq!(refusal.to_string(), "the request is timed out already");
    }
}
