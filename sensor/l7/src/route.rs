//! A route guessed from a path: parts that look like ids become `{id}`, so that spans can be grouped.
use guardbee_model::text;

/// Parts kept; what follows becomes `*`.
const PARTS: usize = 12;
/// A longer part is nobody's route.
const PART_BYTES: usize = 40;

/// The route of a raw path.
pub fn template(path: &[u8]) -> Box<str> {
    let mut out = String::with_capacity(path.len().min(128));
    // Most paths need no escape, which is seen faster of the whole.
    let plain = std::str::from_utf8(path).ok().filter(|path| !path.contains('\\'));
    let mut at = 0;
    for (number, part) in path.split(|&byte| byte == b'/').enumerate() {
        let begin = at;
        at += part.len() + 1;
        if number > 0 {
            out.push('/');
        }
        if number > PARTS {
            out.push('*');
            break;
        }
        if looks_like_id(part) {
            out.push_str("{id}");
            continue;
        }
        match plain.and_then(|plain| plain.get(begin..begin + part.len())) {
            Some(part) => out.push_str(part),
            None => out.push_str(&text::escape(part)),
        }
    }
    out.into()
}

fn looks_like_id(part: &[u8]) -> bool {
    if part.is_empty() || part.len() > PART_BYTES {
        return !part.is_empty();
    }
    let (mut digits, mut hex, mut dot) = (0, true, false);
    for &byte in part {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' | b'A'..=b'F' | b'-' => {}
            b'%' | 0x80.. => return true,
            _ => (hex, dot) = (false, dot || byte == b'.'),
        }
    }
    digits == part.len()
        || (hex && digits > 0 && part.len() >= 8)
        // Random text: long, without a dot (a file name), and digits among letters.
        || (part.len() >= 16 && digits >= 3 && !dot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_and_words_are_not() {
        for (path, route) in [
            ("/", "/"),
            ("/users/42", "/users/{id}"),
            ("/users/42/", "/users/{id}/"),
            ("/api/v1/orders", "/api/v1/orders"),
            ("/o/4bf92f35-77b3-4da6-a3ce-929d0e0e4736/x", "/o/{id}/x"),
            ("/commit/deadbeef01", "/commit/{id}"),
            ("/decade/facade", "/decade/facade"),
            ("/s/dQw4w9WgXcQ1a2b3c4", "/s/{id}"),
            ("/static/jquery-3.6.0.min.js", "/static/jquery-3.6.0.min.js"),
            ("/a%20b", "/{id}"),
            (
                "/1/2/3/4/5/6/7/8/9/10/11/12/13/14",
                "/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/*",
            ),
        ] {
            assert_eq!(&*template(path.as_bytes()), route);
        }
    }
}
