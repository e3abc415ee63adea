//! A receiver that revokes: `strict_receiver FOLDER [slow | cancel]` lets in whom it trusts, until it is ended.
//!
//! Into the folder it puts `ca.crt`, `ca.crl` and two clients, `client` and `revoked`, each a `.crt` and a `.key`; then it
//! prints `listening PORT`, and a line for each handshake that it refuses. Log records go to `logs.txt`, a line each.
//! `slow`: its verdict on a client comes later than the client is willing to wait for it, and so within a call.
//! `cancel`: it answers each call with CANCELLED until there is a file `go` in the folder.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool of tests: a panic is how it fails")]
use guardbee_deliver::{
    otlp::proto::{common::v1::any_value::Value, logs::v1::LogRecord},
    testing::{Answer, Authority, Issued, Leaf, Server, Trust},
};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::Duration,
};
use tonic::Code;

/// Clients wait a second for a verdict.
const SLOW: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(50);

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("give a folder");
    let folder = Path::new(&folder);
    let manner = args.next().unwrap_or_default();

    let authority = Authority::new("strict");
    let (client, revoked) = (authority.issue(&Leaf::localhost()), authority.issue(&Leaf::localhost()));
    let crl = authority.revoke(&[&revoked]);
    put(&folder.join("ca.crt"), &authority.certificate);
    put(&folder.join("ca.crl"), &crl);
    issued(folder, "client", &client);
    issued(folder, "revoked", &revoked);

    let trust = Trust { clients: Some(&authority), crls: vec![crl] };
    let server = Server::start(&authority.issue(&Leaf::localhost()), &trust);
    if manner == "cancel" {
        server.answer(Answer::Code(Code::Cancelled, "not now"));
    }
    let port =
        if manner == "slow" { delayed(server.address).expect("listen") } else { server.address.port() };
    println!("listening {port}");
    follow(&server, folder);
}

/// Tells what comes.
fn follow(server: &Server, folder: &Path) -> ! {
    let mut logs = File::create(folder.join("logs.txt")).expect("write into the folder");
    let (mut refused, mut taken) = (0, 0);
    loop {
        std::thread::sleep(LOOK);
        if folder.join("go").exists() {
            server.answer(Answer::Accept);
        }
        let received = server.received();
        for error in received.handshake_errors.iter().skip(refused) {
            println!("refused {error}");
        }
        for log in received.logs.iter().skip(taken) {
            writeln!(logs, "{} {}", log.event_name, command_line(log)).expect("write into the folder");
        }
        (refused, taken) = (received.handshake_errors.len(), received.logs.len());
    }
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("write into the folder");
}

fn issued(folder: &Path, name: &str, issued: &Issued) {
    put(&folder.join(format!("{name}.crt")), &issued.certificate);
    put(&folder.join(format!("{name}.key")), &issued.key);
}

/// Of a finding.
fn command_line(log: &LogRecord) -> &str {
    let pair = log.attributes.iter().find(|pair| pair.key == "process.command_line");
    match pair.and_then(|pair| pair.value.as_ref()).and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// A port whose connections lead to `server`: all that a client says after its first words takes its time.
fn delayed(server: SocketAddr) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(server) else { continue };
            let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
                continue;
            };
            std::thread::spawn(move || pass(from_client, server, SLOW));
            std::thread::spawn(move || pass(from_server, client, Duration::ZERO));
        }
    });
    Ok(port)
}

/// Until one of both ends.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (mut buffer, mut first) = (vec![0; 16 << 10], true);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !std::mem::take(&mut first) {
            std::thread::sleep(delay);
        }
        if to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            break;
        }
    }
    // Who was refused hears it, and the other side is not kept waiting.
    to.shutdown(Shutdown::Write).ok();
}
