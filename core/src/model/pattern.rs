//! Patterns for reasons and tickets: regular expressions that take time linear in the text.
//!
//! For: [`super::rule`], and `create_policy`, which calls [`check`] before it stores one.
//! Must hold: a pattern matches the whole text or not at all; no pattern and no text makes this slow or large; a
//! pattern that does not compile matches nothing.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// Longest reason, ticket, purpose or pattern, in bytes.
pub const MAX_TEXT: usize = 4096;

/// What a compiled pattern may take up, in bytes: ample for `[A-Z]{2,10}-\d{1,6}`, too little for `(\w{100}){100}`.
const MAX_COMPILED: usize = 1 << 20;

/// Deepest nesting of groups; the parser recurses.
const MAX_NESTING: u32 = 50;

/// Why a pattern is no good. `Display` is for people: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Longer than [`MAX_TEXT`].
    #[error("a pattern is longer than {MAX_TEXT} bytes")]
    TooLong,
    /// Does not parse (look-around and back-references don't exist here), or compiles to something too large.
    #[error("the pattern {0:?} can't be used: {1}")]
    Unusable(String, String),
}

/// Whether `pattern` can be stored.
pub fn check(pattern: &str) -> Result<(), PatternError> {
    compile(pattern).map(|_| ())
}

/// Whether `pattern` matches the whole of `text`. A text over [`MAX_TEXT`] matches nothing.
pub fn matches(pattern: &str, text: &str) -> Result<bool, PatternError> {
    let regex = compile(pattern)?;
    Ok(text.len() <= MAX_TEXT && regex.is_match(text))
}

/// The pattern tied to both ends of the text.
fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.len() > MAX_TEXT {
        return Err(PatternError::TooLong);
    }
    // By itself first: `a)|(b` is no pattern, but would become one between our parentheses, tied to one end only.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z")).map_err(|error| match error {
        PatternError::Unusable(_, why) => PatternError::Unusable(pattern.to_owned(), why),
        other => other,
    })
}

fn build(pattern: &str) -> Result<Regex, PatternError> {
    let built = RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(MAX_NESTING)
        .build();
    built.map_err(|error| {
        let why = match error {
            regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
            // The last line says what is wrong; those before it draw the pattern again.
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        PatternError::Unusable(pattern.to_owned(), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_pattern_matches_the_whole_text_or_not_at_all() {
        for (pattern, text, expected) in [
            (r"[A-Z]+-\d+", "OPS-12", true),
            (r"[A-Z]+-\d+", "see OPS-12", false),
            (r"[A-Z]+-\d+", "OPS-12\n", false),
            ("a|ab", "ab", true),
            ("a|b", "ac", false),
            ("a|b", "cb", false),
            ("(?m)^a$", "a\nb", false),
            ("(?i)ops", "OPS", true),
            ("", "", true),
            ("", "a", false),
            (".*", "a\nb", false),
        ] {
            assert_eq!(matches(pattern, text), Ok(expected), "{pattern} on {text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_by_itself_is_refused() {
        for odd in ["a)|(b", "(", "[", "\\", "a)", "(?=a)", r"(a)\1", "(?x)a # end", "*"] {
            assert!(matches!(check(odd), Err(PatternError::Unusable(..))), "{odd}");
        }
        assert_eq!(check("(").unwrap_err().to_string(), r#"the pattern "(" can't be used: unclosed group"#);
    }

    #[test]
    fn size_is_limited() {
        assert_eq!(check(&"a".repeat(4097)), Err(PatternError::TooLong));
        assert!(check(&"(".repeat(60)).is_err());
        let large = check(r"(\w{100}){100}").unwrap_err().to_string();
        assert!(large.ends_with("it is too large once compiled"), "{large}");
        assert_eq!(matches(".*", &"a".repeat(4096)), Ok(true));
        assert_eq!(matches(".*", &"a".repeat(4097)), Ok(false));
    }

    #[test]
    fn no_pattern_takes_exponential_time() {
        let started = Instant::now();
        assert_eq!(matches("(a*)*(a|aa)+$", &("a".repeat(4000) + "b")), Ok(false));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn no_pattern_panics_and_tying_never_widens(
            pattern in "[ab|()*+?.^$\\[\\]{}1,-]{0,12}", text in "[ab\n]{0,6}"
        ) {
            if matches(&pattern, &text) == Ok(true) {
                let found = Regex::new(&pattern).unwrap();
                prop_assert!(found.is_match(&text));
            }
        }

        #[test]
        fn a_quoted_text_matches_itself_only(text in "\\PC{0,40}", other in "\\PC{0,40}") {
            let quoted = regex::escape(&text);
            prop_assert_eq!(matches(&quoted, &text), Ok(true));
            prop_assert_eq!(matches(&quoted, &other), Ok(text == other));
        }
    }
}
