//! The rows of one table of an `SQLite` database (<https://www.sqlite.org/fileformat2.html>): what rpm keeps its packages in. No SQL, no
//! locks: whoever reads while somebody writes may get rows that make no sense, and sees by the file's change that it must read again.
use std::collections::HashMap;

/// Bytes of a row; of rpm's the largest have some megabytes.
const ROW: usize = 64 << 20;
/// Deeper no b-tree of that many pages is.
const DEPTH: usize = 32;
/// Bytes of a database, and of its log; of rpm's the largest have some hundred megabytes.
const LONGEST: u64 = 1 << 30;
/// Pages in the write-ahead log that are kept in mind.
const LOGGED: usize = 1 << 20;
/// The header of the first page.
const HEADER: usize = 100;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Why there are no rows, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// A file that can be read at any place.
pub trait File {
    /// Fills the buffer with what is `at` bytes behind its beginning; false: there is less.
    fn read(&mut self, at: u64, to: &mut [u8]) -> bool;
}

/// A database with its write-ahead log.
#[derive(Debug)]
pub struct Database<F> {
    file: F,
    log: Option<F>,
    page_bytes: usize,
    /// Of a page, without what is reserved.
    usable: usize,
    /// Pages whose last version is in the log, and where in it.
    logged: HashMap<u32, u64>,
    /// Pages that may still be read: nothing is read twice, so a database that says otherwise has an end.
    left: u64,
}

impl<F: File> Database<F> {
    /// Looks at the head of the file and at the log. `bytes`: how long the file is.
    pub fn open(mut file: F, bytes: u64, log: Option<F>) -> Result<Self, Unreadable> {
        if bytes > LONGEST {
            return Err(Unreadable("it is too long"));
        }
        let mut header = [0; HEADER];
        if !file.read(0, &mut header) || !header.starts_with(b"SQLite format 3\0") {
            return Err(Unreadable("it is no SQLite database"));
        }
        let page_bytes = match number(&header, 16, 2) {
            Some(1) => 1 << 16,
            Some(size @ 512..=32_768) if size.is_power_of_two() => size,
            _ => return Err(Unreadable("its page size makes no sense")),
        };
        let reserved = header.get(20).copied().map_or(0, usize::from);
        // Nothing smaller holds a cell (section 1.3.4 of the format).
        let usable = page_bytes.checked_sub(reserved).filter(|usable| *usable >= 480);
        let usable = usable.ok_or(Unreadable("its page size makes no sense"))?;
        let mut database = Self { file, log, page_bytes, usable, logged: HashMap::new(), left: 0 };
        database.read_log()?;
        database.left = bytes / page_bytes as u64 + database.logged.len() as u64;
        Ok(database)
    }

    /// Gives each row of a table to `row`, as the bytes of its second column, which must be a blob.
    pub fn blobs(&mut self, table: &str, mut row: impl FnMut(&[u8])) -> Result<(), Unreadable> {
        let mut root = None;
        self.rows(1, &mut |record| {
            let named = column(record, 0) == Some(b"table") && column(record, 1) == Some(table.as_bytes());
            let page = column(record, 3).and_then(|page| number(page, 0, page.len()));
            if let (true, Some(page)) = (named, page) {
                root = u32::try_from(page).ok();
            }
        })?;
        let root = root.ok_or(Unreadable("it has no such table"))?;
        let mut odd = false;
        self.rows(root, &mut |record| match column(record, 1) {
            Some(blob) => row(blob),
            None => odd = true,
        })?;
        if odd { Err(Unreadable("a row has no second column")) } else { Ok(()) }
    }

    /// Every row of the b-tree at a page, as a record.
    fn rows(&mut self, root: u32, row: &mut dyn FnMut(&[u8])) -> Result<(), Unreadable> {
        const INTERIOR: u8 = 5;
        const LEAF: u8 = 13;
        let mut pages = vec![(root, 0)];
        while let Some((at, depth)) = pages.pop() {
            let page = self.page(at)?;
            let start = if at == 1 { HEADER } else { 0 };
            let kind = page.get(start).copied();
            let cells = number(&page, start + 3, 2).ok_or(CUT)?;
            let pointers = start + if kind == Some(INTERIOR) { 12 } else { 8 };
            let cell = |nth: usize| number(&page, pointers + 2 * nth, 2);
            match kind {
                Some(LEAF) => {
                    for nth in 0..cells {
                        let record = self.record(&page, cell(nth).ok_or(CUT)?)?;
                        row(&record);
                    }
                }
                Some(INTERIOR) if depth < DEPTH => {
                    let right = number(&page, start + 8, 4);
                    let children = (0..cells).map(|nth| number(&page, cell(nth)?, 4)).chain([right]);
                    // The last is taken first.
                    let first = pages.len();
                    for child in children {
                        let child = child.and_then(|child| u32::try_from(child).ok()).ok_or(CUT)?;
                        pages.push((child, depth + 1));
                    }
                    if let Some(new) = pages.get_mut(first..) {
                        new.reverse();
                    }
                }
                _ => return Err(Unreadable("a page is of another kind than it should be")),
            }
        }
        Ok(())
    }

    /// What a cell of a leaf holds, put together from the page and those behind it.
    fn record(&mut self, page: &[u8], at: usize) -> Result<Vec<u8>, Unreadable> {
        let (length, at) = varint(page, at).ok_or(CUT)?;
        let (_row, at) = varint(page, at).ok_or(CUT)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= ROW);
        let length = length.ok_or(Unreadable("a row is too long"))?;
        // Section 1.6 of the format: how much of a payload lies in the page.
        let most = self.usable - 35;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let some = least + length.saturating_sub(least) % (self.usable - 4);
        let local = if length <= most {
            length
        } else if some <= most {
            some
        } else {
            least
        };
        let mut record = page.get(at..at + local).ok_or(CUT)?.to_vec();
        let mut next = if local < length { number(page, at + local, 4).ok_or(CUT)? } else { 0 };
        while record.len() < length {
            let page = self.page(u32::try_from(next).map_err(|_| CUT)?)?;
            let rest = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(page.get(4..4 + rest).ok_or(CUT)?);
            next = number(&page, 0, 4).ok_or(CUT)?;
        }
        Ok(record)
    }

    /// A page as it was committed last.
    fn page(&mut self, number: u32) -> Result<Vec<u8>, Unreadable> {
        self.left = self.left.checked_sub(1).ok_or(Unreadable("a page is part of two things"))?;
        let mut page = vec![0; self.page_bytes];
        let read = if let (Some(at), Some(log)) = (self.logged.get(&number), &mut self.log) {
            log.read(*at, &mut page)
        } else {
            let before = u64::from(number).checked_sub(1).ok_or(CUT)?;
            self.file.read(before * self.page_bytes as u64, &mut page)
        };
        if read { Ok(page) } else { Err(CUT) }
    }

    /// Finds the pages of the log, up to its last commit. What doesn't belong to it ends it: the rest is of an earlier one.
    fn read_log(&mut self) -> Result<(), Unreadable> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let mut header = [0; LOG_HEADER];
        if !log.read(0, &mut header) {
            return Ok(());
        }
        let (magic, page_bytes) = (number(&header, 0, 4), number(&header, 8, 4));
        if !matches!(magic, Some(0x377f_0682 | 0x377f_0683)) || page_bytes != Some(self.page_bytes) {
            return Ok(());
        }
        let mut sum = Sum { big: magic == Some(0x377f_0683), state: (0, 0) };
        sum.add(header.get(..24).unwrap_or_default());
        let mut frame = vec![0; FRAME_HEADER + self.page_bytes];
        let (mut at, mut pending) = (LOG_HEADER as u64, Vec::new());
        while log.read(at, &mut frame) {
            if at > LONGEST || pending.len() + self.logged.len() == LOGGED {
                return Err(Unreadable("its log is too long"));
            }
            let (head, page) = frame.split_at(FRAME_HEADER);
            sum.add(head.get(..8).unwrap_or_default());
            sum.add(page);
            let sums = (number(head, 16, 4), number(head, 20, 4));
            let ours = (usize::try_from(sum.state.0).ok(), usize::try_from(sum.state.1).ok());
            if head.get(8..16) != header.get(16..24) || sums != ours {
                break;
            }
            let of = number(head, 0, 4).and_then(|page| u32::try_from(page).ok()).unwrap_or_default();
            pending.push((of, at + FRAME_HEADER as u64));
            // How many pages the database has after a commit; else 0.
            if number(head, 4, 4) != Some(0) {
                self.logged.extend(pending.drain(..));
            }
            at += frame.len() as u64;
        }
        Ok(())
    }
}

const CUT: Unreadable = Unreadable("a page has less than it says");

/// The checksum of write-ahead logs (section 4.2 of the format).
struct Sum {
    /// Numbers have their high byte first.
    big: bool,
    state: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (pairs, _) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in pairs {
            let one = |bytes| if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
            let (first, second) = (one([a, b, c, d]), one([e, f, g, h]));
            let (mut x, mut y) = self.state;
            x = x.wrapping_add(first).wrapping_add(y);
            y = y.wrapping_add(second).wrapping_add(x);
            self.state = (x, y);
        }
    }
}

/// A number of up to eight bytes, the high one first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?).filter(|bytes| bytes.len() <= 8)?;
    usize::try_from(bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))).ok()
}

/// Seven bits a byte, the high ones first, nine bytes at most; and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (nth, byte) in bytes.get(at..)?.iter().take(9).enumerate() {
        if nth == 8 {
            return Some((number << 8 | u64::from(*byte), at + 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + nth + 1));
        }
    }
    None
}

/// The bytes of a record's column (section 2.1 of the format).
fn column(record: &[u8], wanted: usize) -> Option<&[u8]> {
    let (header, mut at) = varint(record, 0)?;
    let header = usize::try_from(header).ok()?;
    let (mut nth, mut start) = (0, header);
    while at < header {
        let (kind, next) = varint(record, at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let end = start.checked_add(length)?;
        if nth == wanted {
            return record.get(start..end);
        }
        (nth, start, at) = (nth + 1, end, next);
    }
    None
}
