//! Raw values are unmistakable: no mask keeps their markers, no statement holds them, and no arithmetic makes them by chance.

/// Markers of texts, in lower case: forwards, backwards, in hexadecimal, and of uuids, addresses, dates and times.
const MARKERS: [&[u8]; 8] =
    [b"rawzq", b"qzwar", b"5241575a51", b"7261777a71", b"deadfa11-", b"203.0.113.", b"2777-", b"3777-"];

/// Adds what of these bytes is raw: each value once.
pub fn find(bytes: &[u8], found: &mut Vec<String>) {
    let lower = bytes.to_ascii_lowercase();
    for marker in MARKERS {
        let hits = lower.windows(marker.len()).enumerate().filter(|(_, window)| *window == marker);
        for (at, _) in hits {
            note(&lower[at..(at + marker.len() + 12).min(lower.len())], found);
        }
    }
    let mut at = 0;
    while at < lower.len() {
        let length = lower[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &lower[at..at + length];
        let fraction = at > 0 && lower[at - 1] == b'.';
        let integer = digits.starts_with(b"777") && (length == 9 || length == 12);
        let decimal = digits.starts_with(b"8888") && length == 8;
        if !fraction && (integer || decimal) {
            note(digits, found);
        }
        at += length.max(1);
    }
}

fn note(bytes: &[u8], found: &mut Vec<String>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if !found.contains(&text) {
        found.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> usize {
        let mut found = Vec::new();
        find(text.as_bytes(), &mut found);
        found.len()
    }

    #[test]
    fn raw_values_are_found_in_any_form() {
        for text in [
            "xRawZQ-1",
            "1-QZWAR",
            "{777000012,1}",
            "\\x5241575A5130",
            "88880001.25",
            "777000000003",
            "2777-01-05",
            "203.0.113.9",
        ] {
            assert_eq!(raw(text), 1, "{text}");
        }
    }

    #[test]
    fn other_values_are_not_taken_for_raw() {
        for text in ["RAW", "0.777000012", "1777000012", "88880001234", "1990-01-01", "777", "a777b", "888800012"] {
            assert_eq!(raw(text), 0, "{text}");
        }
    }
}
