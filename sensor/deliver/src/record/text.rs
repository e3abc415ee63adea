//! Text in records: bounded, and times in RFC 3339.
use guardbee_model::clock::WallTime;
use std::{borrow::Cow, net::IpAddr};

/// Longest text value of a record, in bytes.
pub(crate) const LONGEST: usize = 8 << 10;

/// `text`, or its first 8 KiB and how many bytes were cut.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    bounded_to(text, LONGEST)
}

/// `text`, or its first `longest` bytes (whole characters) and how many bytes were cut.
pub(crate) fn bounded_to(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(longest);
    let (kept, cut) = text.split_at(end);
    Cow::Owned(format!("{kept}…(+{} bytes)", cut.len()))
}

/// An IPv4 address the quick way, as each span has several; others as the library writes them.
pub(crate) fn ip(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut out = String::with_capacity(15);
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            out.push('.');
        }
        for (place, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= place {
                out.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    out
}

/// RFC 3339, UTC, milliseconds: `2026-01-01T00:00:00.123Z`.
pub fn timestamp(time: WallTime) -> String {
    let (seconds, millis) = (time.0 / 1_000_000_000, time.0 / 1_000_000 % 1000);
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468; // days from 0000-03-01
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // 0: March
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for octet in 0..=255_u8 {
            let address = IpAddr::from([octet, 255 - octet, 0, 10]);
            assert_eq!(ip(address), address.to_string());
        }
        assert_eq!(ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])), "::1");
    }

    #[test]
    fn times() {
        for (nanos, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999_999_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(WallTime(nanos)), shown);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        let text = format!("{}ä{}", "a".repeat(LONGEST - 1), "b".repeat(10));
        assert_eq!(bounded(&text), format!("{}…(+12 bytes)", "a".repeat(LONGEST - 1)));
        assert_eq!(bounded("short"), "short");
    }
}
