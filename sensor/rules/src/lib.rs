//! Detection rules: parse, check, compile, evaluate.
