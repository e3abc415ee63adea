//! Findings as the sensor writes them: one OCSF Detection Finding a line.
use super::{export, process::wait_for};
use serde_json::Value;
use std::{
    collections::HashMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

/// A request that a link names.
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) path: String,
    /// As the request had it: from the finding, or from the span that has the request's id.
    pub(crate) nonce: Option<String>,
}

pub(crate) struct Link {
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) requests: Vec<Request>,
    /// Candidates beyond those.
    pub(crate) more: usize,
}

impl Link {
    fn parse(link: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let requests = link["requests"].as_array()?.iter().map(|request| Request {
            id: text(request, "id"),
            trace: text(request, "trace"),
            span: text(request, "span"),
            path: text(request, "path"),
            nonce: nonce_in(&text(request, "query")),
        });
        let more = link["more"].as_u64().and_then(|more| usize::try_from(more).ok()).unwrap_or_default();
        Some(Self {
            kind: text(link, "kind"),
            reason: text(link, "reason"),
            requests: requests.collect(),
            more,
        })
    }

    /// Presented as a fact.
    pub(crate) fn proven(&self) -> bool {
        matches!(self.kind.as_str(), "exact" | "inherited" | "lineage")
    }
}

pub(crate) struct Finding {
    /// The argv word of the action.
    pub(crate) nonce: Option<String>,
    pub(crate) link: Option<Link>,
    /// The whole line.
    pub(crate) event: Value,
}

impl Finding {
    fn parse(text: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(text).ok()?;
        let link = event.pointer("/unmapped/guardbee/link").and_then(Link::parse);
        // The last piece of evidence is the step that completed the finding.
        let acted = event["evidences"]
            .as_array()
            .and_then(|list| list.last())
            .map(|last| &last["process"]["cmd_line"]);
        let nonce = acted.and_then(Value::as_str).and_then(nonce_in);
        Some(Self { nonce, link, event })
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The nonce in a text: `gbn` or `gbx` and digits.
pub(crate) fn nonce_in(text: &str) -> Option<String> {
    let at = text.find("gbn").or_else(|| text.find("gbx"))?;
    let nonce = text.get(at..)?;
    let end = nonce
        .bytes()
        .skip(3)
        .position(|byte| !byte.is_ascii_digit())
        .map_or(nonce.len(), |digits| 3 + digits);
    nonce.get(..end).filter(|_| end > 3).map(str::to_owned)
}

/// Findings that have arrived so far.
pub(crate) struct Findings {
    path: PathBuf,
    /// Bytes of whole lines that were read.
    offset: u64,
    pub(crate) list: Vec<Finding>,
}

impl Findings {
    pub(crate) fn of(path: PathBuf) -> Self {
        Self { path, offset: 0, list: Vec::new() }
    }

    /// Reads what is new.
    pub(crate) fn read(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.offset)).is_err() || file.read_to_end(&mut bytes).is_err() {
            return;
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.offset += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        self.list.extend(text.lines().filter_map(Finding::parse));
    }

    /// Takes the nonces of requests whose query the finding doesn't tell from their spans; false: some have no span yet.
    pub(crate) fn resolve(&mut self, spans: &Path) -> bool {
        let requests =
            || self.list.iter().filter_map(|finding| finding.link.as_ref()).flat_map(|link| &link.requests);
        if requests().all(|request| request.nonce.is_some()) {
            return true;
        }
        let nonces: HashMap<String, Option<String>> = export::spans(spans)
            .iter()
            .filter_map(|span| {
                let id = export::attribute(span, "guardbee.request.id")?;
                // A request may have none.
                Some((id.to_owned(), export::attribute(span, "url.query").and_then(nonce_in)))
            })
            .collect();
        let links = self.list.iter_mut().filter_map(|finding| finding.link.as_mut());
        let mut all = true;
        for request in links.flat_map(|link| &mut link.requests).filter(|request| request.nonce.is_none()) {
            let known = nonces.get(&request.id);
            request.nonce = known.cloned().flatten();
            all &= known.is_some();
        }
        all
    }

    pub(crate) fn with<'a>(&'a self, nonce: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.list.iter().filter(move |finding| finding.nonce.as_deref() == Some(nonce))
    }

    /// Waits until every nonce has a finding; false: some have none. The checker says which.
    pub(crate) fn wait_for_all(&mut self, nonces: &[&str], limit: Duration) -> bool {
        wait_for(limit, || {
            self.read();
            nonces.iter().all(|nonce| self.with(nonce).next().is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces() {
        assert_eq!(nonce_in("sh -c id gbn100001").as_deref(), Some("gbn100001"));
        assert_eq!(nonce_in("nonce=gbx000002&ms=5").as_deref(), Some("gbx000002"));
        assert_eq!(nonce_in("sh -c id gbn"), None);
    }

    #[test]
    fn a_line() {
        let text = r#"{"evidences":[{"process":{"cmd_line":"sh -c id gbn1"}}],"unmapped":{"guardbee":{"link":
            {"kind":"ambiguous","reason":"r","requests":[{"id":"1","query":"nonce=gbn1"},{"id":"2","query":""}],"more":3}}}}"#;
        let found = Finding::parse(&text.replace('\n', "")).unwrap();
        let link = found.link.unwrap();
        assert_eq!((found.nonce.as_deref(), link.proven(), link.more), (Some("gbn1"), false, 3));
        assert_eq!(link.requests[0].nonce.as_deref(), Some("gbn1"));
        assert_eq!(link.requests[1].nonce, None);
    }
}
