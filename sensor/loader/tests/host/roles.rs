//! What the loader and the pipeline of a test do. They print what happens; the test reads it.
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use guardbee_loader::{OnExit, Options, Pipeline};
use rustix::event::{PollFd, PollFlags, poll};

use crate::rpc::{Client, Error};
use crate::sandbox::{Sandbox, Violation, enter};
use crate::{hostile, life, privileges, silent};

/// `nobody`, as on every distribution.
pub(crate) const UID: u32 = 65534;

/// `[--key FILE] [--stop] -- role...`
pub(crate) fn loader(args: &[String]) {
    let split = args.iter().position(|arg| arg == "--").unwrap();
    let (own, role) = (&args[..split], &args[split + 1..]);
    let key = own.iter().position(|arg| arg == "--key").map(|at| PathBuf::from(&own[at + 1]));
    let on_exit = if own.iter().any(|arg| arg == "--stop") { OnExit::Stop } else { OnExit::Restart };
    let args = std::iter::once("pipeline".into()).chain(role.iter().map(Into::into)).collect();
    let env = vec![("GUARDBEE_TEST".into(), "1".into())];
    let pipeline = Pipeline { args, env, uid: UID, gid: UID };
    let watched = guardbee_bpf::Capability::OPTIONAL.into();
    let kernel = guardbee_bpf::Options { watched, ..guardbee_bpf::Options::default() };
    let options = Options { pipeline, key, kernel, on_exit };
    let outcome = guardbee_loader::run(&options, &mut |notice| say(&format!("notice {notice}")));
    match outcome {
        Ok(status) => say(&format!("outcome {status}")),
        Err(error) => {
            say(&format!("failed {error}: {:?}", std::error::Error::source(&error)));
            std::process::exit(1);
        }
    }
}

/// The first word says what to do once inside the sandbox.
pub(crate) fn pipeline(args: &[String]) {
    let client = Client::inherited().unwrap();
    let port = args.get(1).and_then(|port| port.parse().ok());
    let sandbox = Sandbox {
        read: vec!["/etc".into()],
        write: Vec::new(),
        connect_ports: port.into_iter().collect(),
        violation: Violation::Refuse,
    };
    let landlock = enter(&sandbox).unwrap();
    say(&format!("landlock {landlock:?}"));
    match args[0].as_str() {
        "wait" => wait(&client),
        "deaf" => deaf(),
        "sandbox" => {
            rustix::io::write(client.fd(), b"full").unwrap();
            end_with_loader(&client);
        }
        "hello" => life::say_hello(&client),
        "things" => life::say_things(&client, &args[1..]),
        "heartbeat" => life::say_heartbeat(&client),
        "probe" => privileges::probe(port.unwrap(), args[2].parse().unwrap()),
        "outside" => hostile::outside(&client),
        "mutate" => hostile::mutate(&client),
        "unread" => hostile::unread(&client),
        "silent" => silent::ask(&client, &args[1..]),
        "reads" => silent::read(&client, &args[1..]),
        other => panic!("no role {other}"),
    }
}

/// One line at once: two processes write to one pipe.
pub(crate) fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What a test has found out, for `cargo xtask accept`: before its `ok`.
pub(crate) fn figure(text: &str) {
    say(&format!("figure {text}"));
}

pub(crate) fn ready() {
    say(&format!("ready {}", std::process::id()));
}

/// Until the loader ends.
pub(crate) fn wait(client: &Client) {
    let hello = client.hello().unwrap();
    say(&format!("previous {} {}", hello.reply.previous_pipelines, hello.reply.previous_sequence));
    ready();
    end_with_loader(client);
}

/// Says how the loader's end looks from here.
pub(crate) fn end_with_loader(client: &Client) {
    let fd = client.fd().try_clone_to_owned().unwrap();
    poll(&mut [PollFd::new(&fd.as_fd(), PollFlags::IN)], None).unwrap();
    let gone = matches!(client.hello(), Err(Error::LoaderGone));
    say(&format!("blind {gone}"));
}

/// Ignores TERM and everything else.
fn deaf() {
    nix::sys::signal::SigSet::all().thread_block().unwrap();
    ready();
    let end = Instant::now() + Duration::from_mins(2);
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
}
