//! The YAML of an imported rule, to be read and edited by people.
use super::{
    define_rule::Rule,
    events::Class,
    fields,
    logic::{Line, Logic, Value},
    selections::{self, Selection},
};

/// Columns of a line.
const WIDTH: usize = 110;
/// Characters of a title (rules specification 2.1, title).
const TITLE: usize = 256;
const INDENT: &str = "    ";

/// One document: the rule for one kind of event. `several`: there are documents for others.
pub(super) fn document(rule: &Rule, class: Class, several: bool, logic: &Logic) -> String {
    let mut out = String::new();
    let name = words(&rule.name);
    let title = if several { format!("{name} ({})", class.name()) } else { name };
    let title: String = title.chars().take(TITLE).collect();
    let blanks = title.split(' ').all(|word| scalar(word) == word)
        && scalar(&title.replace(' ', "")).len() < title.len();
    line(&mut out, "title", &if blanks { title } else { scalar(&title) });
    line(&mut out, "id", &id(&rule.name, class));
    if let Some(status) = status(&rule.tags) {
        line(&mut out, "status", status);
    }
    out.push_str("description: >-\n");
    wrap(&mut out, words(&rule.description).split(' '), INDENT);
    let tags: Vec<String> =
        rule.tags.iter().filter_map(|tag| sigma_tag(tag)).map(|tag| scalar(&tag)).collect();
    if !tags.is_empty() {
        values(&mut out, "", "tags", &tags);
    }
    line(&mut out, "logsource", &class.logsource());
    detection(&mut out, logic);
    let (shown, _) = output(&rule.output);
    if !shown.is_empty() {
        let shown: Vec<_> = shown.iter().map(|field| (*field).to_owned()).collect();
        values(&mut out, "", "fields", &shown);
    }
    line(&mut out, "level", rule.level.name());
    out
}

fn detection(out: &mut String, logic: &Logic) {
    let detection = selections::detection(logic);
    out.push_str("detection:\n");
    for (name, selection) in &detection.selections {
        put(out, &format!("{INDENT}{name}:"));
        alternatives(out, selection);
    }
    let condition = detection.condition.join(" and ");
    if condition.len() + 15 <= WIDTH {
        put(out, &format!("{INDENT}condition: {condition}"));
        return;
    }
    put(out, &format!("{INDENT}condition: >-"));
    for (nth, part) in detection.condition.iter().enumerate() {
        let and = if nth > 0 { "and " } else { "" };
        wrap(out, format!("{and}{part}").split(' '), &INDENT.repeat(2));
    }
}

fn alternatives(out: &mut String, selection: &Selection) {
    let indent = INDENT.repeat(2);
    if let [only] = selection.as_slice() {
        for line in only {
            entry(out, &indent, "", line);
        }
        return;
    }
    for lines in selection {
        for (nth, line) in lines.iter().enumerate() {
            entry(out, &indent, if nth == 0 { "- " } else { "  " }, line);
        }
    }
}

fn entry(out: &mut String, indent: &str, lead: &str, line: &Line) {
    let all = if line.all { "|all" } else { "" };
    let key = format!("{lead}{}{}{all}", line.field, line.modifiers);
    let written: Vec<String> = line
        .values
        .iter()
        .map(|value| match value {
            Value::Text(text) => scalar(text),
            Value::Number(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Null => "null".to_owned(),
        })
        .collect();
    values(out, indent, &key, &written);
}

/// `key: value`, or a list that is broken where the line ends.
fn values(out: &mut String, indent: &str, key: &str, all: &[String]) {
    if let [only] = all
        && key != "tags"
        && key != "fields"
    {
        put(out, &format!("{indent}{key}: {only}"));
        return;
    }
    let joined = all.join(", ");
    if indent.len() + key.len() + joined.len() + 4 <= WIDTH {
        put(out, &format!("{indent}{key}: [{joined}]"));
        return;
    }
    put(out, &format!("{indent}{key}:"));
    let deeper = format!("{indent}{INDENT}{}", if key.starts_with(['-', ' ']) { "  " } else { "" });
    let end = all.len().saturating_sub(1);
    let mut row = format!("{deeper}[");
    for (nth, one) in all.iter().enumerate() {
        if nth > 0 && row.len() + one.len() + 2 > WIDTH {
            put(out, row.trim_end());
            row = format!("{deeper} ");
        }
        row.push_str(one);
        row.push_str(if nth == end { "]" } else { ", " });
    }
    put(out, row.trim_end());
}

fn line(out: &mut String, key: &str, value: &str) {
    put(out, &format!("{key}: {value}"));
}

fn put(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// Writes words on as many lines as they need.
pub(super) fn wrap<'w>(out: &mut String, words: impl Iterator<Item = &'w str>, indent: &str) {
    let mut row = indent.to_owned();
    for word in words {
        if row.len() > indent.len() && row.len() + word.len() + 1 > WIDTH {
            put(out, &row);
            indent.clone_into(&mut row);
        }
        if row.len() > indent.len() {
            row.push(' ');
        }
        row.push_str(word);
    }
    put(out, &row);
}

/// On one line, without what is no text.
pub(super) fn words(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A text as a YAML scalar that stays a text, also within `[]`.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            control if control.is_control() => {
                out.extend(format!("\\u{:04x}", u32::from(control)).chars());
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

/// A UUID (RFC 9562, version 8) that is the same whenever the rule is imported.
fn id(name: &str, class: Class) -> String {
    // FNV-1a, 128 bits.
    let hash = format!("guardbee falco\0{name}\0{}", class.name())
        .bytes()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    let versioned = hash & !(0xf000_u128 << 64) | 0x8000_u128 << 64;
    let all = versioned & !(0xc000_u128 << 48) | 0x8000_u128 << 48;
    let hex = format!("{all:032x}");
    let groups: Vec<_> =
        [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().filter_map(|at| hex.get(at)).collect();
    groups.join("-")
}

/// Falco's maturity is Sigma's status.
fn status(tags: &[String]) -> Option<&'static str> {
    tags.iter().find_map(|tag| match tag.as_str() {
        "maturity_stable" => Some("stable"),
        "maturity_incubating" => Some("test"),
        "maturity_sandbox" => Some("experimental"),
        "maturity_deprecated" => Some("deprecated"),
        _ => None,
    })
}

/// ATT&CK in Sigma's way; everything else under a namespace of its own.
fn sigma_tag(tag: &str) -> Option<String> {
    let lower = words(&tag.to_lowercase()).replace(' ', "_");
    if lower.is_empty() || lower.starts_with("maturity_") {
        return None;
    }
    if let Some(tactic) = lower.strip_prefix("mitre_") {
        return Some(format!("attack.{}", tactic.replace('_', "-")));
    }
    let digits = lower.strip_prefix("ta").or_else(|| lower.strip_prefix('t'));
    let technique = digits
        .is_some_and(|digits| digits.len() >= 4 && digits.chars().all(|c| c.is_ascii_digit() || c == '.'));
    Some(if technique { format!("attack.{lower}") } else { format!("falco.{lower}") })
}

/// Fields that an output shows: ours, and those that we have nothing for.
pub(super) fn output(output: &str) -> (Vec<&'static str>, Vec<String>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for part in output.split('%').skip(1) {
        // Transformers keep the field that they are given.
        let part = part.rsplit_once('(').map_or(part, |(before, inner)| {
            let call = before.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '('));
            if call { inner } else { part }
        });
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')));
        let name = end.and_then(|end| part.get(..end)).unwrap_or(part).trim_end_matches('.');
        let rest = part.get(name.len()..).unwrap_or_default();
        let argument = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
        if !name.contains('.') {
            continue;
        }
        let whole = argument.map_or_else(|| name.to_owned(), |argument| format!("{name}[{argument}]"));
        match fields::shown(&whole) {
            Some(field) => {
                if !ours.contains(&field) {
                    ours.push(field);
                }
            }
            None if theirs.contains(&whole) => {}
            None => theirs.push(whole),
        }
    }
    (ours, theirs)
}
