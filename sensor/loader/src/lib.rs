//! The privileged process: loads, attaches, self-tests, hands over.
