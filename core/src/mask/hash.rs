//! The keyed mask: HMAC-SHA-256 of the value, as 64 lower-case hexadecimal digits.
//!
//! For: `jitmask.mask_hash`, and whatever has to join or count on a value nobody may read.
//! Must hold: no two different (domain, value) pairs are ever the same input under one key; the key comes from
//! jitmask's key store, never from a statement, and is never shown.
//! Still reveals: equality within one key and domain. A holder of the key can try out guesses; nobody else can.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Goes before everything else that is fed in, so that these hashes are no other use of the same key.
const PURPOSE: &[u8] = b"jitmask.mask_hash.1\0";

/// What is answered if the HMAC could not be set up. It takes keys of any length, so this is never seen; it is here
/// because a mask neither panics nor lets the value through.
const UNKEYED: &str = "****************************************************************";

/// A key and a domain, ready to hash many values: the key schedule is done once, not once a row.
///
/// Deliberately without `Debug`: it holds the key.
#[derive(Clone)]
pub struct Keyed(Option<Hmac<Sha256>>);

impl Keyed {
    /// Prepares `key` (any length; 32 random bytes are right) for values of one `domain`, a name of your choosing.
    pub fn new(key: &[u8], domain: &[u8]) -> Self {
        // The length in front of the domain keeps ("ab", "c") and ("a", "bc") apart; the value is all that follows.
        let length = u64::try_from(domain.len()).unwrap_or(u64::MAX).to_be_bytes();
        Keyed(mac(key, &[PURPOSE, &length, domain]))
    }

    /// The hash of one value: 64 lower-case hexadecimal digits.
    pub fn hex(&self, value: &[u8]) -> String {
        let Some(mut mac) = self.0.clone() else {
            return UNKEYED.to_owned();
        };
        mac.update(value);
        to_hex(&mac.finalize().into_bytes())
    }
}

/// The hash of one value under `key`, unlinkable to the same value under another `domain`.
pub fn hash(key: &[u8], value: &[u8], domain: &[u8]) -> String {
    Keyed::new(key, domain).hex(value)
}

/// HMAC-SHA-256 under `key`, fed with `parts` one after the other.
fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// Lower-case hexadecimal digits, two a byte.
fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0x0f));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(key: &[u8], data: &[u8]) -> String {
        to_hex(&mac(key, &[data]).unwrap().finalize().into_bytes())
    }

    #[test]
    fn the_hmac_beneath_answers_the_published_vectors() {
        // RFC 4231, test cases 1, 2, 3 and 6 (a key longer than a block).
        let cases: [(&[u8], &[u8], &str); 4] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, data, expected) in cases {
            assert_eq!(plain(key, data), expected);
        }
    }

    #[test]
    fn the_hash_stays_what_it_was() {
        // The input spelled out: once values are stored or joined on, this must never change.
        let input = b"jitmask.mask_hash.1\0\0\0\0\0\0\0\0\x03ssn473-11-4137";
        assert_eq!(hash(b"key", b"473-11-4137", b"ssn"), plain(b"key", input));
    }

    #[test]
    fn moving_the_boundary_changes_the_hash() {
        assert_ne!(hash(b"k", b"c", b"ab"), hash(b"k", b"bc", b"a"));
        assert_ne!(hash(b"k", b"", b"abc"), hash(b"k", b"abc", b""));
    }

    proptest! {
        #[test]
        fn equal_within_key_and_domain_and_nowhere_else(
            key in prop::collection::vec(any::<u8>(), 0..140), a in ".*", b in ".*", d in ".{0,8}", e in ".{0,8}"
        ) {
            let (x, y) = (hash(&key, a.as_bytes(), d.as_bytes()), hash(&key, b.as_bytes(), e.as_bytes()));
            prop_assert_eq!(x == y, a == b && d == e);
            prop_assert_ne!(&x, &hash(b"another key", a.as_bytes(), d.as_bytes()));
            prop_assert_eq!(x.len(), 64);
            prop_assert!(x.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)));
        }
    }
}
