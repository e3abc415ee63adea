//! Observations go into rules, findings come out.
use crate::{
    clock::BootTime,
    event::{Connect, Exec, Exit, Fork, Listen},
    file::FileEvent,
    id::FindingId,
    link::Link,
    loss::Loss,
    process::Process,
    request::{Request, Response},
    socket::Socket,
    system::System,
};
use std::sync::Arc;

/// What a rule can look at: an action with its actor and its link, or one of the two events of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When. An exchange is observed at its end but began at `request.start`.
    pub time: BootTime,
    /// What.
    pub action: Action,
    /// Who, where known.
    pub process: Option<Arc<Process>>,
    /// Parent, grandparent, ...; bounded by enrich.
    pub ancestors: Arc<[Arc<Process>]>,
    /// The request behind it; for request events, the request itself (exact).
    pub link: Option<Link>,
    /// Number that is unique on this sensor, for evidence.
    pub sequence: u64,
}

/// What happened, in a rule's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A connection was accepted and used.
    Accept(Arc<Socket>),
    /// An outbound connection succeeded or failed.
    Connect(Arc<Connect>),
    /// A UDP socket sent to somebody for the first time.
    Datagram(Arc<Connect>),
    /// A process replaced its image.
    Exec(Arc<Exec>),
    /// A process ended.
    Exit(Exit),
    /// Something was done to a file.
    File(Arc<FileEvent>),
    /// A process was created.
    Fork(Arc<Fork>),
    /// A socket began or ceased to listen.
    Listen(Arc<Listen>),
    /// A request was read: opens correlations.
    RequestHead(Arc<Request>),
    /// A request was answered, or ended without an answer.
    Exchange(Arc<Request>, Option<Response>),
    /// Something was done to the system or to another process, which is told where it is known.
    System(Arc<System>, Option<Arc<Process>>),
}

impl Action {
    /// The name used in records and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Connect(_) => "connect",
            Self::Datagram(_) => "datagram",
            Self::Exec(_) => "exec",
            Self::Exit(_) => "exit",
            Self::File(file) => file.operation.name(),
            Self::Fork(_) => "fork",
            Self::Listen(_) => "listen",
            Self::RequestHead(_) => "request",
            Self::Exchange(..) => "exchange",
            Self::System(system, _) => system.deed.kind(),
        }
    }
}

/// Sigma's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of Sigma 2.1, rules specification, level")]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    /// Sigma's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a finding says of its rule. A rule's author must be named wherever its matches are shown (DRL 1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// UUID; empty: none given.
    pub id: Box<str>,
    /// Short name; empty: none given.
    pub name: Box<str>,
    /// Title.
    pub title: Box<str>,
    /// Description.
    pub description: Box<str>,
    /// Author; empty: none given.
    pub author: Box<str>,
    /// Licence; empty: none given.
    pub license: Box<str>,
    /// Level.
    pub level: Level,
    /// How much is at stake, from 0 to 100, as its author sees it.
    pub risk: Option<u8>,
    /// Sigma tags as written, such as `attack.t1059.004`.
    pub tags: Vec<Box<str>>,
    /// References.
    pub references: Vec<Box<str>>,
    /// The file it came from.
    pub source: Box<str>,
}

impl RuleInfo {
    /// ATT&CK technique ids in the tags, upper-case: `T1059.004`.
    pub fn techniques(&self) -> impl Iterator<Item = String> + '_ {
        self.tags.iter().filter_map(|tag| {
            let id = tag.strip_prefix("attack.t")?;
            id.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("T{id}"))
        })
    }
}

/// How many times a rule matched with the same values while these were told by one finding, its last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How many.
    pub count: u64,
    /// When the first of them happened.
    pub first: BootTime,
    /// When the last of them happened.
    pub last: BootTime,
}

/// A rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Ours.
    pub id: FindingId,
    /// Which rule.
    pub rule: Arc<RuleInfo>,
    /// When its last step happened.
    pub time: BootTime,
    /// The observations that made it, in order; the last one completed it.
    pub evidence: Vec<Arc<Observation>>,
    /// Losses that overlap the time from its first to its last step: the evidence may not be whole.
    pub losses: Vec<Loss>,
    /// Matches that were held back and that it tells of; none: it stands for itself.
    pub repeats: Option<Repeats>,
    /// What held its evidence together, where its rule joins in several ways: `guardbee.request`, `process.tree`, `container.id`.
    pub joined: Option<&'static str>,
}

impl Finding {
    /// The link of the finding: that of its last step.
    pub fn link(&self) -> Option<&Link> {
        self.evidence.last().and_then(|observation| observation.link.as_ref())
    }
}
