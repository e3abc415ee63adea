//! What the loader has to tell whoever watches it. It writes no log itself.
use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::pipeline::Served;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A pipeline was started.
    Started {
        /// Its pid.
        pid: u32,
    },
    /// It ended.
    Ended {
        /// Its pid.
        pid: u32,
        /// How.
        status: ExitStatus,
        /// What it asked.
        served: Served,
    },
    /// The next one starts after this time.
    Waiting(Duration),
    /// It has not ended in time, or closed its socket and stayed: it is killed.
    Killed {
        /// Its pid.
        pid: u32,
    },
    /// It was killed and can't end: it waits for a file system that a process serves. Nobody waits for it.
    Abandoned {
        /// Its pid.
        pid: u32,
    },
    /// The self-test ran.
    SelfTest {
        /// Attached programs that ran.
        working: usize,
        /// Attached programs that did not run.
        silent: usize,
        /// Programs that are not attached.
        missing: usize,
    },
    /// The self-test could not run; the states before it stay.
    SelfTestFailed(String),
    /// Told to stop.
    Stopping,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { pid } => write!(f, "pipeline {pid} started"),
            Self::Ended { pid, status, served } => write!(
                f,
                "pipeline {pid} ended ({status}) after {} requests, {} malformed, {} with descriptors discarded, {} \
                 answered without, {} opened too late",
                served.requests,
                served.malformed,
                served.with_descriptors,
                served.without_descriptors,
                served.late
            ),
            Self::Waiting(time) => write!(f, "next pipeline in {} ms", time.as_millis()),
            Self::Killed { pid } => write!(f, "pipeline {pid} did not end in time and is killed"),
            Self::Abandoned { pid } => {
                write!(f, "pipeline {pid} was killed and can't end: it is left behind")
            }
            Self::SelfTest { working, silent, missing } => {
                write!(f, "self-test: {working} programs work, {silent} silent, {missing} missing")
            }
            Self::SelfTestFailed(why) => write!(f, "self-test could not run: {why}"),
            Self::Stopping => write!(f, "stopping"),
        }
    }
}
