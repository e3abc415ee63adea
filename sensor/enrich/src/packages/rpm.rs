//! rpm's packages: a header each (<https://rpm-software-management.github.io/rpm/manual/format_header.html>), of which name and files are
//! read. Where headers lie is [`super::sqlite`]'s.

use super::PATH;

/// `RPMTAG_NAME`, `RPMTAG_DIRINDEXES`, `RPMTAG_BASENAMES`, `RPMTAG_DIRNAMES`, with their types.
const NAME: (u32, u32) = (1000, STRING);
const FOLDER: (u32, u32) = (1116, INT32);
const FILE: (u32, u32) = (1117, STRING_ARRAY);
const FOLDERS: (u32, u32) = (1118, STRING_ARRAY);
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
/// Entries of a header, and bytes of one.
const ENTRIES: usize = 1 << 16;
const ENTRY: usize = 16;
/// Folders of a package that are looked at: one of kernel sources has some thousands.
const FOLDERS_MOST: usize = 1 << 16;

/// A package.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Entries of the index.
    index: &'a [[u8; ENTRY]],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// As the database has it: without the magic that a file begins with.
    pub fn parse(blob: &'a [u8]) -> Option<Self> {
        let (entries, rest) = blob.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (entries, length) = (u32::from_be_bytes(*entries) as usize, u32::from_be_bytes(*length) as usize);
        let index =
            rest.get(..entries.min(ENTRIES + 1).checked_mul(ENTRY)?).filter(|_| entries <= ENTRIES)?;
        let data = rest.get(index.len()..)?.get(..length)?;
        Some(Self { index: index.as_chunks().0, data })
    }

    /// Its name.
    pub fn name(&self) -> Option<&'a [u8]> {
        let (_, data) = self.entry(NAME)?;
        data.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())
    }

    /// Gives each path of its files to `path`; [`None`]: one makes no sense, or there was no room for it.
    pub fn paths(&self, mut path: impl FnMut(Option<&[u8]>)) {
        let (count, names) = self.entry(FILE).unwrap_or_default();
        let (numbered, places) = self.entry(FOLDER).unwrap_or_default();
        let (most, folders) = self.entry(FOLDERS).unwrap_or_default();
        let folders: Vec<&[u8]> = strings(folders, most.min(FOLDERS_MOST)).collect();
        let (mut told, mut whole) = (0, Vec::new());
        for (name, place) in strings(names, count).zip(places.as_chunks().0.iter().take(numbered)) {
            let folder = folders.get(u32::from_be_bytes(*place) as usize);
            let folder = folder.filter(|folder| folder.starts_with(b"/") && !name.contains(&b'/'));
            path(folder.filter(|folder| folder.len() + name.len() <= PATH).map(|folder| {
                whole.clear();
                whole.extend_from_slice(folder);
                whole.extend_from_slice(name);
                &*whole
            }));
            told += 1;
        }
        if told < count {
            path(None);
        }
    }

    /// How many values a tag of that type has, and the data from the first on.
    fn entry(&self, wanted: (u32, u32)) -> Option<(usize, &'a [u8])> {
        let field = |entry: &[u8; ENTRY], at: usize| {
            entry.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
        };
        let entry = self
            .index
            .iter()
            .find(|entry| (field(entry, 0), field(entry, 4)) == (Some(wanted.0), Some(wanted.1)))?;
        let (at, count) = (field(entry, 8)? as usize, field(entry, 12)? as usize);
        Some((count, self.data.get(at..)?))
    }
}

/// Strings that end with a zero.
fn strings(data: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == 0).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header with these tags, which lie in the order in which they are given.
    fn header(tags: &[((u32, u32), u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for ((tag, kind), count, bytes) in tags {
            let at = u32::try_from(data.len()).unwrap();
            index.extend([*tag, *kind, at, *count].iter().flat_map(|number| number.to_be_bytes()));
            data.extend_from_slice(bytes);
        }
        let lengths = [tags.len(), data.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
        [lengths.as_flattened(), &index, &data].concat()
    }

    fn told(blob: &[u8]) -> Option<(Vec<u8>, Vec<Option<String>>)> {
        let header = Header::parse(blob)?;
        let mut paths = Vec::new();
        header.paths(|path| paths.push(path.map(|path| String::from_utf8_lossy(path).into_owned())));
        Some((header.name()?.to_vec(), paths))
    }

    #[test]
    fn name_and_paths() {
        let folders = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0];
        let mut tags = vec![
            ((63, 7), 16, &[0; 16][..]),
            (NAME, 1, b"bash\0"),
            (FOLDER, 5, &folders),
            (FILE, 5, b"bash\0bashrc\0lost\0a/b\0\0"),
            (FOLDERS, 2, b"/usr/bin/\0/etc/\0"),
        ];
        let paths = [Some("/usr/bin/bash"), Some("/etc/bashrc"), None, None, Some("/usr/bin/")];
        let mut paths = paths.map(|path| path.map(str::to_owned)).to_vec();
        assert_eq!(told(&header(&tags)), Some((b"bash".to_vec(), paths.clone())));
        tags[3].1 = 7;
        paths.push(None);
        assert_eq!(told(&header(&tags)), Some((b"bash".to_vec(), paths)), "it has fewer files than it says");
        let long = [b"/", &*vec![b'x'; PATH], b"\0/etc/\0"].concat();
        tags.truncate(3);
        tags.extend([(FILE, 2, &b"x\0x\0"[..]), (FOLDERS, 2, &long)]);
        let paths = vec![None, Some("/etc/x".to_owned())];
        assert_eq!(told(&header(&tags)), Some((b"bash".to_vec(), paths)), "longer than the kernel takes");
        tags.truncate(2);
        assert_eq!(told(&header(&tags)), Some((b"bash".to_vec(), Vec::new())), "of no files, as some are");
        tags[1].0.1 = 9;
        assert_eq!(told(&header(&tags)), None, "a name of another type");
        assert_eq!(told(&header(&tags)[..40]), None);
    }

    proptest! {
        #[test]
        fn total(at in 0..100_usize, byte: u8, cut in 0..200_usize) {
            let folders = [0, 0, 0, 0];
            let mut blob = header(&[(NAME, 1, b"x\0"), (FOLDER, 1, &folders), (FILE, 1, b"x\0"), (FOLDERS, 1, b"/\0")]);
            let length = blob.len();
            blob[at % length] = byte;
            told(&blob[..cut.min(length)]);
        }
    }
}
