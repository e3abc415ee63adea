//! Encodings, queue, mTLS, sinks.
