//! Connections: how requests and answers go by, and how they are lost.
use super::Seeds;
use std::error::Error;

const MIDDLE: u8 = 1 << 0;
const TOTALS: u8 = 1 << 1;

/// A step, as `fuzz_targets/http.rs` reads it.
enum Step {
    In(&'static str),
    Out(&'static str),
    /// With this many bytes behind it that were not captured.
    InCut(&'static str, u8),
    OutCut(&'static str, u8),
    /// After this many bytes that were lost.
    InLost(&'static str, u8),
    OutLost(&'static str, u8),
    /// Told again from this many bytes before.
    InAgain(&'static str, u8),
    /// As [`Step::In`], and then everybody loses patience.
    GiveUp(&'static str),
    /// At the end of all positions.
    Far(&'static str),
}
use Step::{Far, GiveUp, In, InAgain, InCut, InLost, Out, OutCut, OutLost};

fn connection(setup: u8, steps: &[Step]) -> Vec<u8> {
    let mut out = vec![setup];
    for step in steps {
        let (what, text, amount) = match step {
            In(text) => (0, text, 0),
            Out(text) => (1, text, 0),
            InLost(text, amount) => (1 << 1, text, *amount),
            OutLost(text, amount) => (1 << 1 | 1, text, *amount),
            InCut(text, amount) => (1 << 2, text, *amount),
            OutCut(text, amount) => (1 << 2 | 1, text, *amount),
            InAgain(text, amount) => (1 << 3, text, *amount),
            GiveUp(text) => (1 << 4, text, 0),
            Far(text) => (3 << 6 | 1 << 1, text, 0x7f),
        };
        for part in text.as_bytes().chunks(255) {
            out.extend([what, u8::try_from(part.len()).unwrap_or(u8::MAX), amount]);
            out.extend(part);
        }
        if text.is_empty() {
            out.extend([what, 0, amount]);
        }
    }
    out
}

const A: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const B: &str = "GET /b/4bf92f35-77b3-4da6-a3ce-929d0e0e4736?q=%00 HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nReferer: y\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UNTIL_CLOSE: &str = "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nall of it";
const POST: &str = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e=\"1\"\r\nhello\r\n1f\r\n0123456789012345678901234567890\r\n0\r\nT: x\r\n\r\n";
const TRACED: &str = "GET / HTTP/1.1\r\nhost: h:80\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b\r\ntracestate: c=d\r\nX-Forwarded-For: 1.2.3.4, ::1\r\nForwarded: for=\"[::1]\"\r\n\r\n";
// FastCGI: BEGIN_REQUEST, PARAMS, STDIN; STDOUT, END_REQUEST.
const BEGIN: &str = "\u{1}\u{1}\0\u{1}\0\u{8}\0\0\0\u{1}\u{1}\0\0\0\0\0";
const PARAMS: &str = "\u{1}\u{4}\0\u{1}\0\u{31}\u{7}\0\u{e}\u{4}REQUEST_METHODPOST\u{b}\u{4}REQUEST_URI/a?b\u{9}\u{1}HTTP_HOSTh\0\0\0\0\0\0\0";
const NO_PARAMS: &str = "\u{1}\u{4}\0\u{1}\0\0\0\0";
const STDIN: &str = "\u{1}\u{5}\0\u{1}\0\u{5}\u{3}\0hello\0\0\0\u{1}\u{5}\0\u{1}\0\0\0\0";
const STDOUT: &str = "\u{1}\u{6}\0\u{1}\0\u{13}\u{5}\0Status: 404 N\r\n\r\nhi\0\0\0\0\0";
const END: &str = "\u{1}\u{3}\0\u{1}\0\u{8}\0\0\0\0\0\0\0\0\0\0";

fn cases() -> Vec<(&'static str, u8, Vec<Step>)> {
    vec![
        (
            "keep-alive",
            TOTALS,
            vec![In(A), Out(OK), In(B), Out("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
        ),
        ("client", TOTALS, vec![Out(A), In(OK), Out(POST), In(CHUNKED)]),
        ("pipelined", TOTALS, vec![In(A), In(B), In(A), Out(OK), Out(CHUNKED), Out(OK)]),
        (
            "pipelined-in-one",
            TOTALS,
            vec![
                In("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
                Out(OK),
                Out(OK),
            ],
        ),
        (
            "byte-by-byte",
            TOTALS,
            vec![
                In("G"),
                In("E"),
                In("T /"),
                In(" HTTP/1.1\r"),
                In("\n\r"),
                In("\n"),
                Out("HTTP/1.1 20"),
                Out("4 No Content\n"),
                Out("\n"),
            ],
        ),
        (
            "fastcgi",
            TOTALS,
            vec![In(BEGIN), In(PARAMS), In(NO_PARAMS), In(STDIN), Out(STDOUT), Out(END), In(BEGIN)],
        ),
        (
            "fastcgi-client",
            MIDDLE,
            vec![Out(BEGIN), OutCut(PARAMS, 8), Out(STDIN), InLost(STDOUT, 9), In(END), Out(BEGIN)],
        ),
        (
            "fastcgi-twice",
            TOTALS,
            vec![In(BEGIN), InCut("\u{1}\u{4}\0\u{1}\u{1}\0\0\0", 255), In(BEGIN), GiveUp(END)],
        ),
        ("traced", TOTALS, vec![In(TRACED), Out(OK)]),
        ("post", TOTALS, vec![In(POST), Out(OK)]),
        (
            "post-parts",
            TOTALS,
            vec![
                In("POST /p HTTP/1.1\r\nContent-Length: 10\r\n\r\nhel"),
                In("lo"),
                Out("HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n"),
                In("there"),
            ],
        ),
        (
            "chunked-request",
            TOTALS,
            vec![
                In("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n"),
                In("0\r\n\r\n"),
                Out(CHUNKED),
            ],
        ),
        (
            "expect",
            TOTALS,
            vec![
                In("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
                Out("HTTP/1.1 100 Continue\r\n\r\n"),
                In("abc"),
                Out("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                Out(OK),
            ],
        ),
        (
            "head",
            TOTALS,
            vec![
                In("HEAD / HTTP/1.1\r\n\r\n"),
                Out("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
                In(A),
                Out("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
            ],
        ),
        (
            "connect",
            TOTALS,
            vec![
                In("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
                Out("HTTP/1.1 200 OK\r\n\r\n"),
                In("\x16\x03\x01"),
                Out("\x16\x03\x03"),
            ],
        ),
        (
            "upgrade",
            TOTALS,
            vec![
                In("GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
                Out("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
                In("\u{81}\u{5}hello"),
            ],
        ),
        ("until-close", TOTALS, vec![In("GET / HTTP/1.0\r\n\r\n"), Out(UNTIL_CLOSE), Out(" and more")]),
        ("until-close-unknown", 0, vec![In("GET / HTTP/1.0\r\n\r\n"), Out(UNTIL_CLOSE)]),
        (
            "after-close",
            TOTALS,
            vec![
                In("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
                Out("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
                In(A),
            ],
        ),
        (
            "absolute",
            TOTALS,
            vec![
                In("OPTIONS * HTTP/1.1\r\n\r\nGET http://u@[::1]:80/x?y#z HTTP/1.1\r\n\r\n"),
                Out(OK),
                Out(OK),
            ],
        ),
        (
            "middle",
            MIDDLE | TOTALS,
            vec![In("rest of a body"), Out("rest of an answer"), In(A), Out(OK), In(B), Out(OK)],
        ),
        ("middle-answer", MIDDLE, vec![Out(OK), In(A), Out(OK)]),
        (
            "head-cut",
            TOTALS,
            vec![InCut("GET /long HTTP/1.1\r\nCookie: aaaaaaaa", 99), Out(OK), In(A), Out(OK)],
        ),
        ("body-cut", TOTALS, vec![InCut("POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\nabc", 197), Out(OK)]),
        (
            "answer-cut",
            TOTALS,
            vec![In(A), OutCut("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nabc", 197), In(B), Out(OK)],
        ),
        (
            "chunked-cut",
            TOTALS,
            vec![
                In(A),
                OutCut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", 252),
                Out("\r\n0\r\n\r\n"),
                In(B),
                Out(OK),
            ],
        ),
        (
            "chunked-cut-in-size",
            TOTALS,
            vec![In(A), OutCut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf", 50), In(B), Out(OK)],
        ),
        ("unseen", TOTALS, vec![InCut("", 200), OutCut("", 200), In(A), Out(OK)]),
        (
            "lost-request",
            TOTALS,
            vec![In(A), Out(OK), InLost("", 60), Out(OK), In(B), Out(OK), In(A), Out(OK)],
        ),
        ("lost-answer", TOTALS, vec![In(A), In(B), OutLost(OK, 40), In(A), Out(OK)]),
        (
            "lost-in-body",
            TOTALS,
            vec![In("POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n"), InLost("rest", 16), Out(OK)],
        ),
        ("again", TOTALS, vec![In(A), InAgain(A, 10), InAgain(A, 28), Out(OK)]),
        ("give-up", TOTALS, vec![In(A), GiveUp(B), Out(OK), In(A), Out(OK)]),
        ("far", TOTALS, vec![Far(A), Out(OK), Far(POST)]),
        (
            "far-body",
            TOTALS,
            vec![In("POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"), Far("x"), Far("y")],
        ),
        (
            "lengths",
            TOTALS,
            vec![
                In("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                Out(OK),
                In(A),
            ],
        ),
        (
            "lengths-differ",
            TOTALS,
            vec![In("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\nContent-Length: 6\r\n\r\nhello"), Out(OK)],
        ),
        (
            "length-huge",
            TOTALS,
            vec![In("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"), Out(OK)],
        ),
        (
            "chunk-bad",
            TOTALS,
            vec![
                In(A),
                Out("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n"),
                In(B),
                Out(OK),
            ],
        ),
        (
            "chunk-huge",
            TOTALS,
            vec![
                In(A),
                Out("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffe\r\nx"),
                OutLost("y", 200),
            ],
        ),
        (
            "odd-head",
            TOTALS,
            vec![
                In("\r\n\r\nGET  /x  HTTP/1.1\nHost : h\n folded\nBad Header\x01: y\n\n"),
                Out("HTTP/1.1 200\r\nA:b\r\n c\r\n\r\n"),
            ],
        ),
        ("http2", TOTALS, vec![In("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")]),
        ("http09", TOTALS, vec![In("GET /\r\n"), Out("<html>")]),
        ("not-http", TOTALS, vec![In("\x16\x03\x01\x02\0\x01"), Out("\x16\x03\x03")]),
        ("server-first", TOTALS, vec![Out("220 mail\r\n"), In("EHLO x\r\n")]),
        ("wrong-side", TOTALS, vec![In(A), In(OK), Out(A), Out(OK)]),
        ("orphan", TOTALS, vec![Out(OK), Out(OK), In(A), Out(OK)]),
    ]
}

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let mut seeds: Seeds = cases()
        .into_iter()
        .map(|(name, setup, steps)| (name.to_owned(), connection(setup, &steps)))
        .collect();
    let fills: Vec<_> = (0..70).map(|_| In("GET / HTTP/1.1\r\n\r\n")).chain([Out(OK), Out(OK)]).collect();
    seeds.push(("pipeline-full".to_owned(), connection(TOTALS, &fills)));
    let parsers = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("traceparent-newer", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is-new"),
        ("route", "/1/2/3/api/deadbeef01/dQw4w9WgXcQ1a2b3c4/\u{e4}/%20/a\\x5c/6/7/8/9/10/11/12"),
        ("target", "http://user@[::1]:8080/path;a=b?q=1&r=%zz#fragment"),
    ];
    seeds.extend(parsers.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
    Ok(seeds)
}
