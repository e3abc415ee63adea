//! A span as a record: HTTP conventions, server and client.
use super::{attributes::Attributes, http, process};
use guardbee_model::{
    clock::WallOffset,
    record::{Record, Resource, Shape, Stream},
    span::{Span, SpanKind},
};
use std::sync::Arc;

/// OTLP `StatusCode`.
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// `spare` has room for the attributes, perhaps.
pub(super) fn record(span: &Span, resource: Arc<Resource>, offset: WallOffset, spare: Attributes) -> Record {
    let request = &span.request;
    let mut attributes = spare.usual();
    http::add(request, span.kind, &mut attributes);
    let status = outcome(span, &mut attributes);
    if let Some(process) = &span.process {
        process::brief(process, &mut attributes);
    }
    attributes.text("guardbee.request.id", request.id.to_string());
    attributes.word("guardbee.trace.source", request.trace.source.name());
    if let Some(parent) = span.parent {
        attributes.word("guardbee.parent.link", parent.kind.name());
        attributes.word("guardbee.parent.reason", parent.reason);
    }
    if span.incomplete {
        attributes.flag("guardbee.incomplete");
    }
    Record {
        stream: Stream::Spans,
        shape: Shape::Span {
            kind: match span.kind {
                SpanKind::Server => 2,
                SpanKind::Client => 3,
            },
            status,
        },
        // A guessed route never is part of the name: the conventions want what the application routes by.
        name: http::known_method(&request.method).unwrap_or("HTTP").into(),
        trace: request.trace.trace,
        span: request.trace.span,
        parent: request.trace.parent.unwrap_or_default(),
        start: offset.wall(request.start),
        end: offset.wall(span.end.max(request.start)),
        body: Box::default(),
        attributes: attributes.into_vec(),
        resource,
    }
}

/// Status code, sizes, `error.type`; gives the span's status: 5xx is an error of a server, 4xx also one of a client.
fn outcome(span: &Span, attributes: &mut Attributes) -> u8 {
    let answered = span.response.filter(|response| response.status != 0);
    if let Some(response) = &span.response {
        if let Some(bytes) = response.request_body_bytes {
            attributes.size("http.request.body.size", bytes);
        }
        if let Some(bytes) = response.response_body_bytes {
            attributes.size("http.response.body.size", bytes);
        }
    }
    match answered {
        Some(response) => {
            attributes.int("http.response.status_code", response.status);
            let first_error = match span.kind {
                SpanKind::Server => 500,
                SpanKind::Client => 400,
            };
            if response.status < first_error {
                return UNSET;
            }
            attributes.text("error.type", response.status.to_string());
            ERROR
        }
        // Nothing is known of an answer in bytes that were not seen.
        None if span.incomplete => UNSET,
        None => {
            attributes.word("error.type", "no_response");
            ERROR
        }
    }
}
