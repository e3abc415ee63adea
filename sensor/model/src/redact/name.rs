//! Names whose values are secrets: of parameters, variables, options, headers, keys.
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Parts of a name (lower-case) that make its value a secret. Signatures of presigned URLs are what the HTTP conventions ask to
/// redact (semantic conventions 1.44, `url.query`).
const PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
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
    "account_key",
    "accountkey",
    "auth_key",
    "auth-key",
    "authkey",
    "private_key",
    "private-key",
    "privatekey",
    "signing_key",
    "signing-key",
    "encryption_key",
    "encryption-key",
    "decryption_key",
    "master_key",
    "master-key",
    "shared_key",
    "shared-key",
    "sharedkey",
    "credential",
    "authorization",
    "bearer",
    "session",
    "sessid",
    "cookie",
    "csrf",
    "xsrf",
    "saml",
    "assertion",
    "signature",
    "x-amz-",
    "x-goog-",
];
/// [`PARTS`] in any case. Were there no room for it, every name would be secret.
static FIND_PARTS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PARTS).ok());
/// Names that are secret as a whole, or as the last of several words: `pass`, `db_pass`, `connect.sid`.
const LAST: &[&str] = &["pass", "pw", "auth", "sid", "jwt", "otp", "psk", "passin", "passout", "creds"];
/// Names that are secret only as a whole: `code`, but not `status_code`.
const WHOLE: &[&str] = &["sig", "key", "code", "pin"];
/// Ends of names of which the value says where the secret is, not what it is.
const PLACES: &[&str] =
    &["file", "path", "dir", "type", "length", "stdin", "fd", "prompt", "name", "expiry", "ttl"];

/// Whether a value under this name is a secret.
pub fn secret_name(name: &[u8]) -> bool {
    // Longer ones are no names.
    if name.is_empty() || name.len() > 128 {
        return false;
    }
    let last = name.rsplit(|byte| matches!(byte, b'_' | b'-' | b'.')).next().unwrap_or(name);
    let is_one_of =
        |all: &[&str], word: &[u8]| all.iter().any(|one| word.eq_ignore_ascii_case(one.as_bytes()));
    if is_one_of(WHOLE, name) || is_one_of(LAST, last) {
        return true;
    }
    FIND_PARTS.as_ref().is_none_or(|parts| parts.is_match(name))
        && !(last.len() < name.len() && is_one_of(PLACES, last))
}

/// A character of names.
pub(super) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// `name` of `--name`, `-name`, `name`.
pub(super) fn of_option(word: &[u8]) -> &[u8] {
    let dashes = word.iter().take_while(|&&byte| byte == b'-').count();
    word.get(dashes..).unwrap_or_default()
}

/// Headers whose value goes on to the end of the line: its words are parts of one secret.
pub(super) fn is_header(name: &[u8]) -> bool {
    const HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
    HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header.as_bytes()))
}

/// Words before the secret in `Authorization` (RFC 9110, 11.4): which kind it is.
pub(super) fn is_scheme(word: &[u8]) -> bool {
    const SCHEMES: [&str; 8] =
        ["basic", "bearer", "digest", "negotiate", "ntlm", "token", "apikey", "aws4-hmac-sha256"];
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// Folders of URLs behind which a secret may be.
pub(super) fn is_place(segment: &[u8]) -> bool {
    const PLACES: [&str; 14] = [
        "reset",
        "invite",
        "invitation",
        "magic",
        "verify",
        "confirm",
        "activate",
        "unsubscribe",
        "share",
        "webhook",
        "webhooks",
        "hooks",
        "services",
        "login",
    ];
    PLACES.iter().any(|place| segment.eq_ignore_ascii_case(place.as_bytes())) || secret_name(segment)
}
