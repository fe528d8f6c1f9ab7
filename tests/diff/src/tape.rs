//! Decisions: the generator asks, the tape answers and remembers.
//!
//! What must hold: the same tape gives the same statement, however short it is: where it has no answer, the answer is 0,
//! and 0 is always the simplest one. So a failing statement is made smaller by making its tape smaller, and no part of
//! the generator needs to know how. Answers that make one part of a statement form a span of their own: taking away from
//! it does not change what the rest means.

/// A part of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// One answer.
    Answer(u32),
    /// The answers of one part.
    Span(Vec<Node>),
}

/// Answers, from a source of randomness or from an earlier run.
pub struct Tape {
    source: Option<u64>,
    /// What is still given: of the open spans, the innermost last; each with the next node last.
    given: Vec<Vec<Node>>,
    /// What was answered: of the open spans, the innermost last.
    record: Vec<Vec<Node>>,
}

impl Tape {
    /// Random answers, the same for the same seed.
    pub fn random(seed: u64) -> Tape {
        Tape { source: Some(seed), given: vec![Vec::new()], record: vec![Vec::new()] }
    }

    /// The answers of an earlier run, or of something smaller.
    pub fn replay(record: &[Node]) -> Tape {
        Tape { source: None, given: vec![reversed(record)], record: vec![Vec::new()] }
    }

    /// All answers so far, once every span is left.
    pub fn into_record(self) -> Vec<Node> {
        self.record.into_iter().next().unwrap_or_default()
    }

    /// Begins a part.
    pub fn enter(&mut self) {
        let mut span = Vec::new();
        if let Some(given) = self.given.last_mut() {
            while let Some(node) = given.pop() {
                if let Node::Span(nodes) = node {
                    span = reversed(&nodes);
                    break;
                }
            }
        }
        self.given.push(span);
        self.record.push(Vec::new());
    }

    /// Ends a part.
    pub fn leave(&mut self) {
        self.given.pop();
        if let Some(span) = self.record.pop() {
            self.note(Node::Span(span));
        }
    }

    fn note(&mut self, node: Node) {
        if let Some(open) = self.record.last_mut() {
            open.push(node);
        }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u32::try_from(end.max(1)).unwrap();
        let answer = match &mut self.source {
            Some(state) => (((next(state) >> 32) * u64::from(end)) >> 32) as u32,
            None => self.next_given().min(end - 1),
        };
        self.note(Node::Answer(answer));
        answer as usize
    }

    /// The next answer of this span. One that stands beyond a part which was not asked for is not skipped to.
    fn next_given(&mut self) -> u32 {
        let Some(given) = self.given.last_mut() else { return 0 };
        match given.last() {
            Some(Node::Answer(answer)) => {
                let answer = *answer;
                given.pop();
                answer
            }
            _ => 0,
        }
    }

    /// Yes, so many times in a hundred; a simple tape says no.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of several; the first is the simplest.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// The place of one of several that are to come so many times each; the first is the simplest.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut answer = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if answer < *weight {
                return place;
            }
            answer -= weight;
        }
        0
    }
}

fn reversed(nodes: &[Node]) -> Vec<Node> {
    nodes.iter().rev().cloned().collect()
}

/// splitmix64: small, and good enough to be surprised by.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The seed of one statement of a run.
pub fn seed_of(run: u64, index: u64) -> u64 {
    let mut state = run ^ index.wrapping_mul(0xD605_BBB5_8C8A_BC03);
    next(&mut state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(tape: &mut Tape) -> Vec<usize> {
        let mut answers = vec![tape.below(1000)];
        tape.enter();
        answers.extend([tape.below(1000), tape.below(1000)]);
        tape.leave();
        answers.push(tape.below(1000));
        answers
    }

    #[test]
    fn a_tape_that_is_replayed_answers_the_same() {
        let mut first = Tape::random(7);
        let answers = ask(&mut first);
        assert_eq!(ask(&mut Tape::replay(&first.into_record())), answers);
        assert_ne!(ask(&mut Tape::random(8)), answers);
    }

    #[test]
    fn past_its_end_a_tape_gives_the_simplest_answers() {
        let mut tape = Tape::replay(&[Node::Answer(3), Node::Answer(99)]);
        assert_eq!((tape.below(10), tape.below(10), tape.below(10), tape.chance(99)), (3, 9, 0, false));
        assert_eq!(tape.weighted(&[1, 5]), 0);
    }

    #[test]
    fn a_part_that_is_emptied_leaves_the_rest_as_it_was() {
        let tape = [Node::Answer(5), Node::Span(Vec::new()), Node::Answer(6)];
        assert_eq!(ask(&mut Tape::replay(&tape)), vec![5, 0, 0, 6]);
    }
}
