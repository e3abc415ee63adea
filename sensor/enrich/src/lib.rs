//! Process tree, containers, users: who an event is about.
//!
//! No I/O: what is missing is asked for as a [`Want`], which the agent gets through the loader and gives back with
//! [`Table::provide`]. What comes back is written by workloads, and parsed as such.
#![forbid(unsafe_code)]

mod cmdline;
mod container;
mod execution;
mod store;
mod table;
mod users;

pub use cmdline::cmdline;
pub use container::{from_leaf, from_proc};
pub use execution::{ExecutionModel, execution_model};
pub use table::{Limits, Table, Thing, Want};
pub use users::{Users, parse_passwd};
