//! `FCGI_PARAMS`: name-value pairs (specification 1.0, section 3.4) with the names of CGI/1.1 (RFC 3875 section 4.1).
use crate::{
    authorization,
    fact::{Fields, RequestHead, VALUE_BYTES},
};

/// More of them is not kept.
pub(crate) const PARAMS_BYTES: usize = 16 * 1024;

/// The head that a server was asked with; [`None`]: it is no web request, or its method or target is missing.
pub(crate) fn head(params: &[u8]) -> Option<Box<RequestHead>> {
    let mut head = Box::<RequestHead>::default();
    let (mut script, mut path_info, mut query) = (&b""[..], &b""[..], &b""[..]);
    head.minor_version = 1;
    for (name, value) in Pairs(params) {
        match name {
            b"REQUEST_METHOD" => head.method = cut(value),
            b"REQUEST_URI" => head.target = cut(value),
            b"SCRIPT_NAME" => script = value,
            b"PATH_INFO" => path_info = value,
            b"QUERY_STRING" => query = value,
            b"SERVER_PROTOCOL" => head.minor_version = u8::from(value != b"HTTP/1.0"),
            _ => field(&mut head.fields, name, value),
        }
    }
    if head.target.is_empty() {
        // The target is no part of CGI/1.1: every server gives it, but none must.
        let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
        head.target = cut(&[script, path_info, mark, query].concat());
    }
    let token = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    let is_method = !head.method.is_empty() && head.method.iter().all(token);
    (is_method && !head.target.is_empty()).then_some(head)
}

fn field(fields: &mut Fields, name: &[u8], value: &[u8]) {
    let slot = match name {
        b"HTTP_HOST" => &mut fields.host,
        b"HTTP_USER_AGENT" => &mut fields.user_agent,
        b"HTTP_REFERER" => &mut fields.referer,
        b"HTTP_TRACEPARENT" => &mut fields.traceparent,
        b"HTTP_X_FORWARDED_FOR" => &mut fields.x_forwarded_for,
        b"HTTP_FORWARDED" => &mut fields.forwarded,
        b"CONTENT_TYPE" => &mut fields.content_type,
        // Whom the web server has let in; else who it said it is.
        b"REMOTE_USER" => &mut fields.user,
        b"HTTP_AUTHORIZATION" => {
            fields.user = fields.user.take().or_else(|| authorization::user(value));
            return;
        }
        _ => return,
    };
    // nginx gives each of them, empty where the request has none.
    if !value.is_empty() {
        *slot = Some(cut(value));
    }
}

fn cut(value: &[u8]) -> Box<[u8]> {
    value.get(..VALUE_BYTES).unwrap_or(value).into()
}

/// Pairs that are whole.
struct Pairs<'a>(&'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = length(self.0)?;
        let (value, rest) = length(rest)?;
        let (name, rest) = rest.split_at_checked(name)?;
        let (value, rest) = rest.split_at_checked(value)?;
        self.0 = rest;
        Some((name, value))
    }
}

/// One byte, or four of which the highest bit is set.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let (long, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_be_bytes(*long) & 0x7fff_ffff).ok()?, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Pairs as a web server writes them.
    pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in pairs {
            for length in [name.len(), value.len()] {
                match u8::try_from(length).ok().filter(|length| *length < 0x80) {
                    Some(short) => out.push(short),
                    None => out.extend((u32::try_from(length).unwrap() | 1 << 31).to_be_bytes()),
                }
            }
            out.extend(name.as_bytes());
            out.extend(value.as_bytes());
        }
        out
    }

    #[test]
    fn a_head() {
        let long = "q".repeat(300);
        let target = format!("/a/b.php/x?{long}");
        let mut given = vec![
            ("QUERY_STRING", long.as_str()),
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/a/b.php"),
            ("PATH_INFO", "/x"),
            ("SERVER_PROTOCOL", "HTTP/1.0"),
            ("HTTP_HOST", "shop"),
            ("HTTP_COOKIE", "secret"),
            ("HTTP_USER_AGENT", ""),
            ("HTTP_AUTHORIZATION", "Basic bWU6aHVudGVyMg=="),
        ];
        let found = head(&pairs(&given)).unwrap();
        assert_eq!((&*found.method, &*found.target), (&b"POST"[..], target.as_bytes()));
        assert_eq!(found.minor_version, 0);
        assert_eq!(found.fields.host.as_deref(), Some(&b"shop"[..]));
        assert_eq!((found.fields.user_agent, found.fields.user.as_deref()), (None, Some(&b"me"[..])));
        given.extend([("REQUEST_URI", "/pretty"), ("REMOTE_USER", "bob")]);
        let found = head(&pairs(&given)).unwrap();
        assert_eq!((&*found.target, found.fields.user.as_deref()), (&b"/pretty"[..], Some(&b"bob"[..])));
    }

    #[test]
    fn no_head() {
        for given in
            [&[][..], &[("REQUEST_METHOD", "GET")], &[("REQUEST_URI", "/")], &[("REQUEST_METHOD", "G T")]]
        {
            assert_eq!(head(&pairs(given)), None, "{given:?}");
        }
        let mut cut = pairs(&[("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/abc")]);
        cut.pop();
        assert_eq!(head(&cut), None);
        assert_eq!(head(&[0xff; 9]), None);
    }
}
