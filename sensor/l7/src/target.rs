//! The four forms of a request target (RFC 9112 section 3.2).

/// A target, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// Path, raw; `*` and empty (CONNECT) as they are.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
    /// Host and port, of the absolute and authority forms, without user info.
    pub authority: Option<&'a [u8]>,
}

/// Takes `target` apart. A fragment, which nobody should send, stays where it is.
pub fn split<'a>(method: &[u8], target: &'a [u8]) -> Target<'a> {
    if method == b"CONNECT" {
        return Target { path: b"", query: None, authority: Some(target) };
    }
    let (authority, rest) = match target.windows(3).position(|window| window == b"://") {
        Some(at) if !target.starts_with(b"/") && target.iter().take(at).all(u8::is_ascii_alphanumeric) => {
            let after = target.get(at + 3..).unwrap_or_default();
            let end = after.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(after.len());
            let (authority, rest) = after.split_at(end);
            (authority.rsplit(|&byte| byte == b'@').next(), rest)
        }
        _ => (None, target),
    };
    match rest.iter().position(|&byte| byte == b'?') {
        Some(at) => Target { path: or_root(rest.get(..at)), query: rest.get(at + 1..), authority },
        None => Target { path: or_root(Some(rest)), query: None, authority },
    }
}

fn or_root(path: Option<&[u8]>) -> &[u8] {
    path.filter(|path| !path.is_empty()).unwrap_or(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (method, target, path, query, authority) in [
            ("GET", "/a?b=c", "/a", Some("b=c"), None),
            ("GET", "/a?", "/a", Some(""), None),
            ("GET", "/r?to=http://x/", "/r", Some("to=http://x/"), None),
            ("GET", "http://u:p@h:80/a?b", "/a", Some("b"), Some("h:80")),
            ("GET", "http://h", "/", None, Some("h")),
            ("OPTIONS", "*", "*", None, None),
            ("CONNECT", "h:443", "", None, Some("h:443")),
        ] {
            let expected = Target {
                path: path.as_bytes(),
                query: query.map(str::as_bytes),
                authority: authority.map(str::as_bytes),
            };
            assert_eq!(split(method.as_bytes(), target.as_bytes()), expected, "{target}");
        }
    }
}
