//! Ring reader and merge: bytes to events.
