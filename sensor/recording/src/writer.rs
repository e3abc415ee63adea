//! Making a recording.
use crate::{
    Error, Head, Item,
    bytes::Put,
    frame::{FRAME_BYTES, Packer},
    tables::Puts,
};
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, LossCounter, Stage},
};
use std::io::Write;

/// Bytes of a frame's items, from which on it is written without being asked to.
const FULL: usize = 256 << 10;

/// Writes a recording, frame by frame. What is not in a whole frame is lost if the process is killed:
/// [`Writer::cut`] ends one.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    put: Put,
    tables: Puts,
    packer: Packer,
    items: u32,
    times: Option<(BootTime, BootTime)>,
    /// Written so far.
    bytes: u64,
    dropped: LossCounter,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    ///
    /// # Errors
    /// The stream doesn't take it.
    pub fn new(mut to: W, head: &Head) -> Result<Self, Error> {
        let mut first = Vec::new();
        let begun = head.write(&mut first).and_then(|()| to.write_all(&first));
        begun.map_err(|source| Error::Io { doing: "begin", source })?;
        let (put, tables, packer) = (Put::new(head.secrets), Puts::default(), Packer::new());
        let (bytes, dropped) = (first.len() as u64, LossCounter::new(Stage::Recording));
        Ok(Self { to, put, tables, packer, items: 0, times: None, bytes, dropped })
    }

    /// Puts an item in. One that is larger than a frame may be is dropped, and counted.
    ///
    /// # Errors
    /// The stream doesn't take the frame that is full with it.
    pub fn put(&mut self, item: &Item) -> Result<(), Error> {
        let before = self.put.bytes.len();
        item.put(&mut self.tables, &mut self.put);
        if self.put.bytes.len() > FRAME_BYTES {
            self.put.bytes.truncate(before);
            self.dropped.add("item_too_large", "observation", 1);
            // Its parts count as told in this frame, and are not.
            return self.cut();
        }
        self.items += 1;
        let time = item.time();
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        if self.put.bytes.len() >= FULL { self.cut() } else { Ok(()) }
    }

    /// Writes what was put in since the last frame as one.
    ///
    /// # Errors
    /// The stream doesn't take it. What was to be written is lost then, and counted.
    pub fn cut(&mut self) -> Result<(), Error> {
        let (items, times) = (std::mem::take(&mut self.items), self.times.take());
        let written = match times {
            Some(times) => {
                let frame = self.packer.pack(&self.put.bytes, items, times);
                frame.and_then(|frame| self.to.write_all(frame).map(|()| frame.len()))
            }
            None => Ok(0),
        };
        self.put.clear();
        self.tables.clear();
        match written {
            Ok(bytes) => {
                self.bytes += bytes as u64;
                Ok(())
            }
            Err(source) => {
                self.dropped.add("write_failed", "observation", items.into());
                Err(Error::Io { doing: "write", source })
            }
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nothing waits for the next frame.
    pub fn is_cut(&self) -> bool {
        self.items == 0
    }

    /// What was dropped since the last call.
    pub fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.dropped.drain(now)
    }

    /// Writes the last frame.
    ///
    /// # Errors
    /// The stream doesn't take it.
    pub fn finish(mut self) -> Result<W, Error> {
        self.cut()?;
        self.to.flush().map_err(|source| Error::Io { doing: "end", source })?;
        Ok(self.to)
    }
}
