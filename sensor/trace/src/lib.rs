//! Spans out of protocol facts, and the join of requests and actions.
