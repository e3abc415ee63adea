//! `http.*`, `url.*` and addresses of a request, for spans and findings alike.
use super::{attributes::Attributes, text as bounded};
use guardbee_model::{redact, request::Request, socket::Endpoint, span::SpanKind, text};
use std::borrow::Cow;

/// Methods that the HTTP conventions know: RFC 9110, PATCH (RFC 5789), QUERY.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// Methods are case-sensitive (RFC 9110, 9.1).
pub(crate) fn known_method(method: &[u8]) -> Option<&'static str> {
    METHODS.into_iter().find(|known| known.as_bytes() == method)
}

/// Adds what the request says. For spans of clients, the peer is the server.
pub(super) fn add(request: &Request, kind: SpanKind, attributes: &mut Attributes) {
    if let Some(method) = known_method(&request.method) {
        attributes.word("http.request.method", method);
    } else {
        attributes.word("http.request.method", "_OTHER");
        attributes.bytes("http.request.method_original", &request.method);
    }
    attributes.word("url.scheme", "http");
    attributes.bytes("url.path", &request.path);
    if let Some(query) = &request.query {
        attributes.text("url.query", shown_query(query));
    }
    let (host, port) = authority(request);
    if kind == SpanKind::Client {
        attributes.text("url.full", full_url(request));
    }
    attributes.text("server.address", host);
    if let Some(port) = port {
        attributes.int("server.port", port);
    }
    addresses(request, kind, attributes);
    attributes.word("network.protocol.version", version(request));
    attributes.bytes("user_agent.original", &request.user_agent);
    attributes.bytes("guardbee.http.route_guess", request.route.as_bytes());
}

/// `network.protocol.version`; HTTP/1 has no other minor versions.
pub(crate) fn version(request: &Request) -> &'static str {
    if request.minor_version == 0 { "1.0" } else { "1.1" }
}

fn addresses(request: &Request, kind: SpanKind, attributes: &mut Attributes) {
    let (local, peer) = match kind {
        SpanKind::Server => (&request.server, &request.client),
        SpanKind::Client => (&request.client, &request.server),
    };
    attributes.word("network.transport", if matches!(peer, Endpoint::Ip(_)) { "tcp" } else { "unix" });
    let peer_address = address(peer);
    if kind == SpanKind::Server {
        // The other end of the connection, which can't lie; what a header claims stands beside it.
        attributes.text("client.address", &*peer_address);
        attributes.bytes("http.request.header.x-forwarded-for", &request.forwarded_for);
    }
    attributes.text("network.peer.address", peer_address);
    if let Some(port) = peer.port() {
        attributes.int("network.peer.port", port);
    }
    attributes.text("network.local.address", address(local));
    if let Some(port) = local.port() {
        attributes.int("network.local.port", port);
    }
}

/// An IP address or the path of a unix socket; empty: it has no name.
pub(crate) fn address(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Ip(address) => bounded::ip(address.ip()),
        Endpoint::Unix(path) => match path.split_first() {
            Some((0, name)) => format!("@{}", text::said(name)),
            _ => text::said(path).into_owned(),
        },
    }
}

/// Name and port that the client asked for; the socket's own where it named none.
pub(crate) fn authority(request: &Request) -> (Cow<'_, str>, Option<u16>) {
    if request.host.is_empty() {
        return (Cow::Owned(address(&request.server)), request.server.port());
    }
    let host = match text::said(&request.host) {
        // Userinfo has no place in `Host`, but clients can send anything.
        Cow::Borrowed(host) => Cow::Borrowed(host.rsplit('@').next().unwrap_or_default()),
        Cow::Owned(host) => Cow::Owned(host.rsplit('@').next().unwrap_or_default().to_owned()),
    };
    let split = host.rsplit_once(':').and_then(|(name, port)| {
        let bare_v6 = name.contains(':') && !name.ends_with(']');
        (!bare_v6).then(|| Some((name.len(), port.parse::<u16>().ok()?))).flatten()
    });
    match (split, host) {
        (Some((end, port)), Cow::Borrowed(host)) => {
            (Cow::Borrowed(host.get(..end).unwrap_or_default()), Some(port))
        }
        (Some((end, port)), Cow::Owned(mut host)) => {
            host.truncate(end);
            (Cow::Owned(host), Some(port))
        }
        (None, host) => (host, request.server.port()),
    }
}

/// A query string, secrets replaced.
pub(crate) fn shown_query(query: &[u8]) -> String {
    text::escape(&redact::query(query)).into_owned()
}

/// The URL that the client asked for, secrets replaced.
pub(crate) fn full_url(request: &Request) -> String {
    let (host, port) = authority(request);
    let mut url = format!("http://{host}");
    if let Some(port) = port.filter(|&port| port != 80) {
        url.push(':');
        url.push_str(&port.to_string());
    }
    url.push_str(&text::said(&request.path));
    if let Some(query) = &request.query {
        url.push('?');
        url.push_str(&shown_query(query));
    }
    url
}
