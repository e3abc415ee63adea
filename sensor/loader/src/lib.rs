//! The privileged process: loads, attaches, self-tests, hands over.
//!
//! Root with the capabilities of [`KEPT`], one thread, no network socket, and it parses nothing that a workload controls. What may
//! have to wait for a workload, it has opened by a process that nothing else waits for ([`opener`]).
//! What needs judgement happens in the pipeline, which this process starts from the same binary under another uid and
//! which asks it for descriptors (`guardbee_wire::rpc`).
#![forbid(unsafe_code)]

mod cage;
mod capability;
mod doctor;
mod error;
mod ledger;
mod message;
mod notice;
mod opener;
mod opening;
mod pipeline;
mod process;
mod record;
mod request;
mod self_test;
mod server;
mod supervise;
mod token;

use std::path::PathBuf;
use std::process::ExitStatus;

pub use cage::{Cage, Caged};
pub use capability::{KEPT, kept};
pub use doctor::{Need, Report, Setting, doctor};
pub use error::Error;
pub use guardbee_bpf::{Capability, Dispatch, HookList, Options as KernelOptions, Program, ProgramState};
pub use notice::Notice;
pub use opener::{OPENER_COMMAND, opener};
pub use pipeline::{Pipeline, Served};
pub use request::{Ask, Malformed, Process, decode, encode};
pub use self_test::{SELF_TEST_COMMAND, self_test_child};

use opening::Opening;
use server::Server;
use supervise::Supervisor;

/// What we start is always ourselves, also when the file was replaced meanwhile.
const EXECUTABLE: &str = "/proc/self/exe";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The unprivileged half.
    pub pipeline: Pipeline,
    /// The long-term signing key, opened while root may; each pipeline gets it once.
    pub key: Option<PathBuf>,
    /// Of the kernel half.
    pub kernel: guardbee_bpf::Options,
    /// What to do when the pipeline ends by itself.
    pub on_exit: OnExit,
}

/// When the pipeline ends by itself with another status than 0 (it meant to) and 2 (unusable configuration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// Start the next one, after 100 ms to 5 s, longer each time it ends soon.
    Restart,
    /// End too.
    Stop,
}

/// Runs until SIGTERM or SIGINT, or until the pipeline has ended for good; gives the last pipeline's status. Call it
/// from a process with one thread, since capabilities and blocked signals are the calling thread's, and with nothing
/// open but the standard streams: every other descriptor is closed, so that none reaches a child.
///
/// When it returns, every link, program and map is closed; nothing was ever pinned.
pub fn run(options: &Options, notice: &mut dyn FnMut(&Notice)) -> Result<ExitStatus, Error> {
    process::close_inherited().map_err(Error::system("close inherited descriptors"))?;
    options.pipeline.check()?;
    capability::check()?;
    let signals = supervise::signals()?;
    let key = match &options.key {
        Some(path) => {
            let opened = process::open_key(path);
            Some(opened.map_err(|source| Error::Key { path: path.clone(), source })?)
        }
        None => None,
    };
    let all = guardbee_bpf::Options { files: true, ..options.kernel.clone() };
    let mut kernel = guardbee_bpf::Kernel::load(&all).map_err(Error::Kernel)?;
    kernel.attach().map_err(Error::Kernel)?;
    let states = self_test::run(&kernel)?;
    notice(&server::summary(&states));
    let opening = Opening::start()?;
    capability::drop_rest()?;
    let ledger = ledger::make().map_err(Error::system("make the pipelines' ledger"))?;
    let server = Server::new(kernel, &options.kernel, (ledger, key), states, opening);
    Supervisor {
        server,
        signals,
        pipeline: &options.pipeline,
        on_exit: options.on_exit,
        notice,
        left: Vec::new(),
    }
    .run()
}
