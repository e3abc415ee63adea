//! Requests and their answers.
use crate::{
    bytes::{Put, Take},
    error::Wrong,
    process::{put_key, take_key},
    socket::{bytes, put_endpoint, take_endpoint},
};
use guardbee_model::{
    id::{ConnectionId, RequestId, SpanId, TraceId},
    request::{Request, Response, TraceContext, TraceSource},
};

const SOURCES: [TraceSource; 3] = [TraceSource::Own, TraceSource::ClientClaimed, TraceSource::Local];

pub(crate) fn put(request: &Request, put: &mut Put) {
    put.number(request.id.connection.0);
    put.number(request.id.position);
    put.option(request.process, |put, key| put_key(key, put));
    put.bytes.extend_from_slice(&request.trace.trace.0);
    put.bytes.extend_from_slice(&request.trace.span.0);
    put.option(request.trace.parent, |put, parent| put.bytes.extend_from_slice(&parent.0));
    put.one_of(&SOURCES, &request.trace.source);
    put.time(request.start);
    put.said(&request.method);
    put.said(&request.path);
    put.option(request.query.as_deref(), Put::query);
    put.said(request.route.as_bytes());
    put.said(&request.host);
    put.said(&request.user_agent);
    put.said(&request.referer);
    put.said(&request.user);
    put.said(&request.content_type);
    put.byte(request.minor_version);
    put_endpoint(&request.client, put);
    put.said(&request.forwarded_for);
    put_endpoint(&request.server, put);
}

pub(crate) fn take(take: &mut Take<'_>) -> Result<Request, Wrong> {
    let id = RequestId { connection: ConnectionId(take.number()?), position: take.number()? };
    let process = take.option(take_key)?;
    let trace = TraceContext {
        trace: TraceId(bytes(take)?),
        span: SpanId(bytes(take)?),
        parent: take.option(|take| bytes(take).map(SpanId))?,
        source: take.one_of(&SOURCES)?,
    };
    Ok(Request {
        id,
        process,
        trace,
        start: take.time()?,
        method: take.text()?.into(),
        path: take.text()?.into(),
        query: take.option(Take::text)?.map(Box::from),
        route: take.string()?.into(),
        host: take.text()?.into(),
        user_agent: take.text()?.into(),
        referer: take.text()?.into(),
        user: take.text()?.into(),
        content_type: take.text()?.into(),
        minor_version: take.byte()?,
        client: take_endpoint(take)?,
        forwarded_for: take.text()?.into(),
        server: take_endpoint(take)?,
    })
}

pub(crate) fn put_response(response: Response, put: &mut Put) {
    put.number(response.status);
    put.time(response.start);
    put.time(response.end);
    put.option(response.request_body_bytes, Put::number);
    put.option(response.response_body_bytes, Put::number);
}

pub(crate) fn take_response(take: &mut Take<'_>) -> Result<Response, Wrong> {
    Ok(Response {
        status: take.narrow()?,
        start: take.time()?,
        end: take.time()?,
        request_body_bytes: take.option(Take::number)?,
        response_body_bytes: take.option(Take::number)?,
    })
}
