//! The join: which request caused an action, and how far that is proven.
use crate::request::Request;
use std::sync::Arc;

/// Candidates that a link names at most; more are counted.
pub const CANDIDATES: usize = 16;

/// How a link is known (design section 6). No guess is ever presented as a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Proven: one unanswered request on an exclusive connection of this thread, or of a positively identified runtime.
    Exact,
    /// By origin from an exact one.
    Inherited,
    /// A runtime says that the request's task created this one.
    Lineage,
    /// One candidate, not proven.
    Sole,
    /// Several candidates.
    Ambiguous,
    /// Evidence was lost.
    Unproven,
}

impl LinkKind {
    /// The name used in rules and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Inherited => "inherited",
            Self::Lineage => "lineage",
            Self::Sole => "sole",
            Self::Ambiguous => "ambiguous",
            Self::Unproven => "unproven",
        }
    }

    /// Exactly one request, proven: such links may group correlations and stand in rules as conditions.
    pub const fn proven(self) -> bool {
        matches!(self, Self::Exact | Self::Inherited | Self::Lineage)
    }
}

/// What an action has to do with requests. An action that no server process is behind has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// How it is known.
    pub kind: LinkKind,
    /// The request, or the candidates, oldest first; at most [`CANDIDATES`] unless configured otherwise.
    pub requests: Vec<Arc<Request>>,
    /// Candidates beyond those.
    pub more: u32,
    /// What decided, in a few words.
    pub reason: &'static str,
}

impl Link {
    /// The one request that is proven, or the only candidate.
    pub fn request(&self) -> Option<&Arc<Request>> {
        match self.requests.as_slice() {
            [only] if self.more == 0 => Some(only),
            _ => None,
        }
    }

    /// The request, where it is proven.
    pub fn proven(&self) -> Option<&Arc<Request>> {
        self.kind.proven().then(|| self.request()).flatten()
    }
}
