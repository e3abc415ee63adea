//! Process tree, containers, users: who an event is about.
//!
//! No I/O: what is missing is asked for as a [`Want`], which the agent gets through the loader and gives back with
//! [`Table::provide`]. What comes back is written by workloads, and parsed as such.
#![forbid(unsafe_code)]

mod cgroup;
mod cmdline;
mod configuration;
mod containers;
mod executables;
mod execution;
pub mod packages;
mod store;
mod table;
mod users;

pub use cgroup::{Home, Names, Paths, names, paths};
pub use cmdline::cmdline;
pub use configuration::{Malformed, RECORD_BYTES, Record, Sought, read_record};
pub use execution::{ExecutionModel, execution_model};
pub use table::{Host, Limits, Table, Thing, Want};
pub use users::{UserMap, Users, parse_passwd, parse_uid_map};
