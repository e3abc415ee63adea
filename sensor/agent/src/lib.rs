//! The unprivileged process: wiring, sandbox, configuration.
pub mod clock;
pub mod config;
pub mod ids;
pub mod rule_files;
