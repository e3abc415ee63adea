//! Protocol parsers: bytes to facts.
