//! The unprivileged process: wiring, sandbox, configuration.
