//! The mask for e-mail addresses: `jane.doe@example.com` becomes `j***@***.com`.
//!
//! For: `jitmask.mask_email`.
//! Must hold: the answer says neither how long the address is nor which domain it has; what is not plausibly one single
//! address (two of them, a name beside it, a quoted local part, an address literal) becomes `***`.
//! Still reveals: the first character (of a one-letter local part that is all of it, though nobody can tell); the
//! top-level domain if it is a country's or one of the large generic ones (others, `.bmw` say, would name the domain's
//! owner and become `***`); and whether it looks like an address.

/// What anything becomes that is not plausibly one address.
const WHOLE: &str = "***";

/// Top-level domains so widely used that they tell nothing of the owner, and those reserved for examples (RFC 2606).
const GENERIC: [&str; 14] =
    ["com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "example", "test", "invalid"];

/// Longest address and longest local part a mail server has to take, in bytes (RFC 5321, 4.5.3.1).
const MAX_ADDRESS: usize = 254;
const MAX_LOCAL: usize = 64;
/// Longest label of a domain name, in bytes (RFC 1035, 2.3.4).
const MAX_LABEL: usize = 63;

/// Masks one e-mail address: `j***@***.com`, or `***` for what is not one. See the head of this file for what is kept.
pub fn email(value: &str) -> String {
    match parts(value) {
        Some((first, tld)) => {
            let mut out = String::with_capacity(20);
            out.push(first);
            out.push_str("***@***.");
            out.extend(shown(tld).chars().map(|c| c.to_ascii_lowercase()));
            out
        }
        None => WHOLE.to_owned(),
    }
}

/// The first character and the top-level domain of a plausible address.
fn parts(value: &str) -> Option<(char, &str)> {
    if value.len() > MAX_ADDRESS {
        return None;
    }
    let (local, domain) = value.split_once('@')?;
    let first = local.chars().next()?;
    if !first.is_alphanumeric() || !is_local(local) {
        return None;
    }
    let (above, tld) = domain.rsplit_once('.')?;
    let plausible = above.split('.').all(is_label) && is_label(tld) && is_top(tld);
    plausible.then_some((first, tld))
}

/// Words of letters, digits and the signs of RFC 5322's `atext`, with single dots between them.
fn is_local(local: &str) -> bool {
    let atext = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= MAX_LOCAL && local.split('.').all(|word| !word.is_empty() && word.chars().all(atext))
}

/// Letters, digits and hyphens, no hyphen at either end.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

/// Two letters at least, in any script, or the ASCII form of such a name (`xn--…`).
fn is_top(tld: &str) -> bool {
    let letters = tld.chars().all(char::is_alphabetic) && tld.chars().nth(1).is_some();
    letters || tld.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("xn--"))
}

/// The top-level domain if it may be shown: a country's (two ASCII letters) or a generic one.
fn shown(tld: &str) -> &str {
    let country = tld.len() == 2 && tld.bytes().all(|b| b.is_ascii_alphabetic());
    let known = country || GENERIC.iter().any(|generic| tld.eq_ignore_ascii_case(generic));
    if known { tld } else { WHOLE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_the_first_character_and_the_top_level_domain() {
        assert_eq!(email("comptonrickey@example.org"), "c***@***.org");
        assert_eq!(email("o'brien+tag@mail.example.CO"), "o***@***.co");
        assert_eq!(email("李小龍@例え.jp"), "李***@***.jp");
        assert_eq!(email("7@x.test"), "7***@***.test");
    }

    #[test]
    fn a_top_level_domain_that_names_its_owner_is_hidden() {
        assert_eq!(email("jane@corp.bmw"), "j***@***.***");
        assert_eq!(email("jane@x.xn--p1ai"), "j***@***.***");
        assert_eq!(email("jane@почта.рф"), "j***@***.***");
    }

    #[test]
    fn what_is_not_one_address_is_masked_wholly() {
        let long = format!("{}@example.com", "a".repeat(65));
        for odd in [
            "",
            "@",
            "a@",
            "@b.com",
            "a@b",
            "a@b.c",
            "a@b.1",
            "a@.com",
            "a@b..com",
            "a@-b.com",
            "a@b-.com",
            "a@b.com.",
            "a@b@c.com",
            "a@b.com, c@d.com",
            "a b@c.com",
            " a@b.com",
            "a@b.com\n",
            "Jane <a@b.com>",
            "mailto:a@b.com",
            "\"a b\"@c.com",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            ".a@b.com",
            "a.@b.com",
            "a..b@c.com",
            "'a@b.com",
            "123-45-6789",
            "a\u{0}@b.com",
            "a\u{202e}@b.com",
            &long,
        ] {
            assert_eq!(email(odd), "***", "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn neither_length_nor_domain_shows(
            first in "[a-zé7]", rest in "[a-z0-9+_-]{0,40}", domain in "[a-z0-9]{1,40}(\\.[a-z0-9]{1,20}){0,3}",
            tld in "com|de|museum"
        ) {
            let shown = if tld == "museum" { "***" } else { &tld };
            prop_assert_eq!(email(&format!("{first}{rest}@{domain}.{tld}")), format!("{first}***@***.{shown}"));
        }

        #[test]
        fn any_text_gets_one_of_the_two_forms(value in "\\PC*|[a-c.@ -]{0,12}") {
            let masked = email(&value);
            let first = value.chars().next().unwrap_or(' ');
            let form = masked == "***" || masked.starts_with(&format!("{first}***@***."));
            prop_assert!(form, "{}", masked);
            prop_assert!(masked.chars().count() <= 16);
        }
    }
}
