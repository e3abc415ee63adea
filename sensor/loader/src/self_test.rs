//! The self-test: a child does what every program should see, then each program says whether it ran.
//!
//! Loaded and attached is not enough: a tracepoint can be compiled out behind its name, a guard can be wrong.
mod calls;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use guardbee_bpf::{Kernel, Program};
use guardbee_wire::{PROGRAMS, ProgramState};

use crate::{EXECUTABLE, Error};

/// The hidden subcommand by which the binary runs [`self_test_child`].
pub const SELF_TEST_COMMAND: &str = "self-test";

/// How long the child may take; it needs a few milliseconds.
const CHILD_TIME: Duration = Duration::from_secs(5);
/// How long after the child's end a program may still fire (the last process end, the last segments of TCP).
const SETTLE_TIME: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(5);

const REQUEST: &[u8] = b"GET /guardbee-self-test HTTP/1.1\r\nHost: localhost\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// States by program number.
pub(crate) type States = [ProgramState; PROGRAMS];

/// Makes every attached program run, its spares too, and says which did.
pub(crate) fn run(kernel: &Kernel) -> Result<States, Error> {
    let before = Runs::of(kernel);
    run_child(kernel.folder())?;
    // A machine may have no socket at all: one to be found.
    let _found = UnixStream::pair().map_err(Error::system("make a socket for the self-test"))?;
    // Reading a little of an iterator runs its program.
    for iterator in [kernel.iterate_processes(), kernel.iterate_sockets()].into_iter().flatten() {
        // One that can't be read has not run its program, which is the answer.
        rustix::io::read(&iterator, &mut [0; 4096]).ok();
    }
    let deadline = Instant::now() + SETTLE_TIME;
    loop {
        let states = states(kernel, &before);
        if !states.contains(&ProgramState::Silent) || Instant::now() >= deadline {
            return Ok(states);
        }
        std::thread::sleep(STEP);
    }
}

/// What has run so far, by program.
struct Runs {
    programs: [u64; PROGRAMS],
    /// Nothing where programs have none.
    spares: Option<[[u64; 2]; PROGRAMS]>,
}

impl Runs {
    fn of(kernel: &Kernel) -> Self {
        Self { programs: kernel.fired(), spares: kernel.spares().then(|| kernel.spare_runs()) }
    }

    /// Has this program run since `before`, and each of its spares?
    fn ran(&self, before: &Self, program: &Program) -> bool {
        let number = usize::from(program.id);
        let spares = self.spares.iter().flatten().nth(number);
        let spares = spares.zip(before.spares.iter().flatten().nth(number)).filter(|_| program.has_spares());
        self.programs.get(number) > before.programs.get(number)
            && spares.is_none_or(|(now, before)| now.iter().zip(before).all(|(now, before)| now > before))
    }
}

fn states(kernel: &Kernel, before: &Runs) -> States {
    let after = Runs::of(kernel);
    let mut states = [ProgramState::Unused; PROGRAMS];
    for program in kernel.programs() {
        let number = usize::from(program.id);
        let ran = after.ran(before, program);
        if let Some(state) = states.get_mut(number) {
            *state = match program.state {
                ProgramState::Silent if ran => ProgramState::Works,
                other => other,
            };
        }
    }
    states
}

/// `folder`: where it may change files.
fn run_child(folder: Option<BorrowedFd<'_>>) -> Result<(), Error> {
    let folder = folder.map(|folder| folder.try_clone_to_owned()).transpose();
    let folder = folder.map_err(Error::system("hand the self-test its folder"))?;
    let mut child = Command::new(EXECUTABLE)
        .arg(SELF_TEST_COMMAND)
        .env_clear()
        .current_dir("/")
        .stdin(folder.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::Spawn { what: "the self-test", source })?;
    let status = wait(&mut child, CHILD_TIME).map_err(Error::system("wait for the self-test"))?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Error::SelfTest { how: format!("failed: {status}") }),
        None => Err(Error::SelfTest { how: format!("did not end within {CHILD_TIME:?}") }),
    }
}

/// The child's status, or none if it had to be killed.
fn wait(child: &mut Child, time: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(STEP);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The child's side: fork, exec and exit of a further process, a TCP and a unix exchange that look like HTTP, every call
/// that has a program of its own, most of them in vain. Returns the exit code.
pub fn self_test_child() -> i32 {
    match std::env::args().nth(2).as_deref() {
        // To be ended by a signal.
        Some("waits") => loop {
            std::thread::park();
        },
        Some(_) => return 0,
        None => {}
    }
    match spawn_leaf()
        .and_then(|()| tcp())
        .and_then(|()| unix())
        .and_then(|()| calls::all())
        .map(|()| guardbee_bpf::change_files(io::stdin()))
        .and_then(|()| guardbee_bpf::attempt())
    {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(1),
    }
}

fn spawn_leaf() -> io::Result<()> {
    let status = Command::new(EXECUTABLE).args([SELF_TEST_COMMAND, "leaf"]).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("leaf failed")) }
}

fn tcp() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    exchange(&mut client, &mut server)
}

fn unix() -> io::Result<()> {
    let name = format!("guardbee-self-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name)?;
    let listener = UnixListener::bind_addr(&address)?;
    let mut client = UnixStream::connect_addr(&address)?;
    let (mut server, _) = listener.accept()?;
    exchange(&mut client, &mut server)
}

/// Small enough for the socket buffers, so that one thread plays both ends.
fn exchange(client: &mut (impl Read + Write), server: &mut (impl Read + Write)) -> io::Result<()> {
    client.write_all(REQUEST)?;
    server.read_exact(&mut [0; REQUEST.len()])?;
    server.write_all(RESPONSE)?;
    client.read_exact(&mut [0; RESPONSE.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_exchanges_work_on_one_thread() {
        tcp().unwrap();
        unix().unwrap();
    }
}
