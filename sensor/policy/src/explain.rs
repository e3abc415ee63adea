//! Why a policy holds in a cgroup, or not.
use crate::{
    condition::{Holds, Place},
    set::{Decision, PolicySet},
};

/// What became of a policy, or of one of its conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It holds; of a policy: and it is the first that does.
    Holds,
    /// It doesn't.
    Fails,
    /// Nothing on this node tells.
    Unknown,
    /// Another one before it holds.
    TooLate,
}

/// A condition, and what the place has of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As it was written.
    pub text: Box<str>,
    /// Line in the policy's file.
    pub line: u32,
    /// Whether it holds.
    pub word: Word,
    /// What there is, or why it isn't known.
    pub seen: String,
}

/// A policy on a place.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Place in [`PolicySet::policies`]; [`None`]: the default.
    pub policy: Option<usize>,
    /// What became of it.
    pub word: Word,
    /// Its conditions, in their order.
    pub conditions: Vec<Seen>,
}

impl PolicySet {
    /// Each policy in its order, the default last, and what is decided.
    pub fn explain(&self, place: &Place<'_>) -> (Decision, Vec<Explained>) {
        let decision = self.decide(place);
        let mut all: Vec<_> = (0..)
            .zip(self.policies())
            .map(|(at, policy)| {
                let seen = policy.conditions.iter().map(|condition| {
                    let (word, seen) = match condition.holds(place) {
                        Holds::Yes => (Word::Holds, condition.seen(place).to_owned()),
                        Holds::Unknown(why) => (Word::Unknown, why.to_owned()),
                        Holds::No if condition.cannot_be(place) => {
                            (Word::Fails, "not in a container that could have one".to_owned())
                        }
                        Holds::No => (Word::Fails, none(condition.seen(place))),
                    };
                    Seen { text: condition.text.clone(), line: condition.mark.line, word, seen }
                });
                let word = match policy.holds(place) {
                    Holds::Yes if decision.policy == Some(at) => Word::Holds,
                    Holds::Yes => Word::TooLate,
                    Holds::Unknown(_) => Word::Unknown,
                    Holds::No => Word::Fails,
                };
                Explained { policy: Some(at), word, conditions: seen.collect() }
            })
            .collect();
        let word = if decision.policy.is_none() { Word::Holds } else { Word::TooLate };
        all.push(Explained { policy: None, word, conditions: Vec::new() });
        (decision, all)
    }
}

fn none(seen: &str) -> String {
    if seen.is_empty() { "none".to_owned() } else { seen.to_owned() }
}
