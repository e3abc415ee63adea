//! As whom a request says it is made: the name in `Authorization: Basic` (RFC 7617). Of the password behind it nothing is kept.

/// Longer names are none that people have.
const NAME_BYTES: usize = 256;
/// Characters of Base64 and what they stand for: three bytes at most.
const GROUP: usize = 4;

/// The name. [`None`]: there is none, or it is said in another way.
pub(crate) fn user(value: &[u8]) -> Option<Box<[u8]>> {
    const SCHEME: &[u8] = b"basic ";
    let (scheme, credentials) = value.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let mut name = Vec::new();
    for group in credentials.trim_ascii().chunks(GROUP) {
        let (bytes, length) = decoded(group)?;
        let bytes = bytes.get(..length)?;
        let end = bytes.iter().position(|byte| *byte == b':');
        name.extend_from_slice(bytes.get(..end.unwrap_or(length))?);
        if name.len() > NAME_BYTES {
            return None;
        }
        if end.is_some() {
            return (!name.is_empty()).then(|| name.into());
        }
    }
    // Without a colon it is no name, but perhaps a secret.
    None
}

/// Up to four characters as bytes, and how many these are.
fn decoded(group: &[u8]) -> Option<([u8; 3], usize)> {
    let digits = group.trim_ascii_end();
    let digits = digits.strip_suffix(b"=").unwrap_or(digits);
    let digits = digits.strip_suffix(b"=").unwrap_or(digits);
    let mut bits = 0;
    for digit in digits {
        bits = bits << 6 | u32::from(sextet(*digit)?);
    }
    bits <<= 6 * GROUP.checked_sub(digits.len())?;
    let [_, bytes @ ..] = bits.to_be_bytes();
    Some((bytes, digits.len().checked_sub(1)?))
}

/// RFC 4648, 4 and 5.
const fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As clients write it.
    fn basic(credentials: &[u8]) -> Vec<u8> {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = b"Basic ".to_vec();
        for three in credentials.chunks(3) {
            let mut bytes = [0; 4];
            bytes[1..=three.len()].copy_from_slice(three);
            let bits = u32::from_be_bytes(bytes);
            let digits = [18, 12, 6, 0].map(|shift| DIGITS[bits as usize >> shift & 63]);
            out.extend_from_slice(&digits[..=three.len()]);
            out.extend(std::iter::repeat_n(b'=', 3 - three.len()));
        }
        out
    }

    #[test]
    fn names_of_what_the_rfc_has() {
        for (value, right) in [
            (&b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="[..], Some(&b"Aladdin"[..])),
            (b"basic  dGVzdDoxMjPCow==", Some(b"test")),
            (b"BASIC Zm9v", None),
            (b"Basic Om5vYm9keQ==", None),
            (b"Bearer QWxhZGRpbjpvcGVu", None),
            (b"Basic", None),
            (b"Basic ", None),
            (b"Basic QWxh*GRpbjpvcGVu", None),
            (b"Basic =", None),
        ] {
            assert_eq!(user(value).as_deref(), right, "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(user(&basic(&[b'n'; NAME_BYTES + 1])), None);
    }

    proptest! {
        #[test]
        fn the_name_and_nothing_behind_it(name in "[^:]{1,60}", password in "\\PC{0,60}") {
            let value = basic(format!("{name}:{password}").as_bytes());
            let found = user(&value);
            prop_assert_eq!(found.as_deref(), Some(name.as_bytes()));
            // Cut anywhere, it is the name or nothing.
            for end in 0..value.len() {
                let cut = user(&value[..end]);
                prop_assert!(cut.is_none_or(|cut| *cut == *name.as_bytes()));
            }
        }

        #[test]
        fn anything_is_read(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            user(&value);
            user(&[b"Basic ", &value[..]].concat());
        }
    }
}
