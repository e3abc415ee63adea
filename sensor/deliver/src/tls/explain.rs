//! What a broken connection means: the peer's word and what to do about it.
//!
//! Refusals of certificates come as TLS alerts or as verdicts of our own, deep in the causes of a gRPC status.
use super::Files;
use rustls::{AlertDescription as Alert, CertificateError as Verdict, Error as Tls};
use std::{error::Error, io, path::Path};

/// A cause in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) text: String,
    /// New files are needed, here or at the receiver; trying again alone won't do.
    pub(crate) credential: bool,
}

/// The innermost cause that says something.
pub(crate) fn explain(error: &(dyn Error + 'static), files: Option<&Files>) -> Explanation {
    if let Some(tls) = find::<Tls>(error) {
        return of_tls(tls, files);
    }
    if let Some(alert) = alert_in_words(&innermost(error)) {
        return of_tls(&Tls::AlertReceived(alert), files);
    }
    let text = match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            "connection refused: nobody listens there; is the receiver running, is the port right?".to_owned()
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => {
            "the receiver closed the connection without a reason; its log may say why".to_owned()
        }
        _ => innermost(error),
    };
    Explanation { text, credential: false }
}

/// `io::Error` hides the error it wraps from `source`, so it is opened on the way.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// h2 keeps an error's words, not the error: an alert within a call comes as these.
fn alert_in_words(words: &str) -> Option<Alert> {
    let mut explained = [
        Alert::CertificateRequired,
        Alert::CertificateExpired,
        Alert::CertificateRevoked,
        Alert::UnknownCA,
        Alert::BadCertificate,
        Alert::CertificateUnknown,
        Alert::UnsupportedCertificate,
        Alert::AccessDenied,
    ]
    .into_iter();
    explained.find(|alert| words == Tls::AlertReceived(*alert).to_string())
}

fn of_tls(error: &Tls, files: Option<&Files>) -> Explanation {
    let ours = files.map_or_else(String::new, |files| shown(&files.certificate));
    let authority = files.map_or_else(String::new, |files| shown(&files.ca));
    let text = match error {
        Tls::AlertReceived(alert) => refused(*alert, &ours),
        Tls::InvalidCertificate(verdict) => distrusted(verdict, &authority),
        Tls::InvalidCertRevocationList(error) => {
            format!("a revocation list can't be used: {error:?}; fetch it again from the authority")
        }
        Tls::NoApplicationProtocol => return no_grpc(),
        error => return Explanation { text: format!("TLS failed: {error}"), credential: false },
    };
    Explanation { text, credential: true }
}

/// The peer speaks TLS but not HTTP/2.
pub(crate) fn no_grpc() -> Explanation {
    let text = "the receiver does not speak HTTP/2 (ALPN h2): is this its OTLP/gRPC port, usually 4317?";
    Explanation { text: text.into(), credential: false }
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { "(none)".into() } else { path.display().to_string() }
}

/// What the receiver thinks of our certificate.
fn refused(alert: Alert, ours: &str) -> String {
    let (said, remedy) = match alert {
        Alert::CertificateRequired => {
            return "the receiver demands a client certificate and we have none: set `certificate` and `key`"
                .into();
        }
        Alert::CertificateExpired => ("has expired", "replace it; if it is valid, compare the clocks"),
        Alert::CertificateRevoked => ("is revoked", "have a new one issued and replace it"),
        Alert::UnknownCA => (
            "comes from an authority it does not know",
            "have one issued by an authority that the receiver trusts",
        ),
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate => {
            ("is not acceptable", "look into the receiver's log for the reason, and replace it")
        }
        Alert::AccessDenied => ("gives no access", "allow its name at the receiver"),
        Alert::ProtocolVersion => {
            return "the receiver does not speak TLS 1.3: enable it there; older versions are never used"
                .into();
        }
        Alert::HandshakeFailure => {
            return "the receiver and the sensor have no TLS 1.3 cipher or key exchange in common".into();
        }
        alert => return format!("the receiver ended TLS with the alert {alert:?}; its log may say why"),
    };
    format!("the receiver says that our certificate {ours} {said}: {remedy}")
}

/// What we think of the receiver's certificate.
fn distrusted(verdict: &Verdict, authority: &str) -> String {
    let (said, remedy) = match verdict {
        Verdict::UnknownIssuer => {
            return format!(
                "the receiver's certificate was issued by no authority in {authority}: give the right `ca`, or this is not \
                 the receiver"
            );
        }
        Verdict::Expired | Verdict::ExpiredContext { .. } => ("has expired", "replace it at the receiver"),
        Verdict::NotValidYet | Verdict::NotValidYetContext { .. } => {
            ("is not valid yet", "compare the clocks")
        }
        Verdict::Revoked => ("is revoked", "replace it at the receiver"),
        Verdict::UnknownRevocationStatus => {
            ("is covered by none of the revocation lists", "give the list of the authority that issued it")
        }
        Verdict::ExpiredRevocationList | Verdict::ExpiredRevocationListContext { .. } => {
            ("can't be judged: its revocation list is out of date", "fetch a new one from the authority")
        }
        Verdict::NotValidForName | Verdict::NotValidForNameContext { .. } => {
            return format!(
                "the receiver's certificate is for another name ({verdict}): correct the endpoint, or set `server_name`"
            );
        }
        Verdict::InvalidPurpose | Verdict::InvalidPurposeContext { .. } => {
            ("is not made for servers", "issue it with the extended key usage serverAuth")
        }
        verdict => {
            return format!("the receiver's certificate is unusable ({verdict}): replace it at the receiver");
        }
    };
    format!("the receiver's certificate {said}: {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: impl Error + 'static) -> (String, bool) {
        let explanation = explain(&error, None);
        (explanation.text, explanation.credential)
    }

    #[test]
    fn causes_are_found_however_deep() {
        let alert = Tls::AlertReceived(Alert::CertificateRequired);
        let deep = io::Error::other(io::Error::other(alert));
        let text = "the receiver demands a client certificate and we have none: set `certificate` and `key`";
        assert_eq!(said(deep), (text.into(), true));
    }

    #[test]
    fn an_alert_within_a_call_is_known_by_its_words() {
        let (said, credential) = said(io::Error::other("received fatal alert: CertificateRevoked"));
        assert!(said.contains("is revoked: have a new one issued and replace it") && credential, "{said}");
    }

    #[test]
    fn what_is_no_matter_of_credentials() {
        for (error, text) in [
            (io::ErrorKind::ConnectionRefused.into(), "connection refused: nobody listens there"),
            (io::ErrorKind::ConnectionReset.into(), "the receiver closed the connection without a reason"),
            (io::Error::other(Tls::NoApplicationProtocol), "the receiver does not speak HTTP/2 (ALPN h2)"),
            (io::Error::other("failed to lookup address information"), "failed to lookup address"),
        ] {
            let (said, credential) = said(error);
            assert!(said.starts_with(text) && !credential, "{said}");
        }
    }

    #[test]
    fn each_alert_about_our_certificate_has_a_remedy() {
        for (alert, text) in [
            (Alert::BadCertificate, "is not acceptable: look into the receiver's log"),
            (Alert::AccessDenied, "gives no access: allow its name at the receiver"),
            (Alert::ProtocolVersion, "the receiver does not speak TLS 1.3: enable it there"),
            (Alert::HandshakeFailure, "no TLS 1.3 cipher or key exchange in common"),
            (Alert::InternalError, "ended TLS with the alert InternalError"),
        ] {
            let (said, _) = said(Tls::AlertReceived(alert));
            assert!(said.contains(text), "{said}");
        }
    }
}
