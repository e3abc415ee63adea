//! Where a message ends: RFC 9112 sections 6 and 7, over bytes of which some are known by their number only.

/// Longest chunk header with its extensions, and longest trailer line, that is followed.
const LINE_BYTES: usize = 16 * 1024;

/// How the length of a body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Until the connection ends.
    Close,
    /// Contradictory, or not understood: nobody but the peer knows.
    Unknown,
}

/// A body in progress.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    /// Bytes without framing so far.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
enum State {
    Length(u64),
    Size { digits: u8, value: u64, phase: SizePhase, line: usize },
    Data(u64),
    DataEnd { carriage_return: bool },
    Trailer { line: usize },
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SizePhase {
    Digits,
    Extension,
}

/// What became of the bytes given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All are the body's, more is to come.
    More,
    /// The body ends behind this many of them.
    Done(u64),
    /// The rest can't be understood.
    Bad,
}

const CHUNK_SIZE: State = State::Size { digits: 0, value: 0, phase: SizePhase::Digits, line: 0 };

impl Body {
    /// [`None`]: there is none, or nothing can be said of it.
    pub(crate) fn new(framing: Framing) -> Option<Self> {
        let state = match framing {
            Framing::None | Framing::Unknown | Framing::Length(0) => return None,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => CHUNK_SIZE,
            Framing::Close => State::Close,
        };
        Some(Self { state, bytes: 0 })
    }

    /// Whether only the end of the connection ends it.
    pub(crate) fn until_close(&self) -> bool {
        matches!(self.state, State::Close)
    }

    /// `count` bytes went by unseen.
    pub(crate) fn skip(&mut self, count: u64) -> Progress {
        match &mut self.state {
            State::Close => {
                self.bytes = self.bytes.saturating_add(count);
                Progress::More
            }
            State::Length(left) => {
                let taken = count.min(*left);
                *left -= taken;
                self.bytes = self.bytes.saturating_add(taken);
                if *left == 0 { Progress::Done(taken) } else { Progress::More }
            }
            State::Data(left) if count <= *left => {
                *left -= count;
                self.bytes = self.bytes.saturating_add(count);
                if *left == 0 {
                    self.state = State::DataEnd { carriage_return: false };
                }
                Progress::More
            }
            _ if count == 0 => Progress::More,
            _ => Progress::Bad,
        }
    }

    /// The next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0_usize;
        while let Some(&byte) = bytes.get(at) {
            let left = (bytes.len() - at) as u64;
            match &mut self.state {
                State::Length(_) | State::Close => {
                    return match self.skip(left) {
                        Progress::Done(taken) => Progress::Done(at as u64 + taken),
                        other => other,
                    };
                }
                State::Data(remaining) => {
                    let taken = left.min(*remaining);
                    self.skip(taken);
                    at += usize::try_from(taken).unwrap_or(bytes.len());
                    continue;
                }
                State::DataEnd { carriage_return } => match byte {
                    b'\r' if !*carriage_return => *carriage_return = true,
                    b'\n' => self.state = CHUNK_SIZE,
                    _ => return Progress::Bad,
                },
                State::Size { .. } => {
                    if !self.size_byte(byte) {
                        return Progress::Bad;
                    }
                }
                State::Trailer { line } => match byte {
                    b'\n' if *line == 0 => return Progress::Done(at as u64 + 1),
                    b'\n' => *line = 0,
                    b'\r' => {}
                    _ if *line >= LINE_BYTES => return Progress::Bad,
                    _ => *line += 1,
                },
            }
            at += 1;
        }
        Progress::More
    }

    /// A byte of a chunk header: hex digits, then optional blanks and extensions to the end of the line.
    fn size_byte(&mut self, byte: u8) -> bool {
        let State::Size { digits, value, phase, line } = &mut self.state else { return false };
        *line += 1;
        if *line > LINE_BYTES {
            return false;
        }
        let digit = char::from(byte).to_digit(16).filter(|_| *phase == SizePhase::Digits);
        match (digit, byte) {
            (Some(digit), _) if *digits < 16 => {
                *digits += 1;
                *value = *value << 4 | u64::from(digit);
            }
            (None, b'\n') if *digits > 0 => {
                self.state = match *value {
                    0 => State::Trailer { line: 0 },
                    size => State::Data(size),
                };
            }
            (None, b';' | b' ' | b'\t' | b'\r') if *digits > 0 => *phase = SizePhase::Extension,
            (None, _) if *phase == SizePhase::Extension => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(bytes: &[u8]) -> Progress {
        Body::new(Framing::Chunked).unwrap().feed(bytes)
    }

    #[test]
    fn chunked_bodies() {
        for (bytes, expected) in [
            (&b"0\r\n\r\n"[..], Progress::Done(5)),
            (b"3\r\nabc\r\n0\r\n\r\nGET", Progress::Done(13)),
            (b"3;a=b;c=\"d\"\r\nabc\r\n0\r\nX: y\r\nZ: 1\r\n\r\n", Progress::Done(35)),
            (b"3\nabc\n0\n\n", Progress::Done(9)),
            (b"A \r\n0123456789\r\n0\r\n\r\n", Progress::Done(21)),
            (b"3\r\nab", Progress::More),
            (b"3\r\nabcd", Progress::Bad),
            (b"0x3\r\n", Progress::Bad),
            (b"-1\r\n", Progress::Bad),
            (b"\r\n", Progress::Bad),
            (b"11111111111111111\r\n", Progress::Bad),
        ] {
            assert_eq!(chunked(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn unseen_data_is_skipped_and_unseen_framing_is_not() {
        let mut body = Body::new(Framing::Chunked).unwrap();
        assert_eq!(body.feed(b"10\r\nab"), Progress::More);
        assert_eq!(body.skip(14), Progress::More);
        assert_eq!(body.feed(b"\r\n0\r\n\r\n"), Progress::Done(7));
        assert_eq!(body.bytes, 16);
        let mut body = Body::new(Framing::Chunked).unwrap();
        assert_eq!(body.feed(b"10\r\nab"), Progress::More);
        assert_eq!(body.skip(15), Progress::Bad);
    }
}
