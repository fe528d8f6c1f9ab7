//! Makes a failing tape smaller, while it still fails.

use std::time::{Duration, Instant};

use crate::tape::Node;

/// The smallest tape found that still fails. `fails` says whether a tape does, and how the answers were really used.
pub fn shrink(tape: Vec<Node>, patience: Duration, mut fails: impl FnMut(&[Node]) -> Option<Vec<Node>>) -> Vec<Node> {
    let start = Instant::now();
    let mut best = tape;
    loop {
        let mut better = false;
        let mut place = 0;
        // Places count nodes in the order in which they were asked for, so large parts come before what is in them.
        while place < size(&best) {
            let mut changed = false;
            for candidate in smaller_at(&best, place) {
                if start.elapsed() > patience {
                    return best;
                }
                if let Some(used) = fails(&candidate).filter(|used| weight(used) < weight(&best)) {
                    best = used;
                    changed = true;
                    break;
                }
            }
            better |= changed;
            if !changed {
                place += 1;
            }
        }
        if !better {
            return best;
        }
    }
}

fn size(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + if let Node::Span(inner) = node { size(inner) } else { 0 }).sum()
}

/// What is to be made small: first the number of nodes, then the answers.
fn weight(nodes: &[Node]) -> (usize, u64) {
    fn sum(nodes: &[Node]) -> u64 {
        nodes.iter().map(|node| if let Node::Span(inner) = node { sum(inner) } else { answer(node) }).sum()
    }
    (size(nodes), sum(nodes))
}

fn answer(node: &Node) -> u64 {
    if let Node::Answer(answer) = node { u64::from(*answer) } else { 0 }
}

/// Tapes that are smaller at one place.
fn smaller_at(tape: &[Node], place: usize) -> Vec<Vec<Node>> {
    let mut replacements = Vec::new();
    match at(tape, &mut place.clone()) {
        Some(Node::Answer(answer)) => {
            replacements.extend(
                [0, answer / 2, answer.saturating_sub(1)].into_iter().filter(|less| less < answer).map(Node::Answer),
            );
        }
        Some(Node::Span(nodes)) => {
            replacements.push(Node::Span(Vec::new()));
            // A part of the same kind within it may do in its place.
            let mut within = Vec::new();
            spans(nodes, &mut within);
            replacements.extend(within.into_iter().take(12));
            // Or it without some of its parts.
            replacements.extend((0..nodes.len()).filter(|n| matches!(nodes[*n], Node::Span(_))).map(|n| {
                let mut nodes = nodes.clone();
                nodes[n] = Node::Span(Vec::new());
                Node::Span(nodes)
            }));
        }
        None => {}
    }
    let put = |node: Node| {
        let mut tape = tape.to_vec();
        replace(&mut tape, &mut place.clone(), &node);
        tape
    };
    replacements.into_iter().map(put).filter(|candidate| candidate != tape).collect()
}

/// The spans within, nearest first.
fn spans(nodes: &[Node], found: &mut Vec<Node>) {
    let inner: Vec<&Vec<Node>> =
        nodes.iter().filter_map(|node| if let Node::Span(inner) = node { Some(inner) } else { None }).collect();
    found.extend(inner.iter().filter(|inner| !inner.is_empty()).map(|inner| Node::Span((*inner).clone())));
    for inner in inner {
        spans(inner, found);
    }
}

fn at<'a>(nodes: &'a [Node], place: &mut usize) -> Option<&'a Node> {
    for node in nodes {
        if *place == 0 {
            return Some(node);
        }
        *place -= 1;
        if let Node::Span(inner) = node
            && let Some(found) = at(inner, place)
        {
            return Some(found);
        }
    }
    None
}

fn replace(nodes: &mut [Node], place: &mut usize, by: &Node) -> bool {
    for node in nodes {
        if *place == 0 {
            *node = by.clone();
            return true;
        }
        *place -= 1;
        if let Node::Span(inner) = node
            && replace(inner, place, by)
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        fn any(nodes: &[Node]) -> bool {
            nodes.iter().any(|node| if let Node::Span(inner) = node { any(inner) } else { answer(node) >= 40 })
        }
        let part = |from: u32| Node::Span((from..from + 10).map(Node::Answer).collect());
        let tape = vec![part(0), Node::Span(vec![part(5), part(35), part(3)]), Node::Answer(3)];
        let small = shrink(tape, Duration::from_secs(5), |tape| any(tape).then(|| tape.to_vec()));
        assert_eq!(weight(&small).1, 40, "{small:?}");
    }
}
