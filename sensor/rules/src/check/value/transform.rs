//! What modifiers make of a written value before it is compared: dashes and encodings.
use super::modifiers::Change;
use crate::pattern::{DASHES, Piece, pieces};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Dashes of a value that is encoded: each stands for five.
const MOST_DASHES: usize = 4;

/// Why a value can't be changed: message and remedy.
pub(super) type Refused = (String, &'static str);

/// The written value after all changes; several where one has several forms.
pub(super) fn variants(written: &str, changes: &[Change]) -> Result<Vec<Vec<Piece>>, Refused> {
    let mut all = vec![pieces(written)];
    for change in changes {
        let mut next = Vec::new();
        for one in all {
            match change {
                Change::Dash => next.push(dashes(&one)),
                Change::Wide => each(&one, &mut next, |one| wide(one, u16::to_le_bytes))?,
                Change::WideBig => each(&one, &mut next, |one| wide(one, u16::to_be_bytes))?,
                Change::WideMarked => each(&one, &mut next, |one| {
                    let mut marked = wide(one, u16::to_le_bytes)?;
                    match marked.first_mut() {
                        Some(Piece::Text(text)) => drop(text.splice(0..0, [0xff, 0xfe])),
                        _ => marked.insert(0, Piece::Text(vec![0xff, 0xfe])),
                    }
                    Ok(marked)
                })?,
                Change::Base64 => each(&one, &mut next, |one| Ok(vec![Piece::Text(encode(plain(one)?))]))?,
                Change::Base64Offset => {
                    for one in spelt_out(&one)? {
                        let bytes = plain(&one)?;
                        if bytes.len() < 2 {
                            return Err((
                                "one byte leaves nothing certain in base64".to_owned(),
                                "give a longer value",
                            ));
                        }
                        next.extend((0..3).map(|shift| vec![Piece::Text(within(bytes, shift))]));
                    }
                }
            }
        }
        all = next;
    }
    Ok(all)
}

/// Encodes each spelling of `one`.
fn each(
    one: &[Piece],
    out: &mut Vec<Vec<Piece>>,
    encode: impl Fn(&[Piece]) -> Result<Vec<Piece>, Refused>,
) -> Result<(), Refused> {
    for spelling in spelt_out(one)? {
        out.push(encode(&spelling)?);
    }
    Ok(())
}

/// Sigma's `windash`: each dash of the text stands for any.
fn dashes(pieces: &[Piece]) -> Vec<Piece> {
    let mut out = Vec::new();
    for piece in pieces {
        let Piece::Text(text) = piece else {
            out.push(piece.clone());
            continue;
        };
        let mut plain = String::new();
        for character in String::from_utf8_lossy(text).chars() {
            if DASHES.contains(&character) {
                if !plain.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut plain).into_bytes()));
                }
                out.push(Piece::Dash);
            } else {
                plain.push(character);
            }
        }
        if !plain.is_empty() {
            out.push(Piece::Text(plain.into_bytes()));
        }
    }
    out
}

/// Every spelling of the dashes, neighbouring texts joined.
fn spelt_out(pieces: &[Piece]) -> Result<Vec<Vec<Piece>>, Refused> {
    if pieces.iter().filter(|piece| **piece == Piece::Dash).count() > MOST_DASHES {
        return Err((
            format!("the value has more than {MOST_DASHES} dashes, each of which stands for five"),
            "encode a shorter part of it",
        ));
    }
    let mut all: Vec<Vec<Piece>> = vec![Vec::new()];
    for piece in pieces {
        if *piece == Piece::Dash {
            let spellings = all.iter().flat_map(|one| DASHES.iter().map(move |dash| (one, dash)));
            all = spellings.map(|(one, dash)| joined(one.clone(), dash.to_string().as_bytes())).collect();
        } else {
            for one in &mut all {
                *one = match piece {
                    Piece::Text(text) => joined(std::mem::take(one), text),
                    other => [std::mem::take(one), vec![other.clone()]].concat(),
                };
            }
        }
    }
    Ok(all)
}

fn joined(mut pieces: Vec<Piece>, more: &[u8]) -> Vec<Piece> {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.extend_from_slice(more),
        _ => pieces.push(Piece::Text(more.to_vec())),
    }
    pieces
}

/// UTF-16 of the texts; `*` stays what it is.
fn wide(pieces: &[Piece], bytes: fn(u16) -> [u8; 2]) -> Result<Vec<Piece>, Refused> {
    let encoded = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| {
                ("the value is no text any more when it comes to UTF-16".to_owned(), "encode it once")
            })?;
            Ok(Piece::Text(text.encode_utf16().flat_map(bytes).collect()))
        }
        Piece::Any => Ok(Piece::Any),
        Piece::One | Piece::Dash => Err((
            "`?` can't be encoded in UTF-16: it may be two bytes or four".to_owned(),
            r"write `\?` for a plain question mark, or `*`",
        )),
    });
    encoded.collect()
}

/// The text of a value without wildcards.
fn plain(pieces: &[Piece]) -> Result<&[u8], Refused> {
    match pieces {
        [Piece::Text(text)] => Ok(text),
        [] => Err(("nothing can't be encoded".to_owned(), "give a value")),
        _ => Err((
            "wildcards can't be encoded in base64".to_owned(),
            r"write `\*` and `\?` for plain ones, or values without them",
        )),
    }
}

/// The characters of the base64 of anything that has `text` after `shift` bytes (modulo 3) that `text` alone decides.
fn within(text: &[u8], shift: usize) -> Vec<u8> {
    let mut shifted = vec![0; shift];
    shifted.extend_from_slice(text);
    let encoded = encode(&shifted);
    // A character is six bits: the first ones also hold bits of what stands before, the last ones of what follows.
    let first = (shift * 8).div_ceil(6);
    let whole = shifted.len() * 8 / 6;
    encoded.get(first..whole).unwrap_or_default().to_vec()
}

/// Base64 of RFC 4648, section 4, padded.
fn encode(bytes: &[u8]) -> Vec<u8> {
    STANDARD.encode(bytes).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(written: &str, changes: &[Change]) -> Vec<String> {
        let show = |one: Vec<Piece>| {
            let parts = one.into_iter().map(|piece| match piece {
                Piece::Text(text) => text.escape_ascii().to_string(),
                Piece::One => "<one>".into(),
                Piece::Any => "<any>".into(),
                Piece::Dash => "<dash>".into(),
            });
            parts.collect::<String>()
        };
        match variants(written, changes) {
            Ok(all) => all.into_iter().map(show).collect(),
            Err((message, _)) => vec![message],
        }
    }

    #[test]
    fn encodings_are_those_of_the_appendix() {
        use Change::{Base64, Base64Offset, Wide, WideBig, WideMarked};
        assert_eq!(texts("cmd", &[Wide]), [r"c\x00m\x00d\x00"]);
        assert_eq!(texts("cmd", &[WideBig]), [r"\x00c\x00m\x00d"]);
        assert_eq!(texts("cmd", &[WideMarked]), [r"\xff\xfec\x00m\x00d\x00"]);
        assert_eq!(texts("a*b", &[Wide]), [r"a\x00<any>b\x00"]);
        // RFC 4648, section 10.
        for (text, right) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(texts(text, &[Base64]), [right]);
        }
        assert_eq!(texts("/bin/bash", &[Base64Offset]), ["L2Jpbi9iYXNo", "9iaW4vYmFza", "vYmluL2Jhc2"]);
        assert_eq!(texts("foobar", &[Base64Offset]), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        assert_eq!(texts(r"a\*b", &[Base64]), ["YSpi"]);
        assert!(texts("a*b", &[Base64])[0].contains("wildcards"));
        assert!(texts("a?b", &[Wide])[0].contains('?'));
    }

    /// Whatever stands before and after, the base64 of the whole has one of the three forms.
    #[test]
    fn an_offset_form_is_in_every_whole() {
        for text in ["a-longer text", "abcd", "abcde", "abcdef"] {
            let forms = texts(text, &[Change::Base64Offset]);
            for before in 0..6 {
                for after in 0..4 {
                    let whole = format!("{}{text}{}", "x".repeat(before), "y".repeat(after));
                    let encoded = String::from_utf8(encode(whole.as_bytes())).unwrap();
                    let form = &forms[before % 3];
                    assert!(encoded.contains(form.as_str()), "{form} in {encoded}");
                }
            }
        }
    }

    #[test]
    fn dashes_stand_for_each_other_and_are_spelt_out_before_an_encoding() {
        assert_eq!(texts(" -f \u{2014}x", &[Change::Dash]), [" <dash>f <dash>x"]);
        let spelt = texts("-f", &[Change::Dash, Change::Base64]);
        assert_eq!(spelt.len(), 5);
        assert_eq!(spelt[..2], ["LWY=", "L2Y="]);
        assert!(texts("-----", &[Change::Dash, Change::Wide])[0].contains("dashes"));
    }
}
