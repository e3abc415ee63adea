//! What was likely meant: words of other engines, and ways of writing that look right and are not.
use super::value::modifiers;
use crate::{
    field::{self, Found},
    parse::{Node, Value},
    problem::{nearest, shown},
};

/// Keys of other engines and of older versions, with ours.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("timeframe", "timespan"),
    ("window", "timespan"),
    ("groupby", "group-by"),
    ("group_by", "by"),
    ("fields", "by"),
    ("duration", "for"),
    ("period", "for"),
    ("severity", "level"),
    ("priority", "level"),
    ("desc", "description"),
    ("comps", "fields"),
    ("expected", "expect"),
    ("result", "expect"),
];

/// Modifiers of other engines, with what to write here.
const MODIFIERS: &[(&str, &str)] = &[
    ("regex", "write `re`"),
    ("regexp", "write `re`"),
    ("match", "write `re`, or wildcards in the value without a modifier"),
    ("matches", "write `re`, or wildcards in the value without a modifier"),
    ("like", "leave it out: `*` and `?` in a value are wildcards"),
    ("glob", "leave it out: `*` and `?` in a value are wildcards"),
    ("wildcard", "leave it out: `*` and `?` in a value are wildcards"),
    ("equals", "leave it out: without a modifier values are compared as a whole"),
    ("eq", "leave it out: without a modifier values are compared as a whole"),
    ("exact", "leave it out: without a modifier values are compared as a whole"),
    ("in", "leave it out: one of the values in a list is enough"),
    ("any", "leave it out: one of the values in a list is enough"),
    ("or", "leave it out: one of the values in a list is enough"),
    ("and", "write `all`"),
    ("not", "write `neq`, or `not` in the condition"),
    ("ne", "write `neq`, or `not` in the condition"),
    ("begins", "write `startswith`"),
    ("beginswith", "write `startswith`"),
    ("starts", "write `startswith`"),
    ("prefix", "write `startswith`"),
    ("ends", "write `endswith`"),
    ("suffix", "write `endswith`"),
    ("substring", "write `contains`"),
    ("containsall", "write `contains|all`"),
    ("containsany", "write `contains`: one of the values in a list is enough"),
    ("min", "write `gte`"),
    ("ge", "write `gte`"),
    ("max", "write `lte`"),
    ("le", "write `lte`"),
    ("ip", "write `cidr`"),
    ("subnet", "write `cidr`"),
    ("lower", "leave it out: texts are compared without regard to case, unless `cased`"),
    ("upper", "leave it out: texts are compared without regard to case, unless `cased`"),
    ("nocase", "leave it out: texts are compared without regard to case, unless `cased`"),
    ("icase", "leave it out: texts are compared without regard to case, unless `cased`"),
    ("utf8", "leave it out: texts are UTF-8"),
    ("utf16", "write `wide` for little-endian, `utf16be` for big-endian"),
    ("dash", "write `windash`"),
    ("null", "write `exists: false`"),
    ("g", "leave it out: a regular expression is looked for anywhere"),
    ("", "remove the `|` in front of it"),
];

/// Whether a key of this map is likely the misspelt `wanted`: that it lacks `wanted` need not be told too.
pub(super) fn misspelt(map: &Node, wanted: &str) -> bool {
    map.entries().iter().any(|entry| guardbee_yaml::meant(&entry.key, &[wanted], KEYS).is_some())
}

/// What to write in place of an unknown modifier.
pub(super) fn modifier(written: &str) -> Option<String> {
    let trimmed = written.trim();
    if trimmed != written && modifiers::KNOWN.contains(&trimmed) {
        return Some(format!("write `{trimmed}`, without blanks around `|`"));
    }
    let parts: Vec<&str> = written.split([',', '+', '&']).map(str::trim).collect();
    if parts.len() > 1 && parts.iter().all(|part| modifiers::KNOWN.contains(part)) {
        return Some(format!("write `{}`", parts.join("|")));
    }
    if written.len() > 1 && written.bytes().all(|byte| matches!(byte, b'i' | b'm' | b's')) {
        let flags: Vec<String> = written.chars().map(String::from).collect();
        return Some(format!("write `re|{}`", flags.join("|")));
    }
    let foreign = MODIFIERS.iter().find(|(other, _)| other.eq_ignore_ascii_case(written));
    foreign.map(|(_, remedy)| (*remedy).to_owned())
}

/// What to write in place of an unknown field.
pub(super) fn field(written: &str) -> String {
    let shape = shape_of_field(written);
    let near = || nearest(written, field::names()).map(|name| format!("did you mean `{name}`?"));
    let foreign = || {
        let falco = ["evt.", "proc.", "fd.", "thread.", "ka."].iter().any(|part| written.starts_with(part));
        falco.then(|| {
            "the name is Falco's: `guardbee rules import falco FILE` makes rules of ours from its rules"
                .to_owned()
        })
    };
    shape
        .or_else(near)
        .or_else(|| longer(written))
        .or_else(foreign)
        .unwrap_or_else(|| "the names are listed in rules/README.md".to_owned())
}

fn shape_of_field(written: &str) -> Option<String> {
    let known = |name: &str| matches!(field::find(name.trim()), Some(Found::Field(_)));
    if written.trim() != written && known(written) {
        return Some(format!("write `{}`, without blanks", written.trim()));
    }
    if let Some((name, modifier)) = written.rsplit_once(['.', ':', '_'])
        && known(name)
        && modifiers::KNOWN.contains(&modifier)
    {
        return Some(format!("modifiers stand behind `|`: write `{name}|{modifier}`"));
    }
    if let Some((name, _)) = written.split_once('|')
        && known(name)
    {
        return Some(format!("write `{name}`: nothing is compared here"));
    }
    let mut parts = written.split([',', '/', ' ']);
    if parts.clone().count() > 1 && parts.all(known) {
        return Some("a line has one field: write a line for each".to_owned());
    }
    if written.contains(['*', '?']) {
        return Some("names of fields have no wildcards: write a line for each".to_owned());
    }
    if written.contains('%') {
        return Some("placeholders stand in values: write the name of a field".to_owned());
    }
    None
}

/// Names that go on where this one ends.
fn longer(written: &str) -> Option<String> {
    const SHOWN: usize = 5;
    let names = field::names().filter(|name| {
        name.strip_prefix(written).is_some_and(|rest| !written.is_empty() && rest.starts_with('.'))
    });
    let names: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("go on with its name, such as {}", names.join(", ")))
}

/// What to write in place of a map below a field's name.
pub(super) fn nested(name: &str, map: &Node) -> Option<String> {
    let Value::Map(entries) = &map.value else { return None };
    let first = entries.first()?;
    let below = &*first.key;
    if modifiers::KNOWN.contains(&below) {
        return Some(format!("modifiers stand behind the name: write `{}|{below}`", shown(name)));
    }
    let joined = format!("{name}.{below}");
    if let Some(Found::Field(_)) = field::find(&joined) {
        return Some(format!("write the name in one: `{joined}`"));
    }
    let inner = below.split('|').next().unwrap_or_default();
    matches!(field::find(inner), Some(Found::Field(_)))
        .then(|| format!("selections don't stand within each other: move `{}` out", shown(below)))
}

/// What to write in place of a name in a condition that no selection has.
pub(super) fn name(written: &str) -> Option<String> {
    if let Some(rest) = written.strip_prefix('!') {
        return Some(format!("write `not {}`", shown(rest)));
    }
    if written.contains(['*', '?']) {
        return Some(format!("write `1 of {0}` or `all of {0}`", shown(written)));
    }
    if written.contains(['\'', '"']) && !written.contains('=') {
        return Some("names of selections stand without quotes".to_owned());
    }
    if written.contains(['=', '<', '>']) {
        return Some("a condition joins selections: compare the field in one of them".to_owned());
    }
    if written.contains(',') {
        return Some("join the names with `and` or `or`".to_owned());
    }
    None
}

/// What to write in place of a text that is no whole number.
pub(super) fn number(written: &str) -> &'static str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parted =
        |by: char| written.split_once(by).is_some_and(|(one, two)| digits(one) && digits(two.trim()));
    if digits(written) {
        return "no number is as large as that: correct it";
    }
    if parted('-') {
        return "for a range write two lines, one with `|gte`, one with `|lte`";
    }
    if parted(',') || parted(';') {
        return "several numbers are a list, such as [80, 443]";
    }
    if written.starts_with(['<', '>', '=', '!']) {
        return "compare with `|lt`, `|lte`, `|gt`, `|gte` or `|neq` behind the field's name";
    }
    "write digits, such as 443"
}

/// What to write in place of a text that is no IP address.
pub(super) fn address(written: &str) -> &'static str {
    let port = |(address, port): (&str, &str)| {
        address.parse::<std::net::Ipv4Addr>().is_ok() && port.parse::<u16>().is_ok()
    };
    if written.contains('/') {
        return "for a block write `|cidr` behind the field's name";
    }
    if written.rsplit_once(':').is_some_and(port) {
        return "the port has a field of its own: write the address alone";
    }
    "write one such as 10.0.0.1, or a block with `|cidr`"
}

/// Which character of a text keeps it from being a regular expression, from 1.
pub(super) fn place_in_regex(text: &str) -> Option<usize> {
    let offset = match regex_syntax::Parser::new().parse(text).err()? {
        regex_syntax::Error::Parse(error) => error.span().start.offset,
        regex_syntax::Error::Translate(error) => error.span().start.offset,
        _ => return None,
    };
    text.get(..offset).map(|before| before.chars().count() + 1)
}

/// What to do about a text that is no regular expression.
pub(super) fn regex(text: &str, said: &str) -> &'static str {
    if said.contains("look-around") {
        return "Sigma leaves look-around out: write a second selection, and `not` before it in the condition";
    }
    if said.contains("backreference") {
        return "Sigma leaves back-references out: write out what may stand there";
    }
    if said.contains("repetition operator missing") && text.starts_with(['*', '?']) {
        return "for wildcards leave `re` out; in a regular expression write `.*`";
    }
    if said.contains("unrecognized flag") {
        return "flags are modifiers, such as `re|i`; groups are `(...)` and `(?:...)`";
    }
    if said.contains("escape sequence") {
        return "write a plain backslash as two; classes are \\d, \\s, \\w, the ends ^ and $";
    }
    if said.contains("group") {
        return "each `(` needs its `)`; plain ones are `\\(` and `\\)`";
    }
    if said.contains("class") {
        return "each `[` needs its `]`; a plain one is `\\[`";
    }
    "correct it; the syntax is that of RE2, without look-around and back-references, as in Sigma"
}
