//! What decoding a record costs: `cargo bench -p guardbee-capture`.
#![expect(clippy::print_stdout, reason = "a benchmark's result")]

use guardbee_capture::decode;
use guardbee_wire::{
    DataEvent, EventHeader, EventKind, EventString, ExecEvent, ExitEvent, ProcessKey, SocketEvent, SocketInfo,
};
use std::{hint::black_box, time::Instant};
use zerocopy::{Immutable, IntoBytes};

const ROUNDS: u32 = 200_000;
/// The best of these is told: the others were disturbed.
const REPEATS: u32 = 5;

fn head(kind: EventKind) -> EventHeader {
    EventHeader { kind: kind as u16, tgid: 1, hook: 1, ..EventHeader::default() }
}

fn encode<T: IntoBytes + Immutable>(fixed: &T, tail: &[u8]) -> Vec<u8> {
    let mut bytes = [fixed.as_bytes(), tail].concat();
    let size = u32::try_from(bytes.len()).unwrap_or(0).to_ne_bytes();
    if let Some(to) = bytes.get_mut(32..36) {
        to.copy_from_slice(&size);
    }
    bytes
}

fn text(id: u16, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(0);
    let mut out = [EventString { id, length, total: length.into() }.as_bytes(), bytes].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn measure(name: &str, record: &[u8]) {
    let nanos = (0..REPEATS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..ROUNDS {
                drop(black_box(decode::record(black_box(record))));
            }
            begun.elapsed().as_nanos() / u128::from(ROUNDS)
        })
        .min()
        .unwrap_or(0);
    println!("{name:24} {:5} bytes {nanos:5} ns", record.len());
}

fn main() {
    let exit = ExitEvent { header: head(EventKind::Exit), ..ExitEvent::default() };
    measure("exit", &encode(&exit, &[]));
    let socket = SocketInfo { family: 2, role: 1, ..SocketInfo::default() };
    measure("accept", &encode(&SocketEvent { header: head(EventKind::Accept), socket }, &[]));
    for captured in [256, 4096] {
        let data =
            DataEvent { header: head(EventKind::Data), length: captured, captured, ..DataEvent::default() };
        measure("data", &encode(&data, &vec![b'x'; captured as usize]));
    }
    let parent = ProcessKey { start_ns: 1, tgid: 1, exec_number: 1 };
    let exec = ExecEvent { header: head(EventKind::Exec), parent, ..ExecEvent::default() };
    let words = b"/usr/bin/python3\0-m\0gunicorn\0--bind\x000.0.0.0:8000\0app:application\0";
    let common = [text(1, b"/usr/bin/python3.11"), text(2, b"/srv/app"), text(6, b"gunicorn")].concat();
    measure("exec, 6 words", &encode(&exec, &[common.clone(), text(4, words)].concat()));
    let long = [&b"argument"[..7], b"\0"].concat().repeat(512);
    measure("exec, 512 words", &encode(&exec, &[common, text(4, &long)].concat()));
    measure("malformed", &encode(&exec, &[9; 64]));
}
