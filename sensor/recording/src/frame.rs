//! Frames: a few thousand items each, compressed, with lengths that can be trusted and a checksum.
use crate::{Error, head::Head, head::checksum};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use guardbee_model::clock::BootTime;
use std::io::{self, Read, Seek, SeekFrom};

/// Of a frame before it is compressed, at most.
pub const FRAME_BYTES: usize = 4 << 20;
/// Compressing what can't be compressed adds a little.
const PACKED_BYTES: usize = FRAME_BYTES + (FRAME_BYTES >> 8) + 64;
const MAGIC: [u8; 4] = *b"GBFR";
/// Bytes of a header.
pub(crate) const HEADER: usize = 40;

/// What stands before the compressed bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) items: u32,
    pub(crate) packed: u32,
    pub(crate) raw: u32,
    /// Of the times of its items.
    pub(crate) first: BootTime,
    pub(crate) last: BootTime,
    /// Of the compressed bytes.
    pub(crate) sum: u32,
}

impl Header {
    fn bytes(&self) -> [u8; HEADER] {
        let words = [self.items, self.packed, self.raw].map(u32::to_le_bytes);
        let times = [self.first.0, self.last.0].map(u64::to_le_bytes);
        let mut all =
            [&MAGIC[..], words.as_flattened(), times.as_flattened(), &self.sum.to_le_bytes()].concat();
        all.extend_from_slice(&checksum(&[&all]).to_le_bytes());
        all.first_chunk().copied().unwrap_or([0; HEADER])
    }

    /// [`None`]: this is none.
    pub(crate) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk()?;
        let (magic, rest) = content.split_first_chunk::<4>()?;
        if *magic != MAGIC || checksum(&[content]) != u32::from_le_bytes(*sum) {
            return None;
        }
        let word = |at: usize| Some(u32::from_le_bytes(*rest.get(at..)?.first_chunk()?));
        let time = |at: usize| Some(BootTime(u64::from_le_bytes(*rest.get(at..)?.first_chunk()?)));
        let header = Self {
            items: word(0)?,
            packed: word(4)?,
            raw: word(8)?,
            first: time(12)?,
            last: time(20)?,
            sum: word(28)?,
        };
        let within = header.packed as usize <= PACKED_BYTES && header.raw as usize <= FRAME_BYTES;
        within.then_some(header)
    }
}

/// Makes frames; its memory is used again for each.
#[derive(Debug)]
pub(crate) struct Packer {
    deflate: Compress,
    /// Header and compressed bytes.
    frame: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self { deflate: Compress::new(Compression::fast(), false), frame: Vec::new() }
    }

    /// The frame of `raw`, which has so many items of these times.
    pub(crate) fn pack(&mut self, raw: &[u8], items: u32, times: (BootTime, BootTime)) -> io::Result<&[u8]> {
        self.deflate.reset();
        self.frame.clear();
        self.frame.resize(HEADER, 0);
        loop {
            let done = usize::try_from(self.deflate.total_in()).unwrap_or(usize::MAX);
            self.frame.reserve(raw.len() / 2 + 4096);
            let rest = raw.get(done..).unwrap_or_default();
            let status = self.deflate.compress_vec(rest, &mut self.frame, FlushCompress::Finish)?;
            if status == Status::StreamEnd {
                break;
            }
        }
        let packed = self.frame.get(HEADER..).unwrap_or_default();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let header = Header {
            items,
            packed: length(packed),
            raw: length(raw),
            first: times.0,
            last: times.1,
            sum: checksum(&[packed]),
        };
        if let Some(place) = self.frame.first_chunk_mut() {
            *place = header.bytes();
        }
        Ok(&self.frame)
    }
}

/// Undoes what [`Packer`] did.
#[derive(Debug)]
pub(crate) struct Unpacker {
    inflate: Decompress,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self { inflate: Decompress::new(false) }
    }

    /// Puts what `packed` holds in `raw`; whether it is what the header says.
    pub(crate) fn unpack(&mut self, header: &Header, packed: &[u8], raw: &mut Vec<u8>) -> bool {
        raw.clear();
        if checksum(&[packed]) != header.sum {
            return false;
        }
        self.inflate.reset(false);
        let length = header.raw as usize;
        // One more than there should be: that it is not filled tells that no more came.
        raw.reserve_exact(length + 1);
        let outcome = self.inflate.decompress_vec(packed, raw, FlushDecompress::Finish);
        matches!(outcome, Ok(Status::StreamEnd))
            && raw.len() == length
            && self.inflate.total_in() == packed.len() as u64
    }
}

/// How far a recording has come that is still being written: from the headers of its frames alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where the next frame will be.
    at: u64,
    /// Items in whole frames.
    pub items: u64,
    /// The last time in them.
    pub last: BootTime,
}

impl Progress {
    /// Looks at what has been written since the last call.
    ///
    /// # Errors
    /// The file can't be read, or what is in it is no recording.
    pub fn follow(&mut self, file: &mut (impl Read + Seek)) -> Result<(), Error> {
        let failed = |source| Error::Io { doing: "follow", source };
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.seek(SeekFrom::Start(self.at)).map_err(failed)?;
        if self.at == 0 {
            match Head::read(file) {
                Ok((_, bytes)) => self.at = bytes,
                // It is being written.
                Err(Error::NotARecording | Error::Head { .. }) if length < 4096 => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        while self.at + HEADER as u64 <= length {
            file.seek(SeekFrom::Start(self.at)).map_err(failed)?;
            let mut bytes = [0; HEADER];
            file.read_exact(&mut bytes).map_err(failed)?;
            let Some(header) = Header::parse(&bytes) else { break };
            let end = self.at + HEADER as u64 + u64::from(header.packed);
            if end > length {
                break;
            }
            self.at = end;
            self.items += u64::from(header.items);
            self.last = self.last.max(header.last);
        }
        Ok(())
    }
}
