//! FastCGI as PHP-FPM and its web servers speak it, cut, lost and misused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "helpers of tests panic as tests do; the lints' exception covers only functions marked as tests"
)]
use guardbee_l7::{Chunk, Connection, Fact, Flag};
use guardbee_model::{clock::BootTime, event::Direction};
use proptest::prelude::*;

const ASKED: Direction = Direction::Received;
const ANSWERED: Direction = Direction::Sent;

fn record(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let mut out = vec![1, kind];
    out.extend(id.to_be_bytes());
    out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    out.extend([padding, 0]);
    out.extend(content);
    out.extend(vec![0; padding.into()]);
    out
}

fn params(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        out.push(u8::try_from(name.len()).unwrap());
        out.extend((u32::try_from(value.len()).unwrap() | 1 << 31).to_be_bytes());
        out.extend(name.as_bytes());
        out.extend(value.as_bytes());
    }
    out
}

/// A request as nginx writes it: keeps the connection, or not.
fn request(target: &str, body: &[u8], keep: bool) -> Vec<Vec<u8>> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let given = params(&[("REQUEST_METHOD", method), ("REQUEST_URI", target), ("HTTP_HOST", "shop")]);
    let padding = u8::try_from(given.len().wrapping_neg() % 8).unwrap();
    let mut out = vec![
        record(1, 1, &[0, 1, u8::from(keep), 0, 0, 0, 0, 0], 0),
        record(4, 1, &given, padding),
        record(4, 1, b"", 0),
    ];
    out.extend((!body.is_empty()).then(|| record(5, 1, body, 0)));
    out.push(record(5, 1, b"", 0));
    out
}

/// An answer as PHP-FPM writes it.
fn answer(head: &str, body: &str) -> Vec<u8> {
    let content = format!("{head}\r\n\r\n{body}");
    [record(6, 1, content.as_bytes(), 3), record(3, 1, &[0; 8], 0)].concat()
}

struct Run {
    connection: Connection,
    facts: Vec<Fact>,
    positions: [u64; 2],
    time: u64,
}

impl Run {
    fn new(middle: bool) -> Self {
        let positions = if middle { [1000, 500] } else { [0, 0] };
        Self { connection: Connection::new(middle), facts: Vec::new(), positions, time: 0 }
    }

    fn at(&mut self, direction: Direction) -> &mut u64 {
        &mut self.positions[usize::from(direction == ANSWERED)]
    }

    /// `bytes` of which only the first `captured` are known.
    fn moved(&mut self, direction: Direction, bytes: &[u8], captured: usize) {
        let position = *self.at(direction);
        let length = u32::try_from(bytes.len()).unwrap();
        *self.at(direction) += u64::from(length);
        self.time += 1;
        let bytes = &bytes[..captured.min(bytes.len())];
        let time = BootTime(self.time);
        self.connection.feed(&Chunk { direction, position, length, bytes, time }, &mut self.facts);
    }

    fn whole(&mut self, direction: Direction, bytes: &[u8]) {
        self.moved(direction, bytes, bytes.len());
    }

    /// What was said since the last time, without times.
    fn said(&mut self) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let say = |fact: Fact| match fact {
            Fact::Request(head) => format!(
                "{} {} at {} to {}{}{}",
                text(&head.method),
                text(&head.target),
                head.position,
                head.end,
                if head.doubtful { " doubtful" } else { "" },
                if head.truncated { " truncated" } else { "" }
            ),
            Fact::RequestEnd { request, body_bytes, .. } => format!("{request} asked, {body_bytes} bytes"),
            Fact::Response(head) => format!("{} answered {}", head.request, head.status),
            Fact::Ended(end) => {
                let how = if end.complete { "over" } else { "given up" };
                format!("{} {how}, {} bytes", end.request, end.response_body_bytes)
            }
            Fact::Flag(flag) => flag.name().to_owned(),
        };
        std::mem::take(&mut self.facts).into_iter().map(say).collect()
    }
}

#[test]
fn an_exchange() {
    let mut run = Run::new(false);
    // PHP-FPM reads the header and the content of each record by calls of their own.
    for record in request("/a.php?x=1", b"a=b", false) {
        run.whole(ASKED, &record[..8]);
        if record.len() > 8 {
            run.whole(ASKED, &record[8..]);
        }
    }
    let end = 16
        + 8
        + params(&[("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/a.php?x=1"), ("HTTP_HOST", "shop")])
            .len()
            .next_multiple_of(8)
        + 8;
    assert_eq!(run.said(), [format!("POST /a.php?x=1 at 0 to {end}"), "0 asked, 3 bytes".to_owned()]);
    assert_eq!((run.connection.requests(), run.connection.unanswered()), (Some(ASKED), 1));
    assert!(!run.connection.is_over());
    run.whole(ANSWERED, &answer("Status: 404 Not Found\r\nContent-type: text/html", "gone"));
    assert_eq!(run.said(), ["0 answered 404", "0 over, 4 bytes"]);
    assert!(run.connection.is_over());
}

#[test]
fn kept_connections_go_on() {
    let mut run = Run::new(false);
    for number in 0..3 {
        let position = run.positions[0];
        run.whole(ASKED, &request(&format!("/{number}"), b"", true).concat());
        run.whole(ANSWERED, &record(7, 1, b"Status: 500 of a warning\r\n\r\n", 4));
        run.whole(ANSWERED, &answer("Content-type: text/html", "ok"));
        let said = run.said();
        assert!(said[0].starts_with(&format!("GET /{number} at {position} to ")), "{said:?}");
        let rest = ["asked, 0 bytes", "answered 200", "over, 2 bytes"];
        assert_eq!(said[1..], rest.map(|what| format!("{position} {what}")));
        assert!(!run.connection.is_over());
    }
}

#[test]
fn what_is_not_captured() {
    // Of a body, nothing is needed.
    let mut run = Run::new(false);
    let parts = request("/up", &vec![b'x'; 60_000], true);
    run.whole(ASKED, &parts[..3].concat());
    run.moved(ASKED, &parts[3], 1024);
    run.whole(ASKED, &parts[4]);
    let answer = answer("X: y", &"z".repeat(40_000));
    run.moved(ANSWERED, &answer[..30_000], 4096);
    run.moved(ANSWERED, &answer[30_000..40_000], 0);
    run.whole(ANSWERED, &answer[40_000..]);
    let said = run.said();
    assert!(said[0].starts_with("POST /up at 0"), "{said:?}");
    assert_eq!(said[1..], ["0 asked, 60000 bytes", "0 answered 200", "0 over, 40000 bytes"]);
    // Of the parameters, what is asked for is missed: nothing is said of it.
    let mut run = Run::new(false);
    let whole = request(&format!("/long?{}", "q".repeat(1200)), b"", true).concat();
    run.moved(ASKED, &whole, 1000);
    assert_eq!(run.said(), ["uncaptured", "head_truncated", "bad_head"]);
    run.whole(ANSWERED, &record(3, 1, &[0; 8], 0));
    assert_eq!(run.said(), ["orphan_response"]);
}

#[test]
fn a_cookie_too_long_to_be_captured_hides_no_request() {
    let cookie = "c".repeat(6000);
    let given = params(&[("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/a"), ("HTTP_COOKIE", &cookie)]);
    let whole = [
        record(1, 1, &[0, 1, 1, 0, 0, 0, 0, 0], 0),
        record(4, 1, &given, 0),
        record(4, 1, b"", 0),
        record(5, 1, b"", 0),
    ]
    .concat();
    let mut run = Run::new(false);
    run.moved(ASKED, &whole, 4096);
    let end = 16 + 8 + given.len();
    assert_eq!(
        run.said(),
        ["uncaptured".into(), "head_truncated".into(), format!("GET /a at 0 to {end} truncated")]
    );
    run.whole(ANSWERED, &answer("A: b", ""));
    assert_eq!(run.said(), ["0 answered 200", "0 over, 0 bytes"]);
    // What comes next is proven again only after that.
    run.whole(ASKED, &request("/b", b"", true).concat());
    let said = run.said();
    assert!(said[0].starts_with("GET /b at") && !said[0].contains("doubtful"), "{said:?}");
    // Read record by record, all but the cookie is known, and where it ends.
    let mut run = Run::new(false);
    run.whole(ASKED, &whole[..24]);
    run.moved(ASKED, &whole[24..24 + given.len()], 4072);
    run.whole(ASKED, &whole[24 + given.len()..]);
    assert_eq!(run.said()[..2], ["head_truncated".into(), format!("GET /a at 0 to {}", end + 8)]);
}

#[test]
fn older_connections_are_doubtful_once() {
    let mut run = Run::new(true);
    run.whole(ASKED, &request("/first", b"", true).concat());
    run.whole(ANSWERED, &answer("Status: 200 OK", "a"));
    let said = run.said();
    assert_eq!(said[0], "doubtful");
    assert!(said[1].starts_with("GET /first at 1000") && said[1].ends_with("doubtful"), "{said:?}");
    assert_eq!(said[3..], ["1000 given up, 0 bytes"]);
    run.whole(ASKED, &request("/second", b"", true).concat());
    run.whole(ANSWERED, &answer("Status: 200 OK", "a"));
    let said = run.said();
    assert!(said[0].starts_with("GET /second") && !said[0].contains("doubtful"), "{said:?}");
    // A body that looks like a request, on a connection whose beginning nobody saw.
    let mut run = Run::new(true);
    run.whole(ASKED, &request("/forged", b"", true).concat());
    assert!(run.said()[1].ends_with("doubtful"));
}

#[test]
fn losses_give_up_what_they_touch() {
    // Of the answer.
    let mut run = Run::new(false);
    run.whole(ASKED, &request("/a", b"", true).concat());
    run.positions[1] += 100;
    run.whole(ANSWERED, b"end of it");
    assert_eq!(run.said()[2..], ["gap", "unanswered", "0 given up, 0 bytes"]);
    // Within a body, by less than its record: nothing is lost of what counts.
    let mut run = Run::new(false);
    let parts = request("/a", &[b'x'; 300], true);
    run.whole(ASKED, &[parts[..3].concat(), parts[3][..50].to_vec()].concat());
    run.positions[0] += 100;
    run.whole(ASKED, &[&parts[3][150..], &parts[4]].concat());
    assert_eq!(run.said()[1..], ["0 asked, 300 bytes"]);
    // Of the parameters.
    let mut run = Run::new(false);
    run.whole(ASKED, &parts[0]);
    run.positions[0] += parts[1].len() as u64;
    run.whole(ASKED, &parts[2]);
    assert_eq!((run.said(), run.connection.unanswered()), (vec!["gap".to_owned()], 0));
}

#[test]
fn what_nobody_should_do() {
    // Two at once on one connection.
    let mut run = Run::new(false);
    run.whole(ASKED, &request("/a", b"", true).concat());
    let position = run.positions[0];
    run.whole(ASKED, &request("/b", b"", true).concat());
    let said = run.said();
    assert_eq!(said[2..6], ["pipelined", "unanswered", "0 given up, 0 bytes", "doubtful"]);
    assert!(
        said[6].starts_with(&format!("GET /b at {position}")) && said[6].ends_with("doubtful"),
        "{said:?}"
    );
    // Nobody asked.
    let mut run = Run::new(false);
    run.whole(ASKED, &request("/a", b"", true)[0]);
    run.whole(ANSWERED, &record(3, 9, &[0; 8], 0));
    assert_eq!(run.said(), ["orphan_response"]);
    // Not what a web server asks; not a record.
    let mut run = Run::new(false);
    run.whole(ASKED, &[record(1, 1, &[0, 2, 0, 0, 0, 0, 0, 0], 0), record(4, 1, b"", 0)].concat());
    run.whole(ASKED, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(run.said(), ["bad_head", "bad_head"]);
    // Aborted.
    let mut run = Run::new(false);
    run.whole(ASKED, &request("/a", b"", false).concat());
    run.whole(ASKED, &record(2, 1, b"", 0));
    assert_eq!(run.said()[2..], ["unanswered", "0 given up, 0 bytes"]);
    // Ended without an answer.
    let mut run = Run::new(false);
    run.whole(ASKED, &request("/a", b"", false).concat());
    run.connection.close(None, BootTime(99), &mut run.facts);
    assert_eq!(run.said()[2..], ["unanswered", "0 given up, 0 bytes"]);
}

#[test]
fn http_stays_http() {
    let mut run = Run::new(false);
    run.whole(ASKED, b"POST / HTTP/1.1\r\nContent-Length: 16\r\n\r\n");
    run.whole(ASKED, &request("/a", b"", true)[0]);
    let said = run.said();
    assert_eq!(said[1..], ["0 asked, 16 bytes"]);
    assert!(!said.contains(&Flag::NotHttp.name().to_owned()));
}

proptest! {
    /// However the same bytes are cut into calls, the same is said.
    #[test]
    fn cuts_change_nothing(
        body in proptest::collection::vec(any::<u8>(), 0..600),
        cuts in proptest::collection::vec(1_usize..200, 1..40),
    ) {
        let mut run = Run::new(false);
        run.whole(ASKED, &request("/cut", &body, true).concat());
        run.whole(ANSWERED, &answer("Status: 201 Created", "body"));
        let expected = run.said();
        let mut run = Run::new(false);
        for (direction, bytes) in
            [(ASKED, request("/cut", &body, true).concat()), (ANSWERED, answer("Status: 201 Created", "body"))]
        {
            // What is spoken is decided by the first eight bytes.
            let (first, mut rest) = bytes.split_at(8);
            run.whole(direction, first);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(rest.len().min(*cut));
                run.whole(direction, now);
                rest = later;
            }
        }
        prop_assert_eq!(run.said(), expected);
    }

    /// Any records, of any length, of which any part is captured: bounded, and nothing that was not asked is answered.
    #[test]
    fn anything(
        middle in any::<bool>(),
        steps in proptest::collection::vec(
            (any::<bool>(), 1_u8..12, 0_u16..3, proptest::collection::vec(any::<u8>(), 0..300), 0_usize..400, 0_u64..50),
            1..60,
        ),
    ) {
        let mut run = Run::new(middle);
        run.whole(ASKED, &request("/", b"", true).concat());
        for (sent, kind, id, content, captured, lost) in steps {
            let direction = if sent { ANSWERED } else { ASKED };
            *run.at(direction) += lost / 40;
            run.moved(direction, &record(kind, id, &content, 1), captured);
            prop_assert!(run.connection.unanswered() <= 1);
            prop_assert!(run.connection.held_bytes() <= 24 * 1024);
        }
        run.connection.close(None, BootTime(999), &mut run.facts);
        let count = |name: &dyn Fn(&Fact) -> bool| run.facts.iter().filter(|fact| name(fact)).count();
        let asked = count(&|fact| matches!(fact, Fact::Request(_)));
        prop_assert_eq!(asked, count(&|fact| matches!(fact, Fact::Ended(_))));
        prop_assert!(count(&|fact| matches!(fact, Fact::Response(_))) <= asked);
    }
}
