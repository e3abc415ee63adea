//! Reader of a `bpf_iter`: what was there before the sensor, record after record.
use crate::{Error, decode};
use guardbee_model::{event::Event, loss::LossCounter};
use guardbee_wire::EventHeader;
use std::io::{self, Read};
use zerocopy::FromBytes as _;

/// Bytes of one read.
const CHUNK: usize = 64 << 10;
/// No record is longer; one that claims so has lost the frame.
const RECORD_MAX: usize = 64 << 10;
/// The iterator asks to be read again where it found nothing to tell in a million objects.
const RETRIES_MAX: u32 = 1024;

/// Reads an iterator to its end and gives its events to `out`. Records that make no sense are counted in `losses`, and
/// so is what is behind `limit` bytes, cause `iterator_limit`, as one.
pub fn read_iterator(
    mut from: impl Read,
    limit: usize,
    out: &mut Vec<Event>,
    losses: &mut LossCounter,
) -> Result<(), Error> {
    let failed = |source| Error::Iterator { source };
    let mut buffer = Vec::new();
    let (mut total, mut retries) = (0usize, 0);
    loop {
        let end = buffer.len();
        buffer.resize(end + CHUNK, 0);
        let result = from.read(buffer.get_mut(end..).unwrap_or_default());
        buffer.truncate(end + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) if buffer.is_empty() => return Ok(()),
            Ok(0) => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => total += count,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
                    && retries < RETRIES_MAX =>
            {
                retries += 1;
                continue;
            }
            Err(error) => return Err(failed(error)),
        }
        let used = records(&buffer, out, losses)?;
        buffer.drain(..used);
        if total > limit {
            losses.add("iterator_limit", "process", 1);
            return Ok(());
        }
    }
}

/// Decodes the whole records of a buffer; gives the bytes that they take.
fn records(buffer: &[u8], out: &mut Vec<Event>, losses: &mut LossCounter) -> Result<usize, Error> {
    let mut rest = buffer;
    while let Ok((header, _)) = EventHeader::read_from_prefix(rest) {
        let size = header.size as usize;
        if size < size_of::<EventHeader>() || size > RECORD_MAX {
            return Err(Error::Frame { size: header.size });
        }
        let Some((record, behind)) = rest.split_at_checked(size) else { break };
        match decode::record(record) {
            Ok(event) => out.push(event),
            Err(error) => losses.add(error.cause(), error.kind(), 1),
        }
        rest = behind;
    }
    Ok(buffer.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::tests::samples;
    use guardbee_model::{clock::BootTime, loss::Stage};

    /// Gives its bytes in pieces, and an error before each that only asks for patience.
    struct Pieces<'a>(&'a [u8], usize, bool);

    impl Read for Pieces<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.2 = !self.2;
            if self.2 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let (piece, rest) = self.0.split_at(self.1.min(self.0.len()).min(to.len()));
            to[..piece.len()].copy_from_slice(piece);
            self.0 = rest;
            Ok(piece.len())
        }
    }

    fn read(bytes: &[u8], limit: usize) -> (Result<(), Error>, usize, u64) {
        let (mut out, mut losses) = (Vec::new(), LossCounter::new(Stage::Capture));
        let result = read_iterator(Pieces(bytes, 100, false), limit, &mut out, &mut losses);
        (result, out.len(), losses.drain(BootTime(0)).iter().map(|loss| loss.count).sum())
    }

    #[test]
    fn records_are_read_over_any_cut() {
        let samples = samples();
        let bytes = samples.concat();
        assert!(matches!(read(&bytes, usize::MAX), (Ok(()), n, 0) if n == samples.len()));
        assert!(matches!(read(&bytes, 1000), (Ok(()), n, 1) if n < samples.len()));
        assert!(matches!(read(&bytes[..bytes.len() - 8], usize::MAX), (Err(Error::Iterator { .. }), _, 0)));
    }

    #[test]
    fn a_bad_record_is_counted_and_a_lost_frame_ends_it() {
        let mut bytes = samples().concat();
        bytes[36] = 99; // the first one's kind
        assert!(matches!(read(&bytes, usize::MAX), (Ok(()), n, 1) if n == samples().len() - 1));
        bytes[32..36].fill(0xff); // its size
        assert!(matches!(read(&bytes, usize::MAX), (Err(Error::Frame { size: u32::MAX }), 0, 0)));
    }
}
