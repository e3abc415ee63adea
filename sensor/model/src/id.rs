//! Names that are ours or the trace's.
use std::fmt;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// All zero: the id that W3C Trace Context calls invalid.
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $bytes]
            }

            /// From lower-case hex of exactly the right length.
            pub fn from_hex(text: &str) -> Option<Self> {
                let text = text.as_bytes();
                if text.len() != 2 * $bytes {
                    return None;
                }
                let digit = |byte: u8| match byte {
                    b'0'..=b'9' => Some(byte - b'0'),
                    b'a'..=b'f' => Some(byte - b'a' + 10),
                    _ => None,
                };
                let mut id = [0; $bytes];
                for (to, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
                    let &[high, low] = pair else { return None };
                    *to = digit(high)? << 4 | digit(low)?;
                }
                Some(Self(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hex_id!(
    /// W3C trace id.
    TraceId,
    16
);
hex_id!(
    /// W3C parent id: a span.
    SpanId,
    8
);

/// A connection, numbered by the kernel half; unique while the sensor lives. 0: not tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A request: where it begins on its connection. Ours: no peer can choose or forge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// The server's end.
    pub connection: ConnectionId,
    /// Stream position of its first byte, as received.
    pub position: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.connection.0, self.position)
    }
}

/// A finding: 16 random bytes, shown as hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub [u8; 16]);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip_and_strictness() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(TraceId::from_hex(text).unwrap().to_string(), text);
        for bad in ["", "4bf9", "4BF92F3577B34DA6A3CE929D0E0E4736", "zbf92f3577b34da6a3ce929d0e0e4736"] {
            assert_eq!(TraceId::from_hex(bad), None, "{bad}");
        }
    }
}
