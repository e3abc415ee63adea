//! Where a recording is: a file, or a folder of files, such as the journal's.
use anyhow::{Context as _, bail};
use guardbee_recording::{End, Error, Head, Item, Reader};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

/// How a recording's files are called.
pub(crate) const SUFFIX: &str = "gbrec";
/// More files than any journal has.
const FILES: usize = 100_000;

/// Files of a recording, in order.
#[derive(Debug)]
pub struct Source {
    files: Vec<PathBuf>,
    /// Of all of them.
    bytes: u64,
}

/// How a file that did not end as it should ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Which.
    pub file: PathBuf,
    /// How.
    pub end: End,
}

impl Source {
    /// A file, or the recordings in a folder by their names.
    ///
    /// # Errors
    /// There is none.
    pub fn find(path: &Path) -> anyhow::Result<Self> {
        let mut files = if path.is_dir() { in_folder(path)? } else { vec![path.to_owned()] };
        files.sort();
        let mut bytes = 0;
        for file in &files {
            bytes += file.metadata().with_context(|| format!("recording {}", file.display()))?.len();
        }
        if files.is_empty() {
            bail!(
                "{} has no recordings (*.{SUFFIX}); `guardbee record --out FILE` makes one",
                path.display()
            );
        }
        Ok(Self { files, bytes })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives every item of every file, in order, with the file's head at its begin and how many bytes were read.
    ///
    /// # Errors
    /// A file can't be read, or is no recording of a format that this version reads.
    pub fn play(
        &self,
        begin: &mut dyn FnMut(&Head),
        item: &mut dyn FnMut(Item, u64),
    ) -> anyhow::Result<Vec<Ending>> {
        let mut endings = Vec::new();
        let mut before = 0;
        for file in &self.files {
            let context = || format!("recording {}", file.display());
            let mut reader = match Reader::new(BufReader::new(File::open(file).with_context(context)?)) {
                Ok(reader) => reader,
                // Whoever began it was killed before it had a head: no reason not to read the others.
                Err(Error::NotARecording | Error::Head { .. }) if self.files.len() > 1 => {
                    endings.push(Ending { file: file.clone(), end: End::Damaged { at: 0, what: "no head" } });
                    continue;
                }
                Err(error) => return Err(error).with_context(context),
            };
            begin(reader.head());
            while let Some(one) = reader.next_item().with_context(context)? {
                item(one, before + reader.at());
            }
            before += reader.at();
            let end = reader.end().filter(|end| *end != End::Whole);
            endings.extend(end.map(|end| Ending { file: file.clone(), end }));
        }
        Ok(endings)
    }
}

fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("read the folder {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == SUFFIX) {
            files.push(path);
        }
        if files.len() > FILES {
            bail!("{} has more than {FILES} recordings: name one", folder.display());
        }
    }
    Ok(files)
}
