//! The mask that leaves some of the beginning and the end: `123-45-6789` becomes `*******6789`.
//!
//! For: `jitmask.mask_partial(value, visible_prefix, visible_suffix, mask_char)`.
//! Must hold: one mask character for each hidden character as people see it (a grapheme: an accent, a flag and a
//! family emoji count once, and are never cut); at least half of the value is hidden, or all of it is.
//! Still reveals: the length, the visible ends, and equality and order as far as those go.

use unicode_segmentation::UnicodeSegmentation;

/// What stands in when the asked-for mask character can't be used.
const FALLBACK: char = '*';

/// A run of the usual mask character, to be copied from in one go: the masks are called once a row.
const STARS: &str = "****************************************************************";

/// Hides `value` but for its first `visible_prefix` and last `visible_suffix` graphemes, keeping its length.
///
/// A value too short to hide at least half of it is masked wholly. Negative counts are taken as 0. A `mask_char` that
/// would melt into its neighbours (a combining or control character) is replaced by `*`.
pub fn partial(value: &str, visible_prefix: i32, visible_suffix: i32, mask_char: char) -> String {
    let prefix = usize::try_from(visible_prefix).unwrap_or(0);
    let suffix = usize::try_from(visible_suffix).unwrap_or(0);
    let mask_char = usable(mask_char);
    // In ASCII a byte is a grapheme, but for "\r\n", which is one of two bytes.
    if value.is_ascii() && !value.as_bytes().contains(&b'\r') {
        let hidden = hidden(value.len(), prefix, suffix);
        let ends = hidden.and_then(|_| {
            let tail = value.len().checked_sub(suffix)?;
            Some((value.get(..prefix)?, value.get(tail..)?))
        });
        return assemble(ends, hidden.unwrap_or(value.len()), mask_char);
    }
    let total = value.graphemes(true).count();
    let hidden = hidden(total, prefix, suffix);
    let ends = hidden.and_then(|_| {
        let head: usize = value.graphemes(true).take(prefix).map(str::len).sum();
        let tail: usize = value.graphemes(true).rev().take(suffix).map(str::len).sum();
        Some((value.get(..head)?, value.get(value.len().checked_sub(tail)?..)?))
    });
    assemble(ends, hidden.unwrap_or(total), mask_char)
}

/// How many of `total` graphemes are hidden between the ends; `None` if that is less than half: hide them all.
fn hidden(total: usize, prefix: usize, suffix: usize) -> Option<usize> {
    let hidden = total.checked_sub(prefix.checked_add(suffix)?)?;
    (hidden >= total - hidden).then_some(hidden)
}

/// The prefix, `hidden` mask characters and the suffix. Without ends, mask characters alone.
fn assemble(ends: Option<(&str, &str)>, hidden: usize, mask_char: char) -> String {
    let (prefix, suffix) = ends.unwrap_or(("", ""));
    let mut out = String::with_capacity(prefix.len() + hidden * mask_char.len_utf8() + suffix.len());
    out.push_str(prefix);
    if mask_char == FALLBACK {
        let mut left = hidden;
        while let Some(run) = STARS.get(..left.min(STARS.len()))
            && !run.is_empty()
        {
            out.push_str(run);
            left -= run.len();
        }
    } else {
        out.extend(std::iter::repeat_n(mask_char, hidden));
    }
    out.push_str(suffix);
    out
}

/// The mask character itself if a row of them reads as just that many characters, else `*`.
fn usable(mask_char: char) -> char {
    if mask_char.is_ascii_graphic() || mask_char == ' ' {
        return mask_char;
    }
    let alone = ['a', mask_char, mask_char, 'a'].iter().collect::<String>();
    if mask_char.is_control() || alone.graphemes(true).count() != 4 {
        return FALLBACK;
    }
    mask_char
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_the_ends_and_the_length() {
        assert_eq!(partial("473-11-4137", 0, 4, '*'), "*******4137");
        assert_eq!(partial("4983093002760369", 4, 4, 'X'), "4983XXXXXXXX0369");
        assert_eq!(partial("abcdef", 1, 0, '•'), "a•••••");
        assert_eq!(partial(&"a".repeat(200), 1, 1, '*'), format!("a{}a", "*".repeat(198)));
    }

    #[test]
    fn a_value_too_short_to_hide_half_is_hidden_wholly() {
        assert_eq!(partial("12345678", 0, 4, '*'), "****5678");
        assert_eq!(partial("1234567", 0, 4, '*'), "*******");
        assert_eq!(partial("1234", 0, 4, '*'), "****");
        assert_eq!(partial("山田", 1, 1, '*'), "**");
        assert_eq!(partial("x", 1, 0, '*'), "*");
        assert_eq!(partial("", 3, 3, '*'), "");
    }

    #[test]
    fn odd_counts_never_reveal_more() {
        assert_eq!(partial("abcdef", -1, i32::MIN, '*'), "******");
        assert_eq!(partial("abcdef", i32::MAX, i32::MAX, '*'), "******");
        assert_eq!(partial("abcdef", -5, 2, '*'), "****ef");
    }

    #[test]
    fn counts_characters_as_people_see_them() {
        assert_eq!(partial("小林 七夏", 1, 1, '*'), "小***夏");
        assert_eq!(partial("e\u{301}te\u{301}s", 1, 0, '*'), "e\u{301}***");
        assert_eq!(partial("👨‍👩‍👧🇩🇪ab", 1, 1, '*'), "👨‍👩‍👧**b");
        assert_eq!(partial("\r\nab", 1, 0, '*'), "\r\n**");
    }

    #[test]
    fn a_mask_character_that_would_melt_away_becomes_a_star() {
        for odd in ['\u{301}', '\0', '\n', '\u{200d}', '🇩', '\u{600}'] {
            assert_eq!(partial("abcd", 1, 1, odd), "a**d");
        }
    }

    proptest! {
        #[test]
        fn at_least_half_is_hidden_and_the_length_kept(
            value in any::<String>(), prefix in -3..12i32, suffix in -3..12i32
        ) {
            let graphemes: Vec<&str> = value.graphemes(true).collect();
            let (p, s) = (prefix.max(0) as usize, suffix.max(0) as usize);
            let expected = if graphemes.len() >= 2 * (p + s) {
                let hidden = "*".repeat(graphemes.len() - p - s);
                graphemes[..p].concat() + &hidden + &graphemes[graphemes.len() - s..].concat()
            } else {
                "*".repeat(graphemes.len())
            };
            prop_assert_eq!(partial(&value, prefix, suffix, '*'), expected);
        }

        #[test]
        fn ascii_and_the_general_way_agree(value in "[ -~\r\n]{0,40}", prefix in 0..9i32, suffix in 0..9i32) {
            // A last character that is not ASCII and always hidden forces the general way.
            let long = format!("{value}é");
            let one = partial(&value, prefix, 0, '*');
            let other = partial(&long, prefix, 0, '*');
            if value.graphemes(true).count() as i32 >= 2 * prefix && !value.ends_with('\r') {
                prop_assert_eq!(format!("{one}*"), other);
            }
            let plain = partial(&value, prefix, suffix, 'X').graphemes(true).count();
            prop_assert!(plain <= value.chars().count());
        }

        #[test]
        fn no_input_panics(value in any::<String>(), p in any::<i32>(), s in any::<i32>(), c in any::<char>()) {
            let out = partial(&value, p, s, c);
            prop_assert!(out.chars().count() <= value.chars().count());
            prop_assert!(!out.contains('\0') || value.contains('\0'));
        }
    }
}
