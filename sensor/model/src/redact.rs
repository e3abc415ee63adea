//! Secrets stay on the node: what everything behind rules sees of URLs and command lines.
//!
//! Rules see raw text; spans, findings, console and sinks see what these functions give. The value goes, the name and
//! the place stay, so that a reader knows that there was one.
use std::borrow::Cow;

/// Stands where a secret was.
pub const REDACTED: &str = "REDACTED";

/// Parts of a parameter's, variable's or option's name (lower-case) that make its value a secret. Signatures of
/// presigned URLs are what the HTTP conventions ask to redact (semantic conventions 1.44, `url.query`).
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "awsaccesskeyid",
    "private_key",
    "private-key",
    "client_secret",
    "credential",
    "authorization",
    "bearer",
    "session",
    "cookie",
    "signature",
    "x-amz-",
    "x-goog-",
];
/// Names that are secret only as a whole.
const SECRET_WHOLE_NAMES: &[&str] = &["sig", "pass", "auth", "key", "code", "sid", "jwt", "pw"];

/// Whether a value under this name is a secret.
pub fn secret_name(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.as_slice();
    SECRET_WHOLE_NAMES.iter().any(|whole| whole.as_bytes() == name)
        || SECRET_NAMES.iter().any(|part| name.windows(part.len()).any(|window| window == part.as_bytes()))
}

/// A query string (without `?`) with the values of secret parameters replaced. `&` and `;` separate.
pub fn query(raw: &[u8]) -> Cow<'_, [u8]> {
    let secret = |pair: &[u8]| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        (value.len() > 1 && secret_name(&percent_decoded(name))).then_some(at)
    };
    if !raw.split(|byte| matches!(byte, b'&' | b';')).any(|pair| secret(pair).is_some()) {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    for pair in raw.split_inclusive(|byte| matches!(byte, b'&' | b';')) {
        let (pair, separator) = match pair.split_last() {
            Some((last @ (b'&' | b';'), pair)) => (pair, Some(*last)),
            _ => (pair, None),
        };
        if let Some(at) = secret(pair) {
            out.extend_from_slice(pair.get(..=at).unwrap_or_default());
            out.extend_from_slice(REDACTED.as_bytes());
        } else {
            out.extend_from_slice(pair);
        }
        out.extend(separator);
    }
    Cow::Owned(out)
}

/// `user:password@` of any URL in `raw` replaced; queries in it as by [`query`].
pub fn urls(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let Some(at) = rest.windows(3).position(|window| window == b"://") {
        let (before, after) = rest.split_at(at + 3);
        out.extend_from_slice(before);
        let end = after
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b' ' | b'"' | b'\''))
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.iter().rposition(|&byte| byte == b'@') {
            Some(at) => {
                out.extend_from_slice(REDACTED.as_bytes());
                out.extend_from_slice(authority.get(at..).unwrap_or_default());
            }
            None => out.extend_from_slice(authority),
        }
        let end = tail.iter().position(|byte| matches!(byte, b' ' | b'"' | b'\'')).unwrap_or(tail.len());
        let (path_and_query, next) = tail.split_at(end);
        match path_and_query.iter().position(|&byte| byte == b'?') {
            Some(at) => {
                let (path, query_part) = path_and_query.split_at(at + 1);
                out.extend_from_slice(path);
                out.extend_from_slice(&query(query_part));
            }
            None => out.extend_from_slice(path_and_query),
        }
        rest = next;
    }
    if out.is_empty() {
        return Cow::Borrowed(raw);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Words of a command line: the value after `--password`, in `--token=...` and `NAME_SECRET=...`, and of URLs.
pub fn args(words: &[Box<[u8]>]) -> Vec<Box<[u8]>> {
    let mut value_of_secret = false;
    words
        .iter()
        .map(|word| {
            let was_value = std::mem::take(&mut value_of_secret);
            if was_value && !word.starts_with(b"-") {
                return REDACTED.as_bytes().into();
            }
            if let Some(at) = word.iter().position(|&byte| byte == b'=') {
                let (name, _) = word.split_at(at);
                if is_name(name) && secret_name(option_name(name)) {
                    return [name, b"=", REDACTED.as_bytes()].concat().into();
                }
            } else if word.starts_with(b"-") && secret_name(option_name(word)) {
                value_of_secret = true;
            }
            urls(word).into()
        })
        .collect()
}

/// Not part of a URL or a script: `NAME` or `--name`.
fn is_name(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn option_name(word: &[u8]) -> &[u8] {
    let dashes = word.iter().take_while(|&&byte| byte == b'-').count();
    word.get(dashes..).unwrap_or_default()
}

/// `%HH` decoded once: `pass%77ord` must not slip by.
fn percent_decoded(name: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match tail {
            [high, low, ..] if first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = decoded {
            out.push(high << 4 | low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Box<[u8]>> {
        line.split(' ').map(|word| word.as_bytes().into()).collect()
    }

    fn shown(line: &str) -> String {
        String::from_utf8(args(&words(line)).join(&b' ')).unwrap()
    }

    #[test]
    fn queries() {
        for (raw, redacted) in [
            ("q=1&lang=de", "q=1&lang=de"),
            ("q=1&token=abc&x=2", "q=1&token=REDACTED&x=2"),
            ("X-Amz-Signature=abc;q", "X-Amz-Signature=REDACTED;q"),
            ("pass%77ord=abc", "pass%77ord=REDACTED"),
            ("sig=abc", "sig=REDACTED"),
            ("design=1", "design=1"),
            ("token=", "token="),
            ("a=b=c&api_key=d=e", "a=b=c&api_key=REDACTED"),
        ] {
            assert_eq!(query(raw.as_bytes()), redacted.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn command_lines() {
        for (raw, redacted) in [
            ("sh -c id", "sh -c id"),
            ("mysql --password=hunter2 db", "mysql --password=REDACTED db"),
            ("tool --token hunter2 run", "tool --token REDACTED run"),
            ("tool --token --run", "tool --token --run"),
            ("env DB_PASSWORD=hunter2 run", "env DB_PASSWORD=REDACTED run"),
            ("curl https://u:hunter2@h/p?sig=x&a=1", "curl https://REDACTED@h/p?sig=REDACTED&a=1"),
            ("curl 'http://h/?token=x' -s", "curl 'http://h/?token=REDACTED' -s"),
        ] {
            assert_eq!(shown(raw), redacted);
        }
    }
}
