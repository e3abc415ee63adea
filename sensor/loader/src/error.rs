//! What can go wrong in the loader, and what to do about it.
use std::io;
use std::path::PathBuf;

/// Why the loader could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libbpf or the kernel refused the kernel half as a whole.
    #[error("load the kernel half; `guardbee doctor` says what this node lacks")]
    Kernel(#[source] guardbee_bpf::Error),
    /// Not started as root, or a container runtime took a capability away.
    #[error(
        "{needed} is missing from the permitted set; run as root, or add it to the container's securityContext"
    )]
    Capability {
        /// Name as in capabilities(7).
        needed: &'static str,
    },
    /// Giving up capabilities failed half-way: nothing may go on.
    #[error("drop capabilities ({step}); the loader does not go on with more rights than it states")]
    Drop {
        /// The call that failed.
        step: &'static str,
        /// errno.
        source: io::Error,
    },
    /// The pipeline would have been root.
    #[error(
        "the pipeline's uid and gid must not be 0; create a user for it and name it in the configuration"
    )]
    RootPipeline,
    /// The long-term key is not there, or not a file.
    #[error("open the signing key {path}: it must be a regular file that root can read")]
    Key {
        /// As configured.
        path: PathBuf,
        /// errno.
        source: io::Error,
    },
    /// fork or exec of our own binary.
    #[error("start {what} from our own binary")]
    Spawn {
        /// Which child.
        what: &'static str,
        /// errno.
        source: io::Error,
    },
    /// The self-test's child failed: nothing is known about the programs.
    #[error("self-test child {how}; it needs the loopback interface and unix sockets")]
    SelfTest {
        /// How it ended.
        how: String,
    },
    /// A system call of the loop, which only fails on a broken system.
    #[error("{step}")]
    System {
        /// What we were doing.
        step: &'static str,
        /// errno.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: a failed `step` of the loop.
    pub(crate) fn system<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { step, source: source.into() }
    }
}
