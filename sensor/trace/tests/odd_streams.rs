//! What is odd about a stream is counted by name, a connection at a time.
mod world;

use world::{Reads, World, process};

const APP: u32 = 100;

#[test]
fn each_oddity_has_its_counter() {
    let (mut world, app) = (World::default(), process(APP));
    let streams = [
        ("not_http", "\x16\x03\x01\x02\r\n\r\n"),
        ("http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("odd_head", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("ambiguous_length", "POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        ("bad_chunk", "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("orphan_response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ];
    for (id, (flag, bytes)) in (1..).zip(streams) {
        assert_eq!(world.tracer.flags().get(flag), None, "before {bytes:?}");
        world.accept(id, app);
        world.read(id, app, APP, Reads::Blocking, bytes);
        world.close(id, app);
        world.wait(20);
        assert_eq!(world.tracer.flags().get(flag), Some(&1), "{bytes:?}: {:?}", world.tracer.flags());
    }
}
