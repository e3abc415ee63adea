//! Secrets that show by their own form, wherever they stand.
use memchr::memmem;
use std::ops::Range;

/// A form: how it begins, and how many characters of its alphabet follow at least.
struct Form {
    prefix: &'static str,
    least: usize,
}

const fn form(prefix: &'static str, least: usize) -> Form {
    Form { prefix, least }
}

/// As their issuers document them. What follows is of base64's alphabets, `.`, `_` and `-`.
const FORMS: &[Form] = &[
    form("ghp_", 30),
    form("gho_", 30),
    form("ghu_", 30),
    form("ghs_", 30),
    form("ghr_", 30),
    form("github_pat_", 20),
    form("glpat-", 16),
    form("gldt-", 16),
    form("glrt-", 16),
    form("xoxb-", 10),
    form("xoxp-", 10),
    form("xoxa-", 10),
    form("xoxr-", 10),
    form("xoxs-", 10),
    form("xapp-", 10),
    form("sk_live_", 10),
    form("sk_test_", 10),
    form("rk_live_", 10),
    form("rk_test_", 10),
    form("whsec_", 10),
    form("sk-", 20),
    form("AKIA", 16),
    form("ASIA", 16),
    form("AIza", 30),
    form("ya29.", 10),
    form("GOCSPX-", 20),
    form("npm_", 30),
    form("pypi-", 30),
    form("dop_v1_", 30),
    form("doo_v1_", 30),
    form("hvs.", 16),
    form("hvb.", 16),
    form("SG.", 30),
    form("shpat_", 20),
    form("shpss_", 20),
    form("dckr_pat_", 16),
    form("AGE-SECRET-KEY-1", 20),
    form("PMAK-", 20),
    form("NRAK-", 16),
    form("lin_api_", 20),
    form("figd_", 16),
    form("tskey-", 16),
    form("hf_", 30),
    form("dapi", 32),
];
/// Hashes of crypt(5), from which passwords are guessed.
const HASHES: &[&str] = &["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2"];
/// Of a hash.
const HASH_LEAST: usize = 16;
/// Of a JWT (RFC 7519): two parts of JSON in base64url at least.
const JWT_LEAST: usize = 20;
/// Of a JWT's beginning, in which its first part ends.
const JWT_HEADER: usize = 1024;
/// Of a token's beginning, in which a digit is: whoever repeats a prefix makes it no dearer than that.
const DIGIT_WITHIN: usize = 128;
/// Of the part of a path that looks drawn.
const DRAWN_LEAST: usize = 16;

/// No form has fewer characters, but for hashes, which begin with `$`; no slash is among them.
pub(super) const LEAST: usize = 14;

/// Adds the secrets in `raw`.
pub(super) fn find(raw: &[u8], secrets: &mut Vec<Range<usize>>) {
    pem(raw, secrets);
    let mut at = 0;
    let mut inside = false;
    while let Some(&byte) = raw.get(at) {
        let here = is_of_token(byte) || byte == b'$';
        if here && !inside {
            let rest = raw.get(at..).unwrap_or_default();
            if let Some(length) = token(rest) {
                secrets.push(at..at + length);
                at += length;
                continue;
            }
        }
        // A word may begin behind what joins words.
        inside = here && !matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'=' | b'$');
        at += 1;
    }
}

/// Length of the secret that `rest` begins with.
fn token(rest: &[u8]) -> Option<usize> {
    let first = *rest.first()?;
    if first == b'$' {
        let is_hash = HASHES.iter().any(|hash| rest.starts_with(hash.as_bytes()));
        let length = run(rest, |byte| is_of_token(byte) || matches!(byte, b'$' | b','));
        return (is_hash && length >= HASH_LEAST).then_some(length);
    }
    let begin = rest.get(..LEAST)?;
    if !begin.iter().all(|byte| is_of_token(*byte) && *byte != b'/') {
        return None;
    }
    if rest.starts_with(b"eyJ") {
        let is_of_jwt = |byte| is_of_token(byte) && byte != b'/';
        let begin = rest.get(..rest.len().min(JWT_HEADER)).unwrap_or_default();
        let begin = begin.get(..run(begin, is_of_jwt)).unwrap_or_default();
        let length = || run(rest, is_of_jwt);
        return begin.contains(&b'.').then(length).filter(|length| *length >= JWT_LEAST);
    }
    let form = FORMS.iter().find(|form| rest.starts_with(form.prefix.as_bytes()))?;
    // A drawn text has digits, and soon; `sk-learn-contrib-packages` has none.
    let body = rest.get(form.prefix.len()..)?;
    let begin = body.get(..body.len().min(DIGIT_WITHIN)).unwrap_or_default();
    let is_of_form = |byte| is_of_token(byte) && byte != b'/';
    let begin = begin.get(..run(begin, is_of_form)).unwrap_or_default();
    let drawn = begin.len() >= form.least && begin.iter().any(u8::is_ascii_digit);
    drawn.then(|| run(rest, is_of_form))
}

fn run(rest: &[u8], is: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len())
}

const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=')
}

/// Private keys as text (RFC 7468), to their end or that of the text.
fn pem(raw: &[u8], secrets: &mut Vec<Range<usize>>) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const KEY: &[u8] = b"PRIVATE KEY";
    const END: &[u8] = b"-----END ";
    let mut from = 0;
    while let Some(begin) = position(raw, BEGIN, from) {
        let label = raw.get(begin + BEGIN.len()..).unwrap_or_default();
        let label = label.get(..run(label, |byte| byte != b'-')).unwrap_or_default();
        let body = begin + BEGIN.len() + label.len();
        from = body;
        if position(label, KEY, 0).is_some() {
            let end = position(raw, END, body).unwrap_or(raw.len());
            secrets.push(begin..end);
            from = end;
        }
    }
}

fn position(raw: &[u8], what: &[u8], from: usize) -> Option<usize> {
    memmem::find(raw.get(from..)?, what).map(|at| from + at)
}

/// Long enough to be a secret behind what says that it is one.
pub(super) fn is_long(word: &[u8]) -> bool {
    word.len() >= DRAWN_LEAST && word.iter().all(|byte| is_of_token(*byte))
}

/// Long, of letters and digits: nobody typed it.
pub(super) fn is_drawn(segment: &[u8]) -> bool {
    let digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = segment.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    segment.len() >= DRAWN_LEAST
        && digits >= 2
        && letters >= 2
        && segment.iter().all(|byte| is_of_token(*byte) || matches!(byte, b'~' | b':' | b'%'))
}

/// Characters of the shortest secret that has a form of its own.
#[cfg(test)]
pub(super) fn shortest() -> usize {
    FORMS.iter().map(|form| form.prefix.len() + form.least).min().unwrap_or(0).min(JWT_LEAST).min(DRAWN_LEAST)
}
