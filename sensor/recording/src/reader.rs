//! Reading a recording, whoever wrote it.
use crate::{
    Error, Head, Item,
    bytes::Take,
    error::Wrong,
    frame::{HEADER, Header, Unpacker},
    head::some,
    tables::Takes,
};
use guardbee_model::loss::{Loss, Stage};
use std::io::Read;

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a whole frame.
    Whole,
    /// Within a frame that was being written: whoever wrote it was killed, or the file is not all of it.
    Cut {
        /// Where that frame begins.
        at: u64,
    },
    /// With bytes that are no frame; what is behind them is not read.
    Damaged {
        /// Where they, or the frame they are in, begin.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// Reads a recording from any stream, item by item: what it needs is bounded by a frame.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    head: Head,
    /// Bytes read.
    at: u64,
    /// Where the current frame begins.
    frame: u64,
    packed: Vec<u8>,
    raw: Vec<u8>,
    /// How much of `raw` was taken.
    taken: usize,
    /// The time that the next is told by.
    last: u64,
    /// Items that are still in it.
    items: u32,
    unpacker: Unpacker,
    tables: Takes,
    end: Option<End>,
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// It is none, or none of a format that this version reads.
    pub fn new(mut from: R) -> Result<Self, Error> {
        let (head, at) = Head::read(&mut from)?;
        let (packed, raw, tables) = Default::default();
        let unpacker = Unpacker::new();
        Ok(Self {
            from,
            head,
            at,
            frame: at,
            packed,
            raw,
            taken: 0,
            last: 0,
            items: 0,
            unpacker,
            tables,
            end: None,
        })
    }

    /// What the recording says of itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How it ended; [`None`]: it has not yet.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The next item; [`None`]: there are no more, and [`Reader::end`] says why. A frame whose bytes have changed is a loss
    /// of as many observations as it has items.
    ///
    /// # Errors
    /// The stream can't be read.
    pub fn next_item(&mut self) -> Result<Option<Item>, Error> {
        while self.end.is_none() {
            if self.items > 0 {
                match self.item() {
                    Ok(item) => return Ok(Some(item)),
                    Err(Wrong(what)) => self.end = Some(End::Damaged { at: self.frame, what }),
                }
            } else if self.taken < self.raw.len() {
                let what = "a frame has more than its items";
                self.end = Some(End::Damaged { at: self.frame, what });
            } else if let Some(damaged) = self.next_frame()? {
                return Ok(Some(Item::Loss(damaged)));
            }
        }
        Ok(None)
    }

    fn item(&mut self) -> Result<Item, Wrong> {
        let mut take = Take { rest: self.raw.get(self.taken..).unwrap_or_default(), last: self.last };
        let item = Item::take(&mut take, &mut self.tables)?;
        self.taken = self.raw.len() - take.rest.len();
        self.last = take.last;
        self.items -= 1;
        Ok(item)
    }

    /// Reads a frame, or finds the end; gives what is lost if the frame is not what it was.
    fn next_frame(&mut self) -> Result<Option<Loss>, Error> {
        self.frame = self.at;
        self.raw.clear();
        (self.taken, self.last) = (0, 0);
        self.tables.clear();
        if self.read(HEADER as u64)?.is_none() {
            let nothing = self.packed.is_empty();
            self.end = Some(if nothing { End::Whole } else { End::Cut { at: self.frame } });
            return Ok(None);
        }
        let Some(header) = self.packed.first_chunk().and_then(Header::parse) else {
            let what = "no frame stands where one should";
            self.end = Some(End::Damaged { at: self.frame, what });
            return Ok(None);
        };
        if self.read(header.packed.into())?.is_none() {
            self.end = Some(End::Cut { at: self.frame });
            return Ok(None);
        }
        if self.unpacker.unpack(&header, &self.packed, &mut self.raw) {
            self.items = header.items;
            return Ok(None);
        }
        self.raw.clear();
        Ok(Some(Loss {
            stage: Stage::Recording,
            cause: "frame_damaged",
            kind: "observation",
            count: header.items.into(),
            from: header.first,
            to: header.last,
        }))
    }

    /// So many bytes into `packed`; [`None`]: there were fewer.
    fn read(&mut self, length: u64) -> Result<Option<()>, Error> {
        self.packed.clear();
        let read = some(&mut self.from, length, &mut self.packed);
        self.at += self.packed.len() as u64;
        read
    }
}
