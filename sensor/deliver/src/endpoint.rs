//! The receiver's address, as configured: parsed once, refused when it would send plain text over a network.
use crate::{Error, Otlp, tls};
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use tonic::transport::Uri;

/// OTLP/gRPC (IANA: opentelemetry).
const DEFAULT_PORT: u16 = 4317;

/// Where to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host to resolve, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The name to be proven; [`None`]: plain text.
    pub(crate) name: Option<ServerName<'static>>,
    /// `:authority` with its scheme.
    pub(crate) origin: Uri,
}

impl Target {
    pub(crate) fn new(otlp: &Otlp) -> Result<Self, Error> {
        let wrong = |problem| Error::Endpoint { endpoint: otlp.endpoint.clone(), problem };
        let uri: Uri = otlp
            .endpoint
            .trim_end_matches('/')
            .parse()
            .map_err(|_| wrong("is no URL; write https://host:4317"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(wrong("has an unknown scheme; write https://host:4317")),
            None => return Err(wrong("has no scheme; write https://host:4317")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("has no host"))?;
        if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
            return Err(wrong("has a path; OTLP/gRPC has none, write https://host:4317"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("has a user name; the sensor proves itself by its certificate"));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if tls && otlp.insecure {
            return Err(wrong("is https but `insecure` is set; remove one of them"));
        }
        if !tls && !otlp.insecure {
            return Err(wrong(
                "is plain text; write https://, or set `insecure` for a receiver on this node",
            ));
        }
        if !tls && !loopback(bare) {
            return Err(wrong("is plain text to another node, which is never sent; write https://"));
        }
        let name = if otlp.server_name.is_empty() { host } else { &otlp.server_name };
        let name = tls.then(|| tls::server_name(name)).transpose()?;
        let port = uri.port_u16().unwrap_or(DEFAULT_PORT);
        let scheme = if tls { "https" } else { "http" };
        let origin = format!("{scheme}://{host}:{port}").parse().map_err(|_| wrong("is no URL"))?;
        Ok(Self { host: bare.to_owned(), port, name, origin })
    }
}

/// By address or by the name that RFC 6761 reserves for it.
fn loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(endpoint: &str, insecure: bool) -> Result<String, String> {
        let otlp = Otlp { endpoint: endpoint.into(), insecure, ..Otlp::default() };
        Target::new(&otlp)
            .map(|target| format!("{} {}", target.host, target.origin))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn usable() {
        assert_eq!(target("https://otel:4317", false).unwrap(), "otel https://otel:4317/");
        assert_eq!(target("https://otel/", false).unwrap(), "otel https://otel:4317/");
        assert_eq!(target("https://[::1]:1", false).unwrap(), "::1 https://[::1]:1/");
        assert_eq!(target("http://127.0.0.1:4317", true).unwrap(), "127.0.0.1 http://127.0.0.1:4317/");
        assert_eq!(target("http://localhost", true).unwrap(), "localhost http://localhost:4317/");
    }

    #[test]
    fn each_mistake_has_its_remedy() {
        for (endpoint, insecure, error) in [
            ("otel:4317", false, "endpoint `otel:4317`: has no scheme; write https://host:4317"),
            ("", false, "endpoint ``: is no URL; write https://host:4317"),
            ("ftp://otel", false, "endpoint `ftp://otel`: has an unknown scheme; write https://host:4317"),
            (
                "https://otel/v1",
                false,
                "endpoint `https://otel/v1`: has a path; OTLP/gRPC has none, write https://host:4317",
            ),
            (
                "https://u@otel",
                false,
                "endpoint `https://u@otel`: has a user name; the sensor proves itself by its certificate",
            ),
            (
                "https://otel",
                true,
                "endpoint `https://otel`: is https but `insecure` is set; remove one of them",
            ),
            (
                "http://127.0.0.1",
                false,
                "endpoint `http://127.0.0.1`: is plain text; write https://, or set `insecure` for a receiver on this node",
            ),
            (
                "http://otel",
                true,
                "endpoint `http://otel`: is plain text to another node, which is never sent; write https://",
            ),
            (
                "https://a_b..c",
                false,
                "server_name: is neither a DNS name nor an IP address; give the name in the receiver's certificate",
            ),
        ] {
            assert_eq!(target(endpoint, insecure).unwrap_err(), error);
        }
    }
}
