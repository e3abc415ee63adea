//! A connection whose socket lies where one lay that was reset.
use super::{REQUEST, data_of, lists, pair};
use crate::watch::Watch;
use guardbee_wire::{CloseEvent, DataEvent, EventKind, SocketEvent};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

#[test]
fn a_socket_takes_nothing_from_one_that_was_reset_at_its_address() {
    const OTHERS: usize = 32;
    const LATE: [u8; 1237] = [b'l'; 1237];
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut bytes = [0; 4096];
        let (mut reset, mut kept) = (Vec::new(), Vec::new());
        // What was sent before the reset is read behind it, from a socket whose end has been seen.
        for _ in 0..OTHERS {
            let (mut client, mut server) = pair(&listener);
            client.write_all(&LATE).unwrap();
            // Never read: who closes with that resets.
            server.write_all(b"?").unwrap();
            drop(client);
            assert_eq!(server.read(&mut bytes).unwrap(), LATE.len());
            reset.push(server);
        }
        drop(reset);
        for _ in 0..OTHERS {
            let (mut client, mut server) = pair(&listener);
            let port = client.local_addr().unwrap().port();
            client.write_all(REQUEST).unwrap();
            assert_eq!(server.read(&mut bytes).unwrap(), REQUEST.len());
            let accepted = watch.wait("accept", |record| {
                record.kind() == EventKind::Accept && record.fixed::<SocketEvent>().socket.remote_port == port
            });
            let socket = accepted.fixed::<SocketEvent>().socket;
            watch.wait("data", |record| {
                record.kind() == EventKind::Data
                    && record.fixed::<DataEvent>().connection == socket.connection
            });
            let (first, bytes) = &data_of(&watch, socket.connection)[0];
            assert_eq!((first.position, &bytes[..], socket.flags), (0, REQUEST, 0), "{hooks:?}");
            kept.push((client, server));
        }
        // One of these did lie at such an address: the connection that had only that read ended there.
        watch.wait("close of what was read behind a reset", |record| {
            record.kind() == EventKind::Close
                && record.fixed::<CloseEvent>().received_bytes == LATE.len() as u64
        });
    }
}
