//! Numbers as text without the library's formatting, which costs more than the digits: each span has dozens.

/// In decimal.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    // As many as the largest has.
    let mut digits = [b'0'; 20];
    let (mut rest, mut used) = (number, 0);
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or_default();
        used += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// In lower-case hex.
pub(crate) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' - 10 + half };
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_library_writes_them(number: u64, bits in 0..64_u32, bytes: [u8; 8]) {
            for number in [number >> bits, 0, 9, 10, u64::MAX] {
                let mut out = Vec::new();
                decimal(&mut out, number);
                prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            }
            let mut out = Vec::new();
            hex(&mut out, &bytes);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{:016x}", u64::from_be_bytes(bytes)));
        }
    }
}
