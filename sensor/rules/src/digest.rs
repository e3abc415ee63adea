//! Which rule this is: a hash of what its document says and of what the other files made of it.
//!
//! Where it stands, comments and the way that it is written don't change it. What it says does, and so do the filters and
//! placeholders that it comes under and, for a correlation, its rules.
use crate::{
    field::Field,
    parse::{Node, Value},
    rule::{Baseline, Correlation, Rule},
};
use guardbee_model::finding::RuleInfo;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

/// SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Text that is hashed and not kept.
struct Feed(Sha256);

impl fmt::Write for Feed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// Of a document as it is written.
pub(crate) fn of_document(node: &Node) -> Digest {
    let mut hash = Sha256::new();
    feed(node, &mut hash);
    Digest(hash.finalize().into())
}

fn feed(node: &Node, hash: &mut Sha256) {
    let mut head = |kind: u8, length: usize| {
        hash.update([kind]);
        hash.update((length as u64).to_le_bytes());
    };
    match &node.value {
        Value::Scalar(scalar) => {
            head(u8::from(scalar.is_null()), scalar.text.len());
            hash.update(scalar.text.as_bytes());
        }
        Value::List(items) => {
            head(2, items.len());
            for item in items {
                feed(item, hash);
            }
        }
        Value::Map(entries) => {
            head(3, entries.len());
            for entry in entries {
                hash.update((entry.key.len() as u64).to_le_bytes());
                hash.update(entry.key.as_bytes());
                feed(&entry.node, hash);
            }
        }
    }
}

/// Of a rule: its document, and the conditions that it and its exceptions have with filters and placeholders.
pub(crate) fn of_rule(document: Digest, rule: &Rule) -> Digest {
    let mut feed = Feed(Sha256::new_with_prefix(document.0));
    // It takes whatever it is given.
    write!(feed, "{:?}", rule.condition).unwrap_or_default();
    let exceptions = rule.exceptions.iter();
    exceptions.for_each(|one| write!(feed, "{:?}", one.condition).unwrap_or_default());
    Digest(feed.0.finalize().into())
}

/// Of a correlation beside its rules: its document, and the conditions that its exceptions have with placeholders.
pub(crate) fn of_correlation(document: Digest, correlation: &Correlation) -> Digest {
    let mut feed = Feed(Sha256::new_with_prefix(document.0));
    let exceptions = correlation.exceptions.iter();
    exceptions.for_each(|one| write!(feed, "{:?}", one.condition).unwrap_or_default());
    Digest(feed.0.finalize().into())
}

/// What a rule's baseline is known by, so that it outlives a rule's change: the rule's id, without one its title, and the
/// fields that tell what is new in which scope.
pub(crate) fn of_baseline(rule: &RuleInfo, baseline: &Baseline) -> Digest {
    let name = if rule.id.is_empty() { &rule.title } else { &rule.id };
    let names = |fields: &[Field]| fields.iter().map(|field| field.row().name).collect::<Vec<_>>();
    let mut feed = Feed(Sha256::new());
    let said = (name, names(&baseline.fields), names(&baseline.scope));
    write!(feed, "{said:?}").unwrap_or_default();
    Digest(feed.0.finalize().into())
}

/// Of what others make up, in their order.
pub(crate) fn of_all(first: Digest, parts: impl IntoIterator<Item = Digest>) -> Digest {
    let mut hash = Sha256::new_with_prefix(first.0);
    parts.into_iter().for_each(|part| hash.update(part.0));
    Digest(hash.finalize().into())
}
