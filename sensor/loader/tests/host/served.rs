//! A file system that a process serves, over `/dev/fuse`: it has one program, and answers until it is told to be silent.
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// The program's name.
pub(crate) const NAME: &str = "served";
const PROGRAM: &str = "/usr/bin/sleep";
/// `FUSE_ROOT_ID`, and the program's number.
const ROOT: u64 = 1;
const FILE: u64 = 2;
/// Most that the kernel writes at once: a request to write isn't answered.
const REQUEST_BYTES: usize = 1 << 17;
const IN_HEADER: usize = 40;

/// Mounted until it is dropped; whoever waits for it then gets an error.
pub(crate) struct Served {
    folder: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    device: File,
    program: File,
    silent: AtomicBool,
    /// To whom it says nothing, by the name of the thread; [`None`]: to nobody.
    silent_to: Option<&'static str>,
    /// What was asked meanwhile.
    held: Mutex<Vec<Vec<u8>>>,
}

impl Served {
    /// Mounts it on a new folder, silent from the first to threads of one name. What it opens goes past the page cache, so that each read is asked for.
    pub(crate) fn mount(folder: &Path, silent_to: Option<&'static str>) -> Self {
        std::fs::create_dir(folder).unwrap();
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let options = CString::new(options).unwrap();
        mount("guardbee-test", folder, "fuse", MountFlags::NOSUID | MountFlags::NODEV, Some(&*options))
            .unwrap();
        let (silent, held) = (AtomicBool::new(false), Mutex::default());
        let shared =
            Arc::new(Shared { device, program: File::open(PROGRAM).unwrap(), silent, silent_to, held });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || serving.serve());
        Self { folder: folder.to_owned(), shared }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// From now on nobody gets an answer; or those who wait get theirs, and everybody after them.
    pub(crate) fn be_silent(&self, silent: bool) {
        let mut held = self.shared.held.lock().unwrap();
        self.shared.silent.store(silent, Ordering::SeqCst);
        if !silent {
            held.drain(..).for_each(|request| self.shared.answer(&request));
        }
    }

    /// Questions that wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.held.lock().unwrap().len()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.be_silent(false);
        unmount(&self.folder, UnmountFlags::DETACH).ok();
        std::fs::remove_dir(&self.folder).ok();
    }
}

impl Shared {
    /// Until the last user of the file system is gone.
    fn serve(&self) {
        let mut buffer = vec![0; REQUEST_BYTES];
        loop {
            match (&self.device).read(&mut buffer) {
                Ok(length) => {
                    let mut held = self.held.lock().unwrap();
                    let request = &buffer[..length];
                    // Whoever is interrupted waits all the same.
                    if self.is_silent(request) && opcode(request) != INTERRUPT {
                        held.push(request.to_vec());
                    } else {
                        drop(held);
                        self.answer(request);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn is_silent(&self, request: &[u8]) -> bool {
        let by = || std::fs::read_to_string(format!("/proc/{}/comm", word(request, 32)));
        self.silent.load(Ordering::SeqCst)
            || self.silent_to.is_some_and(|name| by().is_ok_and(|by| by.trim_end() == name))
    }

    fn answer(&self, request: &[u8]) {
        let unique = number(request, 8);
        let answer = match opcode(request) {
            FORGET | INTERRUPT | BATCH_FORGET => return,
            INIT => {
                Ok([&[7_u32, 31, 1 << 16, 0, 0, 1 << 16, 1].map(u32::to_ne_bytes).concat()[..], &[0; 36]]
                    .concat())
            }
            LOOKUP if request[IN_HEADER..] == *format!("{NAME}\0").as_bytes() => {
                let numbers = [FILE, 1, 0, 0, 0].map(u64::to_ne_bytes).concat();
                Ok([numbers, self.attributes(FILE)].concat())
            }
            LOOKUP => Err(Errno::NOENT),
            GETATTR => Ok([vec![0; 16], self.attributes(number(request, 16))].concat()),
            OPEN => Ok([0_u64.to_ne_bytes(), u64::from(DIRECT_IO).to_ne_bytes()].concat()),
            READ => {
                let (at, most) = (number(request, IN_HEADER + 8), word(request, IN_HEADER + 16));
                let mut bytes = vec![0; usize::try_from(most).unwrap()];
                let length = self.program.read_at(&mut bytes, at).unwrap();
                bytes.truncate(length);
                Ok(bytes)
            }
            RELEASE => Ok(Vec::new()),
            _ => Err(Errno::NOSYS),
        };
        let (error, body) =
            answer.map_or_else(|error: Errno| (-error.raw_os_error(), Vec::new()), |body| (0, body));
        let length = u32::try_from(16 + body.len()).unwrap();
        let header = [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes()].concat();
        // Who was killed meanwhile has no use for it.
        (&self.device).write_all(&[header, body].concat()).ok();
    }

    /// `struct fuse_attr`.
    fn attributes(&self, inode: u64) -> Vec<u8> {
        let bytes = self.program.metadata().unwrap().len();
        let (mode, size) = if inode == ROOT { (0o040_755, 0) } else { (0o100_755, bytes) };
        let long = [inode, size, size.div_ceil(512), 0, 0, 1].map(u64::to_ne_bytes).concat();
        let short = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0_u32].map(u32::to_ne_bytes).concat();
        [long, short].concat()
    }
}

// Numbers of linux/fuse.h.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
const DIRECT_IO: u32 = 1;

fn opcode(request: &[u8]) -> u32 {
    word(request, 4)
}

fn word(request: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(request[at..at + 4].try_into().unwrap())
}

fn number(request: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(request[at..at + 8].try_into().unwrap())
}
