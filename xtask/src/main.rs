//! What developers do: `cargo xtask`.
fn main() {}
