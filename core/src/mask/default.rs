//! The mask that says nothing: one fixed text for every value.
//!
//! For: `jitmask.mask_default` on text, and for whoever has no better idea. Other types get their own constant in the
//! SQL function, because a number or a date has no `XXXX`.
//! Still reveals: that the value is not NULL. Neither length, equality nor order.

/// What every text becomes.
pub const TEXT: &str = "XXXX";

/// The fixed text that stands for any text, the empty one included.
pub fn text(_value: &str) -> &'static str {
    TEXT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_two_texts_look_the_same(a in any::<String>(), b in any::<String>()) {
            prop_assert_eq!(text(&a), text(&b));
        }
    }

    #[test]
    fn the_empty_text_is_masked_too() {
        assert_eq!(text(""), "XXXX");
    }
}
