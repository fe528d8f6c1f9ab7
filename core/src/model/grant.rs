//! The life of a grant: from approval to an end that is final.
//!
//! For: `approve` (which makes one), `revoke` and the bookkeeping of ends; the states are those of `jitmask.grant_`.
//! Must hold: nothing leaves a final state, so no grant comes back to life; only `active` reveals anything. The state
//! is what was recorded; whether a grant has run out is a question to the wall clock, asked at every use
//! ([`super::decide`]), and no bookkeeping has to happen first.

use std::fmt;

use super::request::Refusal;

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantState {
    /// Approved, begins later.
    Scheduled,
    /// Reveals, until its end.
    Active,
    /// Held back; may go on.
    Suspended,
    /// Ran out. Final.
    Ended,
    /// Its uses or rows are used up. Final.
    Exhausted,
    /// Taken away. Final.
    Revoked,
    /// Given back by its holder. Final.
    Returned,
    /// Never used in time. Final.
    Lapsed,
}

impl GrantState {
    /// Every state there is.
    pub const ALL: [GrantState; 8] = [
        GrantState::Scheduled,
        GrantState::Active,
        GrantState::Suspended,
        GrantState::Ended,
        GrantState::Exhausted,
        GrantState::Revoked,
        GrantState::Returned,
        GrantState::Lapsed,
    ];

    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            GrantState::Scheduled => "scheduled",
            GrantState::Active => "active",
            GrantState::Suspended => "suspended",
            GrantState::Ended => "ended",
            GrantState::Exhausted => "exhausted",
            GrantState::Revoked => "revoked",
            GrantState::Returned => "returned",
            GrantState::Lapsed => "lapsed",
        }
    }

    /// Reads the word in SQL.
    pub fn parse(word: &str) -> Option<GrantState> {
        GrantState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing can change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, GrantState::Scheduled | GrantState::Active | GrantState::Suspended)
    }
}

impl fmt::Display for GrantState {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a grant. `Display` is the participle: "can't be …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantEvent {
    /// Its start has come.
    Start,
    /// Its end has come.
    End,
    /// Its last use or row was spent.
    Exhaust,
    /// Somebody with the right takes it away.
    Revoke,
    /// Its holder gives it back.
    Return,
    /// It was not used in time.
    Lapse,
    /// It is held back.
    Suspend,
    /// It goes on; `started` says whether its start has come.
    Resume {
        /// Active again if so, scheduled if not.
        started: bool,
    },
}

impl fmt::Display for GrantEvent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            GrantEvent::Start => "started",
            GrantEvent::End => "ended",
            GrantEvent::Exhaust => "exhausted",
            GrantEvent::Revoke => "revoked",
            GrantEvent::Return => "returned",
            GrantEvent::Lapse => "lapsed",
            GrantEvent::Suspend => "suspended",
            GrantEvent::Resume { .. } => "resumed",
        })
    }
}

/// The state after `event`, or why it can't happen.
pub fn next(state: GrantState, event: GrantEvent) -> Result<GrantState, Refusal> {
    use GrantEvent as E;
    use GrantState as S;
    match (state, event) {
        (S::Ended | S::Exhausted | S::Revoked | S::Returned | S::Lapsed, _) => Err(Refusal::GrantOver(state)),
        // However it stands, it can run out and be taken or given back.
        (_, E::End) => Ok(S::Ended),
        (_, E::Revoke) => Ok(S::Revoked),
        (_, E::Return) => Ok(S::Returned),
        (S::Scheduled, E::Start) => Ok(S::Active),
        (S::Active, E::Exhaust) => Ok(S::Exhausted),
        (S::Scheduled | S::Active, E::Suspend) => Ok(S::Suspended),
        (S::Scheduled | S::Suspended, E::Lapse) => Ok(S::Lapsed),
        (S::Suspended, E::Resume { started: true }) => Ok(S::Active),
        (S::Suspended, E::Resume { started: false }) => Ok(S::Scheduled),
        _ => Err(Refusal::GrantNot(state, event)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [GrantEvent; 9] = [
        GrantEvent::Start,
        GrantEvent::End,
        GrantEvent::Exhaust,
        GrantEvent::Revoke,
        GrantEvent::Return,
        GrantEvent::Lapse,
        GrantEvent::Suspend,
        GrantEvent::Resume { started: true },
        GrantEvent::Resume { started: false },
    ];

    #[test]
    fn every_live_grant_can_be_revoked_and_runs_out() {
        for state in GrantState::ALL.into_iter().filter(|state| !state.is_final()) {
            assert_eq!(next(state, GrantEvent::Revoke), Ok(GrantState::Revoked));
            assert_eq!(next(state, GrantEvent::End), Ok(GrantState::Ended));
        }
    }

    #[test]
    fn a_scheduled_or_suspended_grant_spends_nothing() {
        let refusal = next(GrantState::Suspended, GrantEvent::Exhaust).unwrap_err();
        assert_eq!(refusal.to_string(), "a grant that is suspended can't be exhausted");
        assert!(next(GrantState::Scheduled, GrantEvent::Exhaust).is_err());
    }

    #[test]
    fn words_are_read_back() {
        for state in GrantState::ALL {
            assert_eq!(GrantState::parse(state.as_str()), Some(state));
        }
        assert_eq!(GrantState::parse(""), None);
    }

    proptest! {
        #[test]
        fn a_grant_that_is_over_stays_as_it_is(events in prop::collection::vec(0..EVENTS.len(), 0..30)) {
            let mut state = GrantState::Scheduled;
            for event in events {
                let after = next(state, EVENTS[event]);
                if state.is_final() {
                    prop_assert_eq!(after, Err(Refusal::GrantOver(state)));
                }
                state = after.unwrap_or(state);
            }
        }

        #[test]
        fn only_a_start_or_a_resumption_makes_it_active(state in 0..8usize, event in 0..EVENTS.len()) {
            let (state, event) = (GrantState::ALL[state], EVENTS[event]);
            if next(state, event) == Ok(GrantState::Active) {
                let starts = (state, event) == (GrantState::Scheduled, GrantEvent::Start);
                let resumes = (state, event) == (GrantState::Suspended, GrantEvent::Resume { started: true });
                prop_assert!(starts || resumes);
            }
        }
    }
}
