//! What must hold for any cut, any loss and any bytes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly; a table is long")]
use guardbee_l7::{Chunk, Connection, Fact};
use guardbee_model::{clock::BootTime, event::Direction};
use proptest::prelude::*;

/// One exchange, numbered: the status of its answer tells which request it is for.
#[derive(Clone, Debug)]
struct Exchange {
    request_body: Body,
    response_body: Body,
    interim: bool,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(usize),
    Chunked(Vec<usize>),
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::None),
        (1..300_usize).prop_map(Body::Length),
        proptest::collection::vec(1..90_usize, 1..4).prop_map(Body::Chunked),
    ]
}

fn exchange() -> impl Strategy<Value = Exchange> {
    (body(), body(), any::<bool>()).prop_map(|(request_body, response_body, interim)| Exchange {
        request_body,
        response_body,
        interim,
    })
}

fn message(start: &str, body: &Body) -> Vec<u8> {
    let mut out = start.as_bytes().to_vec();
    match body {
        Body::None => out.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
        Body::Length(length) => {
            out.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
            out.extend(std::iter::repeat_n(b'x', *length));
        }
        Body::Chunked(chunks) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for length in chunks {
                out.extend_from_slice(format!("{length:x};e=1\r\n").as_bytes());
                out.extend(std::iter::repeat_n(b'\n', *length));
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\nT: x\r\n\r\n");
        }
    }
    out
}

fn request(number: usize, exchange: &Exchange) -> Vec<u8> {
    message(&format!("POST /{number} HTTP/1.1\r\nHost: h\r\n"), &exchange.request_body)
}

fn response(number: usize, exchange: &Exchange) -> Vec<u8> {
    let interim = if exchange.interim { "HTTP/1.1 100 Continue\r\n\r\n" } else { "" };
    message(&format!("{interim}HTTP/1.1 {} X\r\n", 400 + number), &exchange.response_body)
}

/// A chunk that goes by: side, captured bytes, bytes that were not captured, lost altogether.
#[derive(Clone, Debug)]
struct Moved {
    side: usize,
    bytes: Vec<u8>,
    unseen: usize,
    lost: bool,
}

fn run(moves: &[Moved]) -> Vec<Fact> {
    let (mut connection, mut out, mut at) = (Connection::new(false), Vec::new(), [0_u64; 2]);
    for (time, moved) in moves.iter().enumerate() {
        let length = moved.bytes.len() + moved.unseen;
        let chunk = Chunk {
            direction: if moved.side == 0 { Direction::Received } else { Direction::Sent },
            position: at[moved.side],
            length: u32::try_from(length).unwrap(),
            bytes: &moved.bytes,
            time: BootTime(time as u64),
        };
        at[moved.side] += length as u64;
        if !moved.lost {
            connection.feed(&chunk, &mut out);
        }
    }
    connection.close(Some(at), BootTime(moves.len() as u64), &mut out);
    out
}

/// Facts without times.
fn said(facts: &[Fact]) -> Vec<String> {
    facts
        .iter()
        .map(|fact| match fact {
            Fact::Request(head) => {
                format!("{}-{} {}", head.position, head.end, String::from_utf8_lossy(&head.target))
            }
            Fact::RequestEnd { request, position, body_bytes, .. } => {
                format!("{request} {position} {body_bytes}")
            }
            Fact::Response(head) => format!("{} {}", head.request, head.status),
            Fact::Ended(end) => format!("{} {} {}", end.request, end.response_body_bytes, end.complete),
            Fact::Flag(flag) => flag.name().to_owned(),
        })
        .collect()
}

fn split(bytes: &[u8], cuts: &[usize], side: usize) -> Vec<Moved> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2)
        .filter(|pair| pair[0] < pair[1])
        .map(|pair| Moved { side, bytes: bytes[pair[0]..pair[1]].to_vec(), unseen: 0, lost: false })
        .collect()
}

/// Every response that is attributed is the one of its request.
fn wrong_pairings(facts: &[Fact]) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut wrong = Vec::new();
    for fact in facts {
        match fact {
            Fact::Request(head) => {
                let target = String::from_utf8_lossy(&head.target);
                let cut = head.truncated; // The number may be cut, too.
                numbers.push((head.position, cut, target.trim_start_matches('/').parse::<u16>().ok()));
            }
            Fact::Response(head) if head.status >= 400 => {
                let (_, cut, number) =
                    *numbers.iter().find(|(position, ..)| *position == head.request).unwrap();
                if !cut && number != Some(head.status - 400) {
                    wrong.push(format!("{number:?} answered by {}", head.status - 400));
                }
            }
            _ => {}
        }
    }
    wrong
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_split_gives_the_same_facts(
        exchanges in proptest::collection::vec(exchange(), 1..5),
        cuts in proptest::collection::vec(any::<usize>(), 0..40),
    ) {
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (number, exchange) in exchanges.iter().enumerate() {
            for (side, bytes) in [request(number, exchange), response(number, exchange)].into_iter().enumerate() {
                parts.extend(split(&bytes, &cuts, side));
                whole.push(Moved { side, bytes, unseen: 0, lost: false });
            }
        }
        let (whole, parts) = (run(&whole), run(&parts));
        prop_assert_eq!(said(&whole), said(&parts));
        let complete = |fact: &&Fact| matches!(fact, Fact::Ended(end) if end.complete);
        prop_assert_eq!(whole.iter().filter(complete).count(), exchanges.len());
    }

    /// A client that sends one to three requests, waits for all answers, and so on; anything may be lost or not captured.
    #[test]
    fn losses_never_make_a_wrong_pairing(
        turns in proptest::collection::vec(proptest::collection::vec(exchange(), 1..4), 1..12),
        one_read in any::<bool>(),
        fates in proptest::collection::vec((0..100_u8, any::<usize>()), 200),
        loss_percent in 0..50_u8,
    ) {
        let (mut moves, mut number) = (Vec::new(), 0);
        for turn in &turns {
            let numbered: Vec<_> = turn.iter().enumerate().map(|(at, exchange)| (number + at, exchange)).collect();
            number += turn.len();
            let requests: Vec<_> = numbered.iter().map(|(number, exchange)| request(*number, exchange)).collect();
            let requests = if one_read { vec![requests.concat()] } else { requests };
            moves.extend(requests.into_iter().map(|bytes| (0, bytes)));
            moves.extend(numbered.iter().map(|(number, exchange)| (1, response(*number, exchange))));
        }
        let moves: Vec<_> = moves
            .into_iter()
            .zip(fates.iter().cycle())
            .flat_map(|((side, bytes), (fate, cut))| {
                let mut parts = split(&bytes, &[*cut], side);
                for (at, part) in parts.iter_mut().enumerate() {
                    let fate = (usize::from(*fate) + at * 37) % 100;
                    part.lost = fate < usize::from(loss_percent) / 2;
                    if !part.lost && fate < usize::from(loss_percent) {
                        let keep = cut % (part.bytes.len() + 1);
                        part.unseen = part.bytes.len() - keep;
                        part.bytes.truncate(keep);
                    }
                }
                parts
            })
            .collect();
        let shown: Vec<_> = moves
            .iter()
            .map(|m| {
                let text = String::from_utf8_lossy(&m.bytes).chars().take(24).collect::<String>();
                format!("{} {}{}+{} {text:?}", m.side, if m.lost { "lost " } else { "" }, m.bytes.len(), m.unseen)
            })
            .collect();
        prop_assert_eq!(wrong_pairings(&run(&moves)), Vec::<String>::new(), "{:#?}\n{:#?}", shown, said(&run(&moves)));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        guardbee_l7::fuzz(&data);
    }

    #[test]
    fn no_text_like_http_panics(
        words in proptest::collection::vec(
            prop_oneof![
                Just("GET / HTTP/1.1\r\n"), Just("HTTP/1.1 200 OK\r\n"), Just("Content-Length: 3\r\n"),
                Just("Transfer-Encoding: chunked\r\n"), Just("\r\n"), Just("\n"), Just("3\r\nabc\r\n"), Just("0\r\n"),
                Just("HTTP/1.1 100 Continue\r\n\r\n"), Just(" folded\r\n"), Just("HEAD /x HTTP/1.0\r\n"), Just("x"),
                Just("HTTP/1.1 101 S\r\n"), Just("Connection: close\r\n"),
            ],
            0..60,
        ),
        controls in proptest::collection::vec(any::<[u8; 3]>(), 1..20),
    ) {
        let (mut data, mut controls) = (Vec::new(), controls.into_iter().cycle());
        for words in words.chunks(4) {
            let text = words.concat();
            let [control, _, gap] = controls.next().unwrap();
            data.extend([control, u8::try_from(text.len()).unwrap(), gap]);
            data.extend(text.as_bytes());
        }
        guardbee_l7::fuzz(&data);
    }

    /// 40 chunks of a head that never ends, and of pipelined requests that are never answered: no more than the bounds.
    #[test]
    fn memory_is_bounded(never_ends in any::<bool>(), size in 1_usize..1200) {
        let (mut connection, mut out, mut at) = (Connection::new(false), Vec::new(), 0_u64);
        let bytes = if never_ends { vec![b'a'; size] } else { b"GET / HTTP/1.1\r\n\r\n".repeat(size / 18 + 1) };
        let mut first = b"GET /".to_vec();
        for _ in 0..40 {
            let chunk = if never_ends && at == 0 { std::mem::take(&mut first) } else { bytes.clone() };
            let length = u32::try_from(chunk.len()).unwrap();
            connection.feed(
                &Chunk { direction: Direction::Received, position: at, length, bytes: &chunk, time: BootTime(1) },
                &mut out,
            );
            at += u64::from(length);
            prop_assert!(connection.unanswered() <= guardbee_l7::connection::PENDING);
            prop_assert!(connection.held_bytes() <= 2 * 16 * 1024);
            out.clear();
        }
    }
}
