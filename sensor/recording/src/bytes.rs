//! Numbers, texts and times as bytes, and back: what is read is bounded by what is there.
use crate::{error::Wrong, head::Secrets};
use guardbee_model::{clock::BootTime, redact};

/// Bytes being made.
#[derive(Debug, Default)]
pub(crate) struct Put {
    pub(crate) bytes: Vec<u8>,
    /// Times are told by their difference from the one before.
    last: u64,
    secrets: Secrets,
}

impl Put {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets, ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.last = 0;
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Seven bits a byte, the low ones first; the eighth says that there are more.
    pub(crate) fn number(&mut self, number: impl Into<u64>) {
        let mut rest: u64 = number.into();
        while rest >= 0x80 {
            self.bytes.push(0x80 | rest.to_le_bytes()[0]);
            rest >>= 7;
        }
        self.bytes.push(rest.to_le_bytes()[0]);
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    /// Small whatever the sign.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        self.length(text.len());
        self.bytes.extend_from_slice(text);
    }

    /// A text from outside: without its secrets, unless they are wanted.
    pub(crate) fn said(&mut self, text: &[u8]) {
        match self.secrets {
            Secrets::Raw => self.text(text),
            Secrets::Redacted => self.text(redact::text(text)),
        }
    }

    /// The same of a query string.
    pub(crate) fn query(&mut self, query: &[u8]) {
        match self.secrets {
            Secrets::Raw => self.text(query),
            Secrets::Redacted => self.text(redact::query(query)),
        }
    }

    /// The same of a command line's words.
    pub(crate) fn words(&mut self, words: &[Box<[u8]>]) {
        self.length(words.len());
        match self.secrets {
            Secrets::Raw => words.iter().for_each(|word| self.text(word)),
            Secrets::Redacted => redact::args(words).iter().for_each(|word| self.text(word)),
        }
    }

    /// Up to eight facts in a byte.
    pub(crate) fn flags(&mut self, flags: &[bool]) {
        let bits = flags.iter().rev().fold(0_u8, |bits, flag| bits << 1 | u8::from(*flag));
        self.byte(bits);
    }

    pub(crate) fn time(&mut self, time: BootTime) {
        self.signed(time.0.wrapping_sub(self.last).cast_signed());
        self.last = time.0;
    }

    pub(crate) fn option<T>(&mut self, option: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(option.is_some()));
        if let Some(value) = option {
            put(self, value);
        }
    }

    /// One of few, by its place in `all`, which never changes but at the end.
    pub(crate) fn one_of<T: PartialEq>(&mut self, all: &[T], one: &T) {
        let place = all.iter().position(|known| known == one);
        self.byte(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
    }
}

/// Bytes being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) last: u64,
}

impl<'a> Take<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, Wrong> {
        let (&first, rest) = self.rest.split_first().ok_or(Wrong("a byte is missing"))?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Wrong> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Wrong("a number is too large"))
    }

    /// A number of a narrower type.
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Wrong> {
        T::try_from(self.number()?).map_err(|_| Wrong("a number is too large for its place"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Wrong> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], Wrong> {
        let length = self.narrow()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Wrong("a text is cut"))?;
        self.rest = rest;
        Ok(text)
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, Wrong> {
        std::str::from_utf8(self.text()?).map_err(|_| Wrong("a name is not UTF-8"))
    }

    pub(crate) fn flags<const N: usize>(&mut self) -> Result<[bool; N], Wrong> {
        let bits = self.byte()?;
        if N < 8 && bits >> N != 0 {
            return Err(Wrong("a flag is unknown"));
        }
        Ok(std::array::from_fn(|at| bits >> at & 1 == 1))
    }

    pub(crate) fn time(&mut self) -> Result<BootTime, Wrong> {
        self.last = self.last.wrapping_add(self.signed()?.cast_unsigned());
        Ok(BootTime(self.last))
    }

    pub(crate) fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Wrong> {
        match self.byte()? {
            0 => Ok(None),
            1 => take(self).map(Some),
            _ => Err(Wrong("something is neither there nor absent")),
        }
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, Wrong> {
        all.get(usize::from(self.byte()?)).copied().ok_or(Wrong("a kind is unknown"))
    }

    /// As many as the bytes say, at most `most`.
    pub(crate) fn list<T>(
        &mut self,
        most: usize,
        mut take: impl FnMut(&mut Self) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let count: usize = self.narrow()?;
        // Each takes a byte at least: more than there are bytes can't be there.
        if count > most || count > self.rest.len() {
            return Err(Wrong("a list is too long"));
        }
        (0..count).map(|_| take(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(number: u64, signed: i64, text: Vec<u8>, times: Vec<u64>, flags: [bool; 8]) {
            let mut put = Put::default();
            put.number(number);
            put.signed(signed);
            put.text(&text);
            for time in &times {
                put.time(BootTime(*time));
            }
            put.flags(&flags);
            put.option(Some(number), Put::number);
            let mut take = Take { rest: &put.bytes, last: 0 };
            prop_assert_eq!(take.number(), Ok(number));
            prop_assert_eq!(take.signed(), Ok(signed));
            prop_assert_eq!(take.text(), Ok(text.as_slice()));
            for time in times {
                prop_assert_eq!(take.time(), Ok(BootTime(time)));
            }
            prop_assert_eq!(take.flags::<8>(), Ok(flags));
            prop_assert_eq!(take.option(Take::number), Ok(Some(number)));
            prop_assert!(take.rest.is_empty());
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let number = |bytes: &[u8]| Take { rest: bytes, last: 0 }.number();
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Ok(u64::MAX));
        assert!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(number(&[0x80; 11]).is_err());
        assert!(number(&[0x80]).is_err());
        assert!(Take { rest: &[200, 1], last: 0 }.narrow::<u8>().is_ok_and(|value| value == 200));
        assert!(Take { rest: &[0x80, 2], last: 0 }.narrow::<u8>().is_err());
        assert!(Take { rest: &[5, 1], last: 0 }.text().is_err());
        assert!(Take { rest: &[2, 1], last: 0 }.list(9, Take::byte).is_err());
        assert!(Take { rest: &[2, 1, 1], last: 0 }.list(1, Take::byte).is_err());
    }
}
