//! What a rule says of itself: title, id, level, tags, ...
use super::{block, correlation, hint, logsource, suppress::items_of, text};
use crate::{
    date::Date,
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown, suggest},
};
use guardbee_model::finding::{Level, RuleInfo};
use std::sync::Arc;

/// Keys of a document: rules specification 2.1 and correlation rules specification 2.1, what 2.2 and the public rules
/// add, and ours.
pub(super) const KEYS: &[&str] = &[
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "references",
    "author",
    "date",
    "modified",
    "logsource",
    "detection",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "correlation",
    "filter",
    "custom",
    "sigma-version",
    "simulation",
    "regression_tests_path",
    "guardbee",
];
pub(super) const STATUS: &[&str] = &["stable", "test", "experimental", "deprecated", "unsupported"];
pub(super) const RELATED: &[&str] = &["derived", "obsolete", "merged", "renamed", "similar"];
pub(super) const LEVELS: [Level; 5] =
    [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical];
/// The greatest risk.
pub(super) const RISK: u8 = 100;
/// Characters of a title (rules specification 2.1, title).
pub(super) const TITLE: usize = 256;

/// Sigma lets anyone add keys, so a strange one is only wrong if it looks like a known one.
pub(super) fn keys(entries: &[Entry], problems: &mut Problems) {
    for entry in entries.iter().filter(|entry| !KEYS.contains(&&*entry.key)) {
        let message = format!("unknown key `{}`", shown(&entry.key));
        if let Some(place) = place(&entry.key) {
            let message = format!("`{}` stands beside `{place}`, not in it", shown(&entry.key));
            problems.error(entry.key_mark, message, format!("move it below `{place}:`, and indent it"));
            continue;
        }
        match guardbee_yaml::meant(&entry.key, KEYS, hint::KEYS) {
            Some(key) => problems.error(entry.key_mark, message, format!("did you mean `{key}`?")),
            None => problems.warn(
                entry.key_mark,
                format!("{message} is ignored"),
                "data of your own goes under `custom`; what Guardbee adds to Sigma under `guardbee`",
            ),
        }
    }
}

/// The key that one belongs below which stands at the left edge.
fn place(key: &str) -> Option<&'static str> {
    let in_block = |keys: &[&str]| keys.contains(&key);
    match key {
        "condition" | "timeframe" | "selection" => Some("detection"),
        "type" => None,
        _ if in_block(block::OF_RULE) || in_block(block::OF_CORRELATION) => Some("guardbee"),
        _ if in_block(logsource::KEYS) => Some("logsource"),
        _ if in_block(correlation::KEYS) => Some("correlation"),
        _ => None,
    }
}

/// Reads everything that a finding shows of its rule.
pub(super) fn info(node: &Node, problems: &mut Problems) -> Option<Arc<RuleInfo>> {
    let before = problems.errors();
    let title = title(node, problems);
    let id = id(node, problems);
    let level = level(node, problems);
    for key in ["status", "date", "modified", "taxonomy"] {
        checked(node, key, problems);
    }
    let mut owned = |key: &str| {
        text(node, key, problems).map_or_else(Default::default, |(_, text)| Box::<str>::from(text))
    };
    let (name, description, author, license) =
        (owned("name"), owned("description"), owned("author"), owned("license"));
    let tags = list(node, "tags", problems);
    for (mark, tag) in &tags {
        let wrong = match tag.split_once('.') {
            None => "has no namespace",
            Some(("", _) | (_, "")) => "is no name within a namespace",
            Some(_) if tag.contains(',') => "is several in one text",
            Some(_) if tag.contains(char::is_whitespace) => "has a blank",
            Some(_) => continue,
        };
        let remedy = match wrong {
            "is several in one text" => "make a list of them: `tags: [attack.execution, attack.t1059.004]`",
            "has a blank" => "write a dash: `attack.initial-access`",
            _ => "write `namespace.name`, such as `attack.t1059.004`",
        };
        problems.error(*mark, format!("the tag `{}` {wrong}", shown(tag)), remedy);
    }
    related(node, problems);
    let references = list(node, "references", problems);
    let risk = risk(node, problems);
    (problems.errors() == before).then(|| {
        Arc::new(RuleInfo {
            id,
            name,
            title: title.unwrap_or_default(),
            description,
            author,
            license,
            level,
            risk,
            tags: tags.into_iter().map(|(_, tag)| tag).collect(),
            references: references.into_iter().map(|(_, reference)| reference).collect(),
            source: problems.file().into(),
        })
    })
}

fn title(node: &Node, problems: &mut Problems) -> Option<Box<str>> {
    let Some(entry) = node.get("title") else {
        if !hint::misspelt(node, "title") {
            problems.error(node.mark, "the rule has no `title`", "add `title: What It Finds`");
        }
        return None;
    };
    let (at, title) = text(node, "title", problems)?;
    let length = title.chars().count();
    if length == 0 || length > TITLE {
        problems.error(
            at.mark,
            format!("the title has {length} characters"),
            format!("a title has 1 to {TITLE}; details go into `description`"),
        );
    }
    entry.node.text().map(Into::into)
}

fn id(node: &Node, problems: &mut Problems) -> Box<str> {
    let Some((at, id)) = text(node, "id", problems) else { return Box::default() };
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let hex = id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if groups != [8, 4, 4, 4, 12] || !hex {
        problems.error(
            at.mark,
            format!("`{}` is not a UUID", shown(id)),
            "make one with `uuidgen`; a readable name goes into `name`",
        );
    }
    id.to_ascii_lowercase().into()
}

fn level(node: &Node, problems: &mut Problems) -> Level {
    let Some((at, written)) = text(node, "level", problems) else { return Level::Medium };
    if let Some(level) = LEVELS.into_iter().find(|level| level.name() == written) {
        return level;
    }
    let names = LEVELS.map(Level::name);
    problems.error(
        at.mark,
        format!("unknown level `{}`", shown(written)),
        suggest(written, names, format!("levels are: {}", names.join(", "))),
    );
    Level::Medium
}

/// OCSF's `risk_score`, of which it says no more than that it is a whole number: here of a hundred.
fn risk(node: &Node, problems: &mut Problems) -> Option<u8> {
    let at = &items_of(node, "risk")?.node;
    let risk = at.text().and_then(|text| text.parse().ok()).filter(|risk| *risk <= RISK);
    if risk.is_none() {
        let written = at.text().map_or_else(|| at.kind().to_owned(), |text| format!("`{}`", shown(text)));
        problems.error(
            at.mark,
            format!("{written} is no risk"),
            format!("write a whole number from 0 to {RISK}"),
        );
    }
    risk
}

fn checked(node: &Node, key: &str, problems: &mut Problems) {
    let Some((at, written)) = text(node, key, problems) else { return };
    match key {
        "status" if !STATUS.contains(&written) => problems.error(
            at.mark,
            format!("unknown status `{}`", shown(written)),
            suggest(written, STATUS.iter().copied(), format!("a status is one of: {}", STATUS.join(", "))),
        ),
        "taxonomy" if !matches!(written, "sigma" | "guardbee") => problems.error(
            at.mark,
            format!("unknown taxonomy `{}`", shown(written)),
            "fields are Sigma's or OpenTelemetry's: leave `taxonomy` out",
        ),
        "date" | "modified" if !is_date(written) => {
            let remedy = "write it as 2026-11-21: year, month, day";
            problems.error(at.mark, format!("`{}` is not a date", shown(written)), remedy);
        }
        _ => {}
    }
}

/// What the rule has to do with others: nothing here looks at it, but a mistake in it is a mistake.
fn related(node: &Node, problems: &mut Problems) {
    let Some(entry) = node.get("related").filter(|entry| !entry.node.is_null()) else { return };
    for item in entry.node.items() {
        if item.get("id").is_none() || item.get("type").is_none() {
            problems.error(
                item.mark,
                "a related rule has `id` and `type`",
                "write `- {id: ..., type: derived}`",
            );
            continue;
        }
        id(item, problems);
        if let Some((at, written)) = text(item, "type", problems)
            && !RELATED.contains(&written)
        {
            let remedy =
                suggest(written, RELATED.iter().copied(), format!("types are: {}", RELATED.join(", ")));
            problems.error(at.mark, format!("unknown type of relation `{}`", shown(written)), remedy);
        }
    }
}

/// `2026-11-21`, and `2026/11/21` as before Sigma 2.
fn is_date(text: &str) -> bool {
    Date::end_of_day(&text.replace('/', "-")).is_some()
}

/// The texts of a list.
fn list(node: &Node, key: &str, problems: &mut Problems) -> Vec<(Mark, Box<str>)> {
    let Some(entry) = node.get(key) else { return Vec::new() };
    if entry.node.is_null() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for item in entry.node.items() {
        match &item.value {
            Value::Scalar(scalar) => out.push((item.mark, scalar.text.clone())),
            _ => problems.error(
                item.mark,
                format!("`{key}` is a list of texts, not of {}", item.kind().trim_start_matches("a ")),
                format!("write `{key}:` and below it `- text`, a line each"),
            ),
        }
    }
    out
}
