//! Text to trees: of a file, and of a condition within it.
pub(crate) mod condition;

use guardbee_yaml::{Advice, Problems};
pub(crate) use guardbee_yaml::{Entry, Mark, Node, Scalar, Style, Value};

/// What YAML can't say to authors of rules by itself.
const ADVICE: Advice = Advice {
    long: "split it: one rule a file is the custom",
    alias: "write the value out: a rule can't contain itself",
    merge: "write the keys out; rules of one file share keys by a document with `action: global`",
    twice: "keep one of the two, or make a list of their values; `|all` behind a field's name asks for all of them",
};

/// The documents of a file of rules. A problem was reported where it is [`None`].
pub(crate) fn documents(text: &str, problems: &mut Problems) -> Option<Vec<Node>> {
    guardbee_yaml::documents(text, &ADVICE, problems)
}
