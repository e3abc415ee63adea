//! Compares links with the truth: the nonce that an action has as an argv word with that in the query of the linked request.
use super::{
    driver::Truth,
    findings::{Finding, Findings, Link},
};
use std::fmt;

/// What a finding says of an action whose request is known, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Class {
    ProvenRight,
    SoleRight,
    AmbiguousWith,
    Unproven,
    AmbiguousWithout,
    SoleWrong,
    Unlinked,
    Missing,
    /// A wrong fact: what must never be.
    ProvenWrong,
}

impl Class {
    const ALL: [(Self, &str); 9] = [
        (Self::ProvenRight, "proven"),
        (Self::SoleRight, "sole"),
        (Self::AmbiguousWith, "among candidates"),
        (Self::Unproven, "unproven"),
        (Self::AmbiguousWithout, "NOT among candidates"),
        (Self::SoleWrong, "sole but another"),
        (Self::Unlinked, "without link"),
        (Self::Missing, "MISSING"),
        (Self::ProvenWrong, "WRONG"),
    ];

    fn of(link: Option<&Link>, nonce: &str) -> Self {
        let Some(link) = link else { return Self::Unlinked };
        let named = link.requests.iter().any(|request| request.nonce.as_deref() == Some(nonce));
        match (link.kind.as_str(), named) {
            ("exact" | "inherited" | "lineage", named) => {
                if named && link.requests.len() == 1 {
                    Self::ProvenRight
                } else {
                    Self::ProvenWrong
                }
            }
            ("sole", true) => Self::SoleRight,
            ("sole", false) => Self::SoleWrong,
            ("ambiguous", true) => Self::AmbiguousWith,
            ("ambiguous", false) => Self::AmbiguousWithout,
            _ => Self::Unproven,
        }
    }
}

/// How many of each, and what must not be at all.
#[derive(Default)]
pub(crate) struct Figures {
    /// The worst of each attack's findings.
    classes: Vec<Class>,
    /// Actions of no request that were blamed on one, as a fact.
    blamed: usize,
    /// Actions of no request that were seen.
    pub(crate) strangers: usize,
    /// Those of them with candidates all the same: said not to be proven, but there.
    pub(crate) suspected: usize,
    /// Links with more candidates than requests were in flight.
    pub(crate) excess: usize,
    /// An example of what is wrong.
    example: String,
}

impl Figures {
    pub(crate) fn count(&self, class: Class) -> usize {
        self.classes.iter().filter(|one| **one == class).count()
    }

    pub(crate) fn attacks(&self) -> usize {
        self.classes.len()
    }

    /// Wrong facts, and a wrong request as the only candidate though the right one was in flight.
    pub(crate) fn wrong(&self) -> usize {
        self.count(Class::ProvenWrong) + self.count(Class::SoleWrong) + self.blamed
    }

    /// The right request is named, alone or among others.
    pub(crate) fn named(&self) -> usize {
        self.count(Class::ProvenRight) + self.count(Class::SoleRight) + self.count(Class::AmbiguousWith)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {}:", self.attacks())?;
        for (class, name) in Class::ALL {
            let count = self.count(class);
            if count != 0 {
                write!(f, " {count} {name},")?;
            }
        }
        write!(f, " {} wrong", self.wrong())?;
        if self.strangers != 0 {
            write!(f, ", {} of no request ({} with candidates)", self.strangers, self.suspected)?;
        }
        if self.excess != 0 {
            write!(f, ", {} with too many candidates", self.excess)?;
        }
        if !self.example.is_empty() {
            write!(f, " ({})", self.example)?;
        }
        Ok(())
    }
}

/// Judges every finding. `truth`: all requests that were made.
pub(crate) fn check(truth: &Truth, findings: &Findings) -> Figures {
    let mut figures = Figures::default();
    for attack in truth.attacks() {
        let in_flight = truth.in_flight_with(attack);
        let mut worst = None;
        for finding in findings.with(&attack.nonce) {
            let class = Class::of(finding.link.as_ref(), &attack.nonce);
            worst = worst.max(Some(class));
            if finding.link.as_ref().is_some_and(|link| link.requests.len() + link.more > in_flight) {
                figures.excess += 1;
            }
            if class > Class::AmbiguousWith && figures.example.is_empty() {
                figures.example = example(&attack.nonce, finding);
            }
        }
        figures.classes.push(worst.unwrap_or(Class::Missing));
    }
    let most = truth.most_in_flight();
    for finding in &findings.list {
        let Some(nonce) = finding.nonce.as_deref().filter(|nonce| nonce.starts_with("gbx")) else { continue };
        figures.strangers += 1;
        let Some(link) = &finding.link else { continue };
        let named = link.requests.len() + link.more;
        figures.suspected += usize::from(named != 0);
        figures.excess += usize::from(named > most);
        if link.proven() {
            figures.blamed += 1;
            figures.example = example(nonce, finding);
        }
    }
    figures
}

fn example(nonce: &str, finding: &Finding) -> String {
    let Some(link) = &finding.link else { return format!("{nonce} has no link") };
    let named: Vec<&str> = link
        .requests
        .iter()
        .take(3)
        .map(|request| request.nonce.as_deref().unwrap_or(&request.path))
        .collect();
    format!("{nonce} is {} by \"{}\" to {}", link.kind, link.reason, named.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::findings::Request;

    fn link(kind: &str, nonces: &[&str]) -> Link {
        let requests = nonces.iter().map(|nonce| Request {
            id: String::new(),
            trace: String::new(),
            span: String::new(),
            path: String::new(),
            nonce: Some((*nonce).to_owned()),
        });
        Link { kind: kind.to_owned(), reason: String::new(), requests: requests.collect(), more: 0 }
    }

    #[test]
    fn a_fact_must_be_right() {
        for (kind, nonces, class) in [
            ("exact", &["gbn1"][..], Class::ProvenRight),
            ("exact", &["gbn2"], Class::ProvenWrong),
            ("inherited", &["gbn1", "gbn2"], Class::ProvenWrong),
            ("lineage", &[], Class::ProvenWrong),
            ("sole", &["gbn1"], Class::SoleRight),
            ("sole", &["gbn2"], Class::SoleWrong),
            ("ambiguous", &["gbn2", "gbn1"], Class::AmbiguousWith),
            ("ambiguous", &["gbn2", "gbn3"], Class::AmbiguousWithout),
            ("unproven", &[], Class::Unproven),
        ] {
            assert_eq!(Class::of(Some(&link(kind, nonces)), "gbn1"), class, "{kind} {nonces:?}");
        }
        assert_eq!(Class::of(None, "gbn1"), Class::Unlinked);
        for class in [Class::ProvenWrong, Class::SoleWrong] {
            assert_eq!(Figures { classes: vec![class], ..Figures::default() }.wrong(), 1, "{class:?}");
        }
    }
}
