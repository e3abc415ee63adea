//! The `guardbee` binary.
fn main() {}
