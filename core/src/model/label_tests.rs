//! What the label promises, each test named by the promise.

use super::*;
use proptest::prelude::*;

fn canonical(text: &str) -> Result<String, LabelError> {
    Label::parse(text).map(|label| label.canonical())
}

#[test]
fn the_three_forms_say_the_same() {
    let expected = r#"[{"policy":"ssn_last4"}]"#;
    for form in [
        "ssn_last4",
        "  ssn_last4\n",
        r#"{"policy":"ssn_last4"}"#,
        r#"[ {"to":["public"], "except":[], "priority":0, "policy":"ssn_last4"} ]"#,
    ] {
        assert_eq!(canonical(form).unwrap(), expected, "{form}");
    }
}

#[test]
fn the_canonical_text_is_sorted_and_leaves_defaults_out() {
    let text = r#"[{"policy":"b","to":["z","a","a"],"except":["y","x"]},{"policy":"a","to":["hr"],"priority":5}]"#;
    let expected = r#"[{"policy":"a","to":["hr"],"priority":5},{"policy":"b","to":["a","z"],"except":["x","y"]}]"#;
    assert_eq!(canonical(text).unwrap(), expected);
}

#[test]
fn what_is_not_understood_is_refused_whole() {
    for odd in [
        r#"{"policy":"p","when":"true"}"#,
        r#"{"policy":"p","policy":"q"}"#,
        r#"{"to":["public"]}"#,
        r#"{"policy":"p","priority":1.5}"#,
        r#"{"policy":"p","priority":99999999999}"#,
        r#"{"policy":"p","to":null}"#,
        r#"{"policy":"p","to":"public"}"#,
        r#"{"policy":"p"} x"#,
        r#"[{"policy":"p"}"#,
        r#"[["p",["public"],[],0]]"#,
        r#"["p"]"#,
        "[null]",
    ] {
        assert!(matches!(Label::parse(odd), Err(LabelError::Json(_))), "{odd}");
    }
}

#[test]
fn empty_lists_are_refused() {
    assert_eq!(Label::parse(""), Err(LabelError::Empty));
    assert_eq!(Label::parse(" []"), Err(LabelError::Empty));
    assert_eq!(Label::parse(r#"{"policy":"p","to":[]}"#), Err(LabelError::ToNobody("p".into())));
}

#[test]
fn nobody_can_except_everybody() {
    let text = r#"{"policy":"p","except":["public"]}"#;
    assert_eq!(Label::parse(text), Err(LabelError::ExceptEverybody("p".into())));
}

#[test]
fn names_are_checked() {
    let long = "a".repeat(64);
    for name in ["Ssn", "1a", "a-b", "a b", "é", "\"a\"", &long] {
        assert_eq!(Label::parse(name), Err(LabelError::PolicyName(name.to_owned())));
    }
    for role in ["", "a\\u0000b", &long] {
        let text = format!(r#"{{"policy":"p","to":["{role}"]}}"#);
        assert!(matches!(Label::parse(&text), Err(LabelError::RoleName(_))), "{text}");
    }
    assert!(Label::parse(&"a".repeat(63)).is_ok());
    assert!(Label::parse(r#"{"policy":"p","to":["Großer \"Rat\""]}"#).is_ok());
}

#[test]
fn a_text_over_8_kb_is_refused_read_or_written() {
    assert_eq!(Label::parse(&" ".repeat(8193)), Err(LabelError::TooLong));
    let mut label = Label::default();
    let error =
        (0..1000).find_map(|n| label.add(Attachment { priority: n, ..Attachment::public(&format!("p{n}")) }).err());
    assert_eq!(error, Some(LabelError::TooLong));
    assert_eq!(Label::parse(&label.canonical()), Ok(label));
}

#[test]
fn no_two_policies_can_both_win() {
    let twice = r#"[{"policy":"p"},{"policy":"p","priority":1}]"#;
    assert_eq!(Label::parse(twice), Err(LabelError::DuplicatePolicy("p".into())));
    let same = Err(LabelError::SamePriority("p".into(), "q".into(), 0));
    assert_eq!(Label::parse(r#"[{"policy":"p","to":["a"]},{"policy":"q"}]"#), same);
    assert_eq!(Label::parse(r#"[{"policy":"p","to":["a","b"]},{"policy":"q","to":["b"]}]"#), same);
    assert!(Label::parse(r#"[{"policy":"p","to":["a"]},{"policy":"q","to":["b"]}]"#).is_ok());
    assert!(Label::parse(r#"[{"policy":"p"},{"policy":"q","priority":1}]"#).is_ok());
}

#[test]
fn a_refused_attachment_changes_nothing() {
    let mut label = Label::parse("p").unwrap();
    assert!(label.add(Attachment::public("q")).is_err());
    assert_eq!(label, Label::parse("p").unwrap());
}

/// Attachments as somebody might write them: mostly good ones, some that clash or are no good.
fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    let to = prop::collection::vec(prop_oneof![20 => "[a-z]", 1 => "public|\\PC{0,5}"], 0..4);
    let except = prop::collection::vec(prop_oneof![20 => "[a-z]", 1 => "public|\\PC{0,5}"], 0..3);
    let one = ("[a-z_][a-z0-9_]{0,3}", to, except, -2..3i32).prop_map(|(policy, to, except, priority)| Attachment {
        policy,
        to,
        except,
        priority,
    });
    prop::collection::vec(one, 0..4)
}

proptest! {
    #[test]
    fn canonical_text_is_a_fixed_point(attachments in attachments()) {
        let text = serde_json::to_string(&attachments).unwrap();
        if let Ok(label) = Label::parse(&text) {
            let canonical = label.canonical();
            let again = Label::parse(&canonical);
            prop_assert_eq!(again.as_ref(), Ok(&label));
            prop_assert_eq!(again.unwrap().canonical(), canonical);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC*|[\\[\\]{}\":,a-z ]{0,60}") {
        if let Ok(label) = Label::parse(&text) {
            prop_assert_eq!(Label::parse(&label.canonical()), Ok(label));
        }
    }

    #[test]
    fn the_order_of_adding_does_not_show(attachments in attachments()) {
        let text = serde_json::to_string(&attachments).unwrap();
        let backwards: Vec<_> = attachments.into_iter().rev().collect();
        let other = serde_json::to_string(&backwards).unwrap();
        prop_assert_eq!(canonical(&text).ok(), canonical(&other).ok());
    }
}
