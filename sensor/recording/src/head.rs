//! The head of a recording: which format, by whom, of which sensor, and whether secrets are in it.
use crate::{
    Error,
    bytes::{Put, Take},
    error::Wrong,
    socket::bytes,
};
use flate2::Crc;
use guardbee_model::clock::WallTime;
use std::io::{self, Read, Write};

/// The format that this version writes and reads.
pub const FORMAT: u16 = 12;
/// The first byte is no text, and a transfer that changes line ends breaks the last two.
pub(crate) const MAGIC: [u8; 8] = *b"\x89GBREC\r\n";
/// Flag: secrets are in it.
const RAW: u16 = 1;
/// Of the part that formats may change.
const BODY: u32 = 64 << 10;
/// Of a version, as in `1.20.3-rc.1+build`.
const VERSION: usize = 64;

/// Whether secrets are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// As behind rules everywhere.
    #[default]
    Redacted,
    /// As rules saw them: somebody asked for it.
    Raw,
}

/// What a recording says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Whether secrets are in it.
    pub secrets: Secrets,
    /// The node.
    pub node: String,
    /// The kernel's id of the boot: times are of that boot.
    pub boot: String,
    /// The run of the sensor: sequences and connections are of that run. Random.
    pub instance: [u8; 16],
    /// Version of the sensor; [`Head::write`] writes its own.
    pub by: String,
    /// When it was begun.
    pub begun: WallTime,
}

impl Head {
    /// Writes it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut all = MAGIC.to_vec();
        all.extend_from_slice(&FORMAT.to_le_bytes());
        let flags = if self.secrets == Secrets::Raw { RAW } else { 0 };
        all.extend_from_slice(&flags.to_le_bytes());
        let by = env!("CARGO_PKG_VERSION");
        all.push(u8::try_from(by.len()).unwrap_or(0));
        all.extend_from_slice(by.as_bytes());
        let mut body = Put::default();
        body.text(&self.node);
        body.text(&self.boot);
        body.bytes.extend_from_slice(&self.instance);
        body.number(self.begun.0);
        let length = u32::try_from(body.bytes.len()).unwrap_or(u32::MAX);
        let sum = checksum(&[&all, &body.bytes]);
        all.extend_from_slice(&length.to_le_bytes());
        all.extend_from_slice(&sum.to_le_bytes());
        all.extend_from_slice(&body.bytes);
        to.write_all(&all)
    }

    /// Reads one; gives its bytes as well.
    pub(crate) fn read(from: &mut impl Read) -> Result<(Self, u64), Error> {
        let mut all = Vec::new();
        let magic: [u8; 8] = next(from, &mut all)?.ok_or(Error::NotARecording)?;
        if magic != MAGIC {
            return Err(Error::NotARecording);
        }
        let cut = || Error::Head { what: "it is cut" };
        let format = u16::from_le_bytes(next(from, &mut all)?.ok_or_else(cut)?);
        let flags = u16::from_le_bytes(next(from, &mut all)?.ok_or_else(cut)?);
        let [length] = next(from, &mut all)?.ok_or_else(cut)?;
        let before = all.len();
        some(from, length.into(), &mut all)?.ok_or_else(cut)?;
        let by = version(all.get(before..).unwrap_or_default());
        if format != FORMAT {
            return Err(Error::Format { format, by });
        }
        let mut lengths = Vec::new();
        let length = u32::from_le_bytes(next(from, &mut lengths)?.ok_or_else(cut)?);
        let sum = u32::from_le_bytes(next(from, &mut lengths)?.ok_or_else(cut)?);
        if length > BODY {
            return Err(Error::Head { what: "its length makes no sense" });
        }
        let prefix = all.len();
        some(from, length.into(), &mut all)?.ok_or_else(cut)?;
        if checksum(&[&all]) != sum || flags & !RAW != 0 {
            return Err(Error::Head { what: "its checksum is wrong" });
        }
        let secrets = if flags & RAW == RAW { Secrets::Raw } else { Secrets::Redacted };
        let mut take = Take { rest: all.get(prefix..).unwrap_or_default(), last: 0 };
        let head = Self::body(&mut take, secrets, by).map_err(|Wrong(what)| Error::Head { what })?;
        Ok((head, (all.len() + lengths.len()) as u64))
    }

    fn body(take: &mut Take<'_>, secrets: Secrets, by: String) -> Result<Self, Wrong> {
        let (node, boot) = (take.string()?.to_owned(), take.string()?.to_owned());
        let head = Self { secrets, node, boot, instance: bytes(take)?, by, begun: WallTime(take.number()?) };
        if take.rest.is_empty() { Ok(head) } else { Err(Wrong("there is more of it than there should be")) }
    }
}

/// Of what a stranger may have written, what can be shown.
fn version(text: &[u8]) -> String {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    if text.is_empty() || text.len() > VERSION || !text.iter().all(harmless) {
        return "of an unknown version".to_owned();
    }
    String::from_utf8_lossy(text).into_owned()
}

/// CRC-32 over all parts.
pub(crate) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    for part in parts {
        crc.update(part);
    }
    crc.sum()
}

/// `N` more bytes, also at the end of `all`; [`None`]: there are fewer.
fn next<const N: usize>(from: &mut impl Read, all: &mut Vec<u8>) -> Result<Option<[u8; N]>, Error> {
    let before = all.len();
    let read = some(from, N as u64, all)?;
    Ok(read.and_then(|()| all.get(before..)?.first_chunk().copied()))
}

/// `length` more bytes, at the end of `all`; [`None`]: there are fewer.
pub(crate) fn some(from: &mut impl Read, length: u64, all: &mut Vec<u8>) -> Result<Option<()>, Error> {
    let read = from.take(length).read_to_end(all);
    let read = read.map_err(|source| Error::Io { doing: "read", source })? as u64;
    Ok((read == length).then_some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            secrets: Secrets::Raw,
            node: "käfer".to_owned(),
            boot: "7460a808".to_owned(),
            instance: [7; 16],
            by: env!("CARGO_PKG_VERSION").to_owned(),
            begun: WallTime(1 << 60),
        }
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        head().write(&mut out).unwrap();
        out
    }

    fn error(bytes: &[u8]) -> String {
        Head::read(&mut &*bytes).unwrap_err().to_string()
    }

    #[test]
    fn read_as_written() {
        let bytes = written();
        assert_eq!(Head::read(&mut bytes.as_slice()).unwrap(), (head(), bytes.len() as u64));
    }

    #[test]
    fn another_format_names_who_reads_it() {
        let mut bytes = written();
        bytes[8] = u8::try_from(FORMAT).unwrap() + 1;
        let from = bytes.windows(5).position(|window| window == b"0.1.0").unwrap();
        bytes[from] = b'4';
        bytes.truncate(from + 5);
        let said = error(&bytes);
        assert!(
            said.contains(&format!("format {}", FORMAT + 1)) && said.contains("use guardbee 4.1.0"),
            "{said}"
        );
        bytes[from] = 7;
        assert!(error(&bytes).contains("of an unknown version"));
    }

    #[test]
    fn every_wrong_byte_and_every_cut_is_refused() {
        let bytes = written();
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x10;
            assert!(Head::read(&mut wrong.as_slice()).is_err(), "byte {at}");
            assert!(Head::read(&mut &bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(error(b"GIF89a..").contains("guardbee record"));
        assert!(error(b"").contains("no recording"));
    }
}
