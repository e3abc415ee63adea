//! Detection rules: parse, check, compile, evaluate.
//!
//! Rules are Sigma 2.1 YAML; what Sigma has no words for stands under one key, `guardbee:`. [`RuleSet::load`] takes the text
//! of files and gives a set in which nothing is left to go wrong, or every problem with its place and remedy. [`Engine`]
//! takes observations in the order of the events and gives matches. No I/O, and no clock but the events'.
//!
//! ```text
//! parse/  conditions to trees               check/    tree to typed rules, field.rs is the table of names
//! eval/   an expression on an observation  engine.rs buckets, counts, bounds; correlate.rs steps of one request
//! falco/  rules of Falco's to YAML of ours               workbench/ tests in rules, their coverage, explanations
//! ```
#![forbid(unsafe_code)]

mod check;
mod correlate;
mod date;
mod digest;
mod endings;
mod engine;
mod environment;
mod eval;
pub mod falco;
mod field;
mod files;
mod learned;
mod literal;
mod parse;
mod pattern;
mod placeholder;
mod rule;
mod sample;
mod set;
mod workbench;

use guardbee_yaml::problem;

pub use digest::Digest;
pub use engine::{Changes, Cost, Counts, Engine, Match, Params};
pub use field::reference as field_reference;
pub use guardbee_yaml::{Problem, Severity};
pub use learned::{Learned, Unreadable};
pub use rule::CanFire;
pub use set::{Listed, ListedBaseline, ListedException, ListedSuppression, RuleSet};
pub use workbench::{Branch, Explained, Join, Seen, TestResult, Verdict, Wanted};
