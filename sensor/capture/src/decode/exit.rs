//! The last thread of a process ended.
use guardbee_model::event::{Body, Exit};
use guardbee_wire::ExitEvent;

pub(super) fn exit(raw: &ExitEvent) -> Body {
    Body::Exit(Exit { code: raw.exit_code })
}
