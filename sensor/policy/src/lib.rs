//! Policies: what to observe where, whose payload may be read, how much each scope may use.
//!
//! [`PolicySet::load`] takes the text of files and gives a set in which nothing is left to go wrong, or every problem with
//! its place and remedy. [`PolicySet::decide`] says which policy holds in a cgroup: the first whose conditions all hold, else
//! the default. No I/O: who knows the cgroup asks, and tells whoever enforces it.
//!
//! ```text
//! check.rs  a document to a policy       condition.rs  where it holds      terms.rs  what holds there
//! set.rs    all of them: order, shadows  explain.rs    why, or why not     schema.rs for editors
//! ```
#![forbid(unsafe_code)]

mod check;
mod condition;
mod explain;
mod glob;
mod schema;
mod set;
mod terms;

pub use condition::Place;
pub use explain::{Explained, Seen, Word};
pub use guardbee_yaml::{Problem, Severity};
pub use schema::schema;
pub use set::{Decision, POLICIES, Policy, PolicySet};
pub use terms::{FILES, SYSTEM, Terms, Throttle};
