//! A pipeline that has been taken over: everything outside the enum, mutated messages, descriptor floods.
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use guardbee_wire::{ABI, Operation, Reply, Request, Status, Thing};
use nix::sys::signal::Signal;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use zerocopy::{FromBytes, IntoBytes};

use crate::roles::{end_with_loader, figure, ready, say};
use crate::rpc::Client;
use crate::stage::{Stage, alive, descriptors, until};

const MUTATIONS: u64 = 10_000;
/// Descriptors of one datagram: the kernel lets no more through (`SCM_MAX_FD`).
const FLOOD: usize = 253;

/// One datagram, with copies of a descriptor beside it.
fn send(client: &Client, bytes: &[u8], descriptors: usize) {
    let fds = vec![client.fd(); descriptors];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FLOOD))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds)));
    sendmsg(client.fd(), &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
}

fn receive(client: &Client) -> Reply {
    let mut buffer = [0; size_of::<Reply>() + 1];
    let (length, _) = recv(client.fd(), &mut buffer, RecvFlags::empty()).unwrap();
    Reply::read_from_bytes(&buffer[..length]).unwrap()
}

fn status_of(client: &Client, bytes: &[u8], descriptors: usize) -> Status {
    send(client, bytes, descriptors);
    Status::from_number(receive(client).status).unwrap()
}

pub(crate) fn outside(client: &Client) {
    let good = Request { abi: ABI, operation: Operation::Hello as u16, id: 1, ..Request::default() };
    let of = |operation: Operation| Request { operation: operation as u16, ..good };
    let open = Request { tgid: 1, start_ns: 1, thing: Thing::Exe as u16, ..of(Operation::Open) };
    let mut cases: Vec<Vec<u8>> = (0..=u16::MAX)
        .filter(|number| Operation::from_number(*number).is_none())
        .map(|operation| Request { operation, ..good }.as_bytes().to_vec())
        .collect();
    cases.extend(
        (0..=u16::MAX)
            .filter(|number| Thing::from_number(*number).is_none())
            .map(|thing| Request { thing, ..open }.as_bytes().to_vec()),
    );
    let unused = [
        Request { abi: ABI + 1, ..good },
        Request { thing: 1, ..good },
        Request { tgid: 1, ..good },
        Request { start_ns: 1, ..good },
        Request { token: 1, ..of(Operation::SelfTest) },
        Request { offset: 1, ..of(Operation::IterateSockets) },
        Request { program: 1, ..of(Operation::Heartbeat) },
        Request { bytes: [1; 32], ..of(Operation::Attach) },
        Request { bytes: [1; 32], ..open },
        Request { thing: 4, ..of(Operation::WatchName) },
        Request { offset: 1, ..of(Operation::WatchName) },
        Request { bytes: [1; 32], ..of(Operation::Want) }, // kinds that there are none of
        Request { program: 1, ..of(Operation::Want) },
        Request { bytes: [1; 32], ..of(Operation::Policy) },
        Request { offset: 1, ..of(Operation::Policy) },
        Request { program: 1, ..of(Operation::Scope) },
        Request { thing: 3, ..of(Operation::Scope) },
        Request { bytes: [1; 32], ..of(Operation::Scope) },
        Request { bytes: [1; 32], ..of(Operation::OpenRecord) },
        Request { thing: 7, ..of(Operation::OpenRecord) },
        Request { tgid: 1, thing: 1, ..of(Operation::OpenRecord) },
    ];
    cases.extend(unused.iter().map(|request| request.as_bytes().to_vec()));
    cases.extend((0..size_of::<Request>()).map(|length| good.as_bytes()[..length].to_vec()));
    cases.push([good.as_bytes(), &[0]].concat());
    cases.push(vec![0xff; 60_000]);
    for case in &cases {
        assert_eq!(status_of(client, case, 0), Status::Malformed, "{case:?}");
    }
    assert_eq!(status_of(client, good.as_bytes(), 1), Status::Malformed, "a request brings no descriptors");
    let attach = Request { token: 1, offset: 1, program: 1, ..of(Operation::Attach) };
    assert_eq!(status_of(client, attach.as_bytes(), 0), Status::Unknown);
    let policy = Request { program: guardbee_wire::POLICIES, ..of(Operation::Policy) };
    assert_eq!(status_of(client, policy.as_bytes(), 0), Status::Unknown);
    let scope = Request { thing: 1, ..Request { operation: Operation::Scope as u16, ..policy } };
    assert_eq!(status_of(client, scope.as_bytes(), 0), Status::Unknown);
    assert_eq!(status_of(client, open.as_bytes(), 0), Status::Gone);
    assert_eq!(status_of(client, good.as_bytes(), 0), Status::Done);
    say(&format!("refused {}", cases.len() + 1));
}

pub(crate) fn everything_outside_the_enum_is_refused() {
    let mut stage = Stage::new(&["outside"], &["--stop"]);
    let refused: u64 = stage.expect("refused").parse().unwrap();
    let ended = stage.expect_with("notice", "ended");
    assert!(ended.contains(&format!("{refused} malformed, 1 with descriptors")), "{ended}");
    figure(&format!("{refused} messages refused, each counted by the loader"));
}

/// xorshift64*: the same messages in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }
}

fn mutated(random: &mut Random) -> Vec<u8> {
    let operation = u16::try_from(1 + random.below(12)).unwrap();
    let thing = if operation == 4 { u16::try_from(1 + random.below(8)).unwrap() } else { 0 };
    let tgid = if operation == 4 { std::process::id() } else { 0 };
    let id = random.next();
    let mut bytes =
        Request { abi: ABI, operation, thing, id, tgid, ..Request::default() }.as_bytes().to_vec();
    for _ in 0..random.below(6) {
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len() + 1)),
            1 => bytes.push(0),
            _ if bytes.is_empty() => {}
            _ => {
                let at = random.below(bytes.len());
                bytes[at] = u8::try_from(random.below(256)).unwrap();
            }
        }
    }
    bytes
}

/// Of the eight masks of `struct wants` four are of kinds, of which there are thirteen, and one is of kinds in both its halves.
fn kinds_are_known(bytes: &[u8; 32]) -> bool {
    let mask = |at: usize| u32::from_ne_bytes(bytes[at * 4..][..4].try_into().unwrap());
    (0..4).all(|at| mask(at) >> 13 == 0) && mask(6) & 0xe000_e000 == 0
}

/// Whether a mutation has left a request of the enum, every field zero that it does not use: said here once more.
fn lawful(bytes: &[u8]) -> bool {
    let Ok(request) = Request::read_from_bytes(bytes) else { return false };
    let Request { abi, operation, thing, id: _, start_ns, tgid, program, token, offset, bytes } = request;
    let (no_process, no_probe) = ((thing, start_ns, tgid) == (0, 0, 0), (program, token) == (0, 0));
    let no_batch = (offset, bytes) == (0, [0; 32]);
    abi == ABI
        && match operation {
            1 | 2 | 3 | 7 => no_process && no_probe && no_batch,
            4 => (1..=8).contains(&thing) && no_probe && no_batch,
            5 => no_process && bytes == [0; 32],
            6 => no_process && no_probe,
            8 => thing <= 3 && (start_ns, token, offset) == (0, 0, 0),
            9 => no_process && no_probe && offset == 0 && kinds_are_known(&bytes),
            10 => no_process && token == 0 && no_batch,
            11 => no_process && (token, offset) == (0, 0) && bytes[20..] == [0; 12],
            12 => {
                let named = thing == 0 && program == 0 || (1..=2).contains(&thing);
                named && (start_ns, tgid, token) == (0, 0, 0) && bytes == [0; 32]
            }
            _ => false,
        }
}

pub(crate) fn mutate(client: &Client) {
    client.hello().unwrap();
    ready();
    let mut random = Random(0x6275_6565);
    let (mut refused, mut floods, mut descriptors) = (0, 0, 0);
    for round in 0..MUTATIONS {
        let bytes = mutated(&mut random);
        let flood = if round % 3 == 0 { 1 + random.below(FLOOD) } else { 0 };
        let malformed = status_of(client, &bytes, flood) == Status::Malformed;
        assert_eq!(malformed, flood > 0 || !lawful(&bytes), "{bytes:?}, {flood} descriptors");
        refused += u64::from(malformed);
        floods += u64::from(flood > 0);
        descriptors += flood;
    }
    client.hello().unwrap();
    say(&format!("flooded {refused} malformed, {floods} with descriptors"));
    say(&format!("descriptors {descriptors}"));
    end_with_loader(client);
}

pub(crate) fn mutated_messages_and_descriptor_floods() {
    let mut stage = Stage::new(&["mutate"], &[]);
    let pid = stage.pipeline();
    let before = descriptors(stage.loader());
    let seen = stage.expect("flooded");
    let sent = stage.expect("descriptors");
    assert!(alive(pid) && alive(stage.loader()));
    // `before` may have been counted while an answer's descriptors were open; a leak of one in a thousand would be ten.
    until("the loader has as few descriptors as before", || descriptors(stage.loader()) <= before);
    stage.signal(Signal::SIGTERM);
    let ended = stage.expect_with("notice", "ended");
    assert!(ended.contains(&seen), "the client saw {seen}; {ended}");
    figure(&format!(
        "{MUTATIONS} messages, {seen}, the others still requests; {sent} descriptors sent, none kept; loader alive"
    ));
}

/// Asks for descriptors without end and takes none.
pub(crate) fn unread(client: &Client) {
    let hello = Request { abi: ABI, operation: Operation::Hello as u16, id: 1, ..Request::default() };
    ready();
    let keep: OwnedFd = client.fd().try_clone_to_owned().unwrap();
    loop {
        sendmsg(
            keep.as_fd(),
            &[IoSlice::new(hello.as_bytes())],
            &mut SendAncillaryBuffer::default(),
            SendFlags::NOSIGNAL,
        )
        .unwrap();
    }
}

pub(crate) fn a_pipeline_that_does_not_read_is_waited_for() {
    let mut stage = Stage::new(&["unread"], &[]);
    let pid = stage.pipeline();
    // It sleeps in sendmsg once both queues are full; the loader doesn't spin, holds one answer and still stops.
    until("the pipeline is blocked", || {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        call.starts_with(&format!("{} ", libc::SYS_sendmsg))
    });
    let held = descriptors(stage.loader());
    // Two for each call that a program is attached to; kept answers would be thousands.
    assert!(held < 400, "{held}");
    stage.signal(Signal::SIGTERM);
    assert_eq!(stage.expect("outcome"), "signal: 15 (SIGTERM)");
    figure(&format!("the loader holds {held} descriptors, sleeps, and stops when told to"));
}
