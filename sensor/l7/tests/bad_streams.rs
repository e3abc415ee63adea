//! Streams that are wrong, odd or cut: each says which flag it raises, and what is still said of its requests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test may fail loudly; a table is long"
)]
use guardbee_l7::{Chunk, Connection, Fact};
use guardbee_model::{clock::BootTime, event::Direction};

/// What goes over the wire: `In`/`Out` whole, `Cut` received with more bytes than captured, `Gap` lost.
enum Step {
    In(&'static str),
    Out(&'static str),
    Cut(&'static str, u32),
    OutCut(&'static str, u32),
    Gap(u64),
    OutGap(u64),
}
use Step::{Cut, Gap, In, Out, OutCut, OutGap};

fn facts(middle: bool, steps: &[Step]) -> Vec<Fact> {
    let (mut connection, mut out, mut at, mut time) = (Connection::new(middle), Vec::new(), [0_u64; 2], 0);
    for step in steps {
        let (side, bytes, unseen) = match step {
            In(bytes) => (0, *bytes, 0),
            Cut(bytes, unseen) => (0, *bytes, *unseen),
            Out(bytes) => (1, *bytes, 0),
            OutCut(bytes, unseen) => (1, *bytes, *unseen),
            Gap(count) => {
                at[0] += count;
                continue;
            }
            OutGap(count) => {
                at[1] += count;
                continue;
            }
        };
        time += 1;
        let length = u32::try_from(bytes.len()).unwrap() + unseen;
        let direction = if side == 0 { Direction::Received } else { Direction::Sent };
        let chunk =
            Chunk { direction, position: at[side], length, bytes: bytes.as_bytes(), time: BootTime(time) };
        connection.feed(&chunk, &mut out);
        at[side] += u64::from(length);
    }
    connection.close(Some(at), BootTime(time + 1), &mut out);
    out
}

/// `GET /a 200 complete` per request, in the order of their ends; flags.
fn summary(facts: &[Fact]) -> (Vec<String>, Vec<&'static str>) {
    let (mut heads, mut ended, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    for fact in facts {
        match fact {
            Fact::Request(head) => heads.push((
                head.position,
                format!(
                    "{} {}",
                    String::from_utf8_lossy(&head.method),
                    String::from_utf8_lossy(&head.target)
                ),
                0,
            )),
            Fact::Response(response) => {
                let head = heads.iter_mut().find(|head| head.0 == response.request).unwrap();
                head.2 = response.status;
            }
            Fact::Ended(end) => {
                let head = heads.iter().find(|head| head.0 == end.request).unwrap();
                let complete = if end.complete { "" } else { " incomplete" };
                ended.push(format!("{} {}{complete}", head.1, head.2));
            }
            Fact::Flag(flag) => flags.push(flag.name()),
            Fact::RequestEnd { .. } => {}
        }
    }
    flags.sort_unstable();
    flags.dedup();
    (ended, flags)
}

const A: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const B: &str = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
const C: &str = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const MISSING: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

type Case = (&'static str, bool, Vec<Step>, &'static [&'static str], &'static [&'static str]);

fn messages() -> Vec<Case> {
    vec![
        ("keep-alive", false, vec![In(A), Out(OK), In(B), Out(MISSING)], &["GET /a 200", "GET /b 404"], &[]),
        (
            "pipelined in one read",
            false,
            vec![In("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"), Out(OK), Out(MISSING)],
            &["GET /a 200", "GET /b 404"],
            &["pipelined"],
        ),
        (
            "not HTTP",
            false,
            vec![In("\x16\x03\x01\x02"), Out("\x16\x03\x03")],
            &[],
            &["bad_head", "not_http"],
        ),
        (
            "server speaks first",
            false,
            vec![Out("220 mail\r\n"), In("EHLO x\r\n")],
            &[],
            &["bad_head", "not_http"],
        ),
        ("HTTP/2 by prior knowledge", false, vec![In("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], &[], &["http2"]),
        ("HTTP/0.9", false, vec![In("GET /\r\n"), Out("<html>")], &[], &["bad_head", "not_http"]),
        (
            "both lengths (smuggling)",
            false,
            vec![
                In("POST /a HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
                Out(OK),
                In(B),
                Out(MISSING),
            ],
            &["POST /a 200", "GET /b 404"],
            &["ambiguous_length"],
        ),
        (
            "two lengths that differ",
            false,
            vec![In("POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Out(OK)],
            &["POST /a 200"],
            &["ambiguous_length"],
        ),
        (
            "two lengths that agree",
            false,
            vec![In("POST /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab"), Out(OK)],
            &["POST /a 200"],
            &[],
        ),
        (
            "a blank before the colon of Transfer-Encoding",
            false,
            vec![
                In("POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding : chunked\r\n\r\n0"),
                Out(OK),
            ],
            &["POST /a 200"],
            &["ambiguous_length", "odd_head"],
        ),
        (
            "xchunked",
            false,
            vec![In("POST /a HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), Out(OK)],
            &["POST /a 200"],
            &["ambiguous_length"],
        ),
        (
            "negative length",
            false,
            vec![In("POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), Out(OK)],
            &["POST /a 200"],
            &["ambiguous_length"],
        ),
        (
            "a folded field",
            false,
            vec![In("GET /a HTTP/1.1\r\nX: 1\r\n 2\r\nHost: h\r\n\r\n"), Out(OK)],
            &["GET /a 200"],
            &["odd_head"],
        ),
        ("LF only", false, vec![In("GET /a HTTP/1.1\nHost: h\n\n"), Out(OK)], &["GET /a 200"], &[]),
        ("empty lines first", false, vec![In("\r\n\r\n"), In(A), Out(OK)], &["GET /a 200"], &[]),
        (
            "a blank in the target",
            false,
            vec![In("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), Out(OK)],
            &["GET /a b 200"],
            &["odd_head"],
        ),
        (
            "chunk size is not hex",
            false,
            vec![In("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Out(OK)],
            &["POST /a 200"],
            &["bad_chunk"],
        ),
        (
            "chunked with extension and trailer",
            false,
            vec![
                In("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: v\r\n\r\n"),
                Out(OK),
                In(B),
                Out(OK),
            ],
            &["POST /a 200", "GET /b 200"],
            &[],
        ),
        (
            "an answer before its request",
            false,
            vec![Out(OK), In(A), Out(MISSING)],
            &["GET /a 404"],
            &["orphan_response"],
        ),
        (
            "a request that is a response",
            false,
            vec![In(A), In(OK)],
            &["GET /a 0 incomplete"],
            &["bad_head", "unanswered", "wrong_side"],
        ),
    ]
}

/// Heads longer than what is held of them.
fn long_heads() -> Vec<Case> {
    let long = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    vec![
        (
            "a head without an end",
            false,
            vec![In(long(format!("GET /a HTTP/1.1\r\nX: {}", "x".repeat(20_000)))), In("y\r\n\r\n"), Out(OK)],
            &["GET /a 200"],
            &["head_truncated"],
        ),
        (
            "an answer's head without an end",
            false,
            vec![In(A), Out(long(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000))))],
            &["GET /a 200 incomplete"],
            &["head_truncated", "unanswered"],
        ),
    ]
}

fn answers() -> Vec<Case> {
    vec![
        (
            "HEAD, 204 and 304 have no body",
            false,
            vec![
                In("HEAD /a HTTP/1.1\r\n\r\n"),
                Out("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                In(B),
                Out("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
                In(C),
                Out("HTTP/1.1 204 No Content\r\n\r\n"),
            ],
            &["HEAD /a 200", "GET /b 304", "GET /c 204"],
            &[],
        ),
        (
            "100-continue and 103 come before the answer",
            false,
            vec![
                In("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
                Out("HTTP/1.1 100 Continue\r\n\r\n"),
                In("ab"),
                Out("HTTP/1.1 103 Early Hints\r\n\r\n"),
                Out(OK),
            ],
            &["POST /a 200"],
            &[],
        ),
        (
            "upgrade",
            false,
            vec![
                In("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
                Out("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01"),
                In("GET /not-a-request HTTP/1.1\r\n\r\n"),
            ],
            &["GET /ws 101"],
            &["upgraded"],
        ),
        (
            "CONNECT",
            false,
            vec![In("CONNECT h:443 HTTP/1.1\r\n\r\n"), Out("HTTP/1.1 200 OK\r\n\r\n"), In(A)],
            &["CONNECT h:443 200"],
            &["upgraded"],
        ),
        (
            "a body that ends with the connection",
            false,
            vec![In("GET /a HTTP/1.0\r\n\r\n"), Out("HTTP/1.0 200 OK\r\n\r\n"), Out("body")],
            &["GET /a 200"],
            &[],
        ),
        (
            "lingering close",
            false,
            vec![In(A), Out("HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), In(B)],
            &["GET /a 400"],
            &["after_close"],
        ),
        ("no answer", false, vec![In(A)], &["GET /a 0 incomplete"], &["unanswered"]),
        (
            "chunk headers that were not captured",
            false,
            vec![
                In(A),
                OutCut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab", 100),
                Out("HTTP/1.1 500 imitated\r\n\r\n"),
                In(B),
                Out(OK),
            ],
            &["GET /a 200 incomplete", "GET /b 200"],
            &["uncaptured"],
        ),
        (
            "a long body that was not captured",
            false,
            vec![In(A), OutCut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab", 98), In(B), Out(OK)],
            &["GET /a 200", "GET /b 200"],
            &[],
        ),
    ]
}

fn losses() -> Vec<Case> {
    vec![
        (
            "a head that was cut",
            false,
            vec![Cut("GET /a HTTP/1.1\r\nHost: h\r\nCookie: aaaa", 5000), Out(OK), In(B), Out(OK)],
            &["GET /a 200", "GET /b 200"],
            &["head_truncated"],
        ),
        (
            "a target that was cut",
            false,
            vec![Cut("GET /aaaa", 5000), Out(OK)],
            &["GET /aaaa 200"],
            &["head_truncated"],
        ),
        (
            "nothing captured",
            false,
            vec![Cut("", 50), Out(OK), In(B), Out(OK)],
            &["GET /b 200"],
            &["orphan_response", "uncaptured"],
        ),
        (
            "joined idle: the first pairing is not proven",
            true,
            vec![In(A), Out(OK), In(B), Out(MISSING)],
            &["GET /a 0 incomplete", "GET /b 404"],
            &["doubtful"],
        ),
        (
            "joined within a head",
            true,
            vec![In("n.org\r\nCookie: GET /x\r\n\r\n"), Out(OK), In(B), Out(MISSING)],
            &["GET /b 404"],
            &["orphan_response"],
        ),
        (
            "joined within a body that imitates a head",
            true,
            vec![In("tail "), In(A), Out(OK), In(B), Out(MISSING)],
            &["GET /b 404"],
            &["orphan_response"],
        ),
        (
            "a request lost",
            false,
            vec![In(A), Out(OK), Gap(30), Out(OK), In(C), Out(MISSING), In(B), Out(OK)],
            &["GET /a 200", "GET /c 0 incomplete", "GET /b 200"],
            &["doubtful", "gap", "orphan_response"],
        ),
        (
            "a request lost, the next one seen before its answer",
            false,
            vec![In(A), Gap(28), In(C), Out(OK), Out(MISSING), Out(MISSING), In(B), Out(OK)],
            &["GET /a 200", "GET /c 0 incomplete", "GET /b 0 incomplete"],
            &["doubtful", "gap", "orphan_response", "pipelined"],
        ),
        (
            "an answer lost",
            false,
            vec![In(A), OutGap(40), In(B), Out(OK), In(C), Out(MISSING)],
            &["GET /a 0 incomplete", "GET /b 0 incomplete", "GET /c 404"],
            &["gap", "orphan_response", "unanswered"],
        ),
        (
            "bytes of a long body lost",
            false,
            vec![
                In(A),
                Out("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                OutGap(5),
                Out("abcd"),
                In(B),
                Out(MISSING),
            ],
            &["GET /a 200", "GET /b 404"],
            &[],
        ),
    ]
}

#[test]
fn each_case_raises_its_flags_and_no_others() {
    let (mut wrong, mut bad) = (Vec::new(), 0);
    for (name, middle, steps, requests, flags) in
        messages().into_iter().chain(long_heads()).chain(answers()).chain(losses())
    {
        let (ended, raised) = summary(&facts(middle, &steps));
        if ended != requests || raised != flags {
            wrong.push(format!("{name}: {ended:?} {raised:?}"));
        }
        // Of a flag `guardbee_trace` keeps a count by its name.
        bad += usize::from(!flags.is_empty());
    }
    assert_eq!(wrong, Vec::<String>::new());
    println!("cases: {bad}");
}

#[test]
fn a_record_that_comes_twice_is_read_once() {
    let (mut connection, mut out) = (Connection::new(false), Vec::new());
    let chunk = Chunk {
        direction: Direction::Received,
        position: 0,
        length: u32::try_from(A.len()).unwrap(),
        bytes: A.as_bytes(),
        time: BootTime(1),
    };
    connection.feed(&chunk, &mut out);
    connection.feed(&chunk, &mut out);
    assert_eq!(summary(&out).1, ["overlap"]);
    assert_eq!(connection.unanswered(), 1);
}
