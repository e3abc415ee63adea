//! From the tree of a document to a policy: everything that can be wrong with one alone is said here.
use crate::{
    condition::{Condition, Pattern, RUNTIMES, Subject},
    glob::{Glob, PathGlob},
    terms::{ALWAYS, Actions, GROUPS, Limit, OF_PAYLOAD, Said, Throttle},
};
use guardbee_model::container::Qos;
use guardbee_yaml::{
    Entry, Mark, Node, Value,
    problem::{Problems, nearest, shown, suggest},
    text,
};

/// Keys of a document, and of its parts.
pub(crate) const KEYS: &[&str] =
    &["name", "description", "match", "observe", "leave_out", "payload", "throttle"];
pub(crate) const OF_THROTTLE: &[&str] = &["events_per_second", "burst"];
pub(crate) const PAYLOAD: [&str; 2] = ["read", "never"];
/// All at once, or nothing but what is always observed; no throttle.
pub(crate) const EXTENT: [&str; 2] = ["all", "none"];
pub(crate) const NO_THROTTLE: &str = "none";
/// Events a second, and at once.
pub(crate) const EVENTS: u32 = 1_000_000;
/// Letters of a name.
pub(crate) const NAME: usize = 64;
/// Values of one condition.
const VALUES: usize = 256;
/// The longest name in a path (`NAME_MAX`), and the longest path (`PATH_MAX`).
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4095;
/// Kinds of units that have processes (systemd.unit(5)).
const UNITS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
/// Digits of a container's id that tools show.
const SHORT_ID: usize = 12;
const ID: usize = 64;

/// Words of others, and of other parts of a policy, with ours.
const FOREIGN: &[(&str, &str)] = &[
    ("id", "name"),
    ("title", "name"),
    ("selector", "match"),
    ("scope", "match"),
    ("where", "match"),
    ("exclude", "leave_out"),
    ("ignore", "leave_out"),
    ("events", "observe"),
    ("rate_limit", "throttle"),
    ("rate", "events_per_second"),
    ("limit", "events_per_second"),
    ("service", "unit"),
    ("container_id", "container"),
    ("pod_uid", "pod"),
    ("qos_class", "qos"),
    ("label", "labels"),
];

/// What a document defines.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) mark: Mark,
    /// All hold where the policy does. [`None`]: this is the default.
    pub(crate) conditions: Option<Vec<Condition>>,
    pub(crate) said: Said,
}

/// Checks one document. [`None`]: it is empty, or a problem was reported.
pub(crate) fn document(node: &Node, problems: &mut Problems) -> Option<Draft> {
    if node.is_null() {
        return None;
    }
    let before = problems.errors();
    let Value::Map(entries) = &node.value else {
        let remedy = "a policy is a map with `name`, `match` and what holds there";
        problems.error(node.mark, format!("{} stands where a policy should", node.kind()), remedy);
        return None;
    };
    unknown_keys(entries, "a policy", KEYS, problems);
    let draft = Draft {
        name: name(node, problems),
        description: text(node, "description", problems).map_or("", |(_, text)| text).into(),
        mark: node.mark,
        conditions: node.get("match").map(|entry| conditions(entry, problems)),
        said: said(node, problems),
    };
    (problems.errors() == before).then_some(draft)
}

fn unknown_keys(entries: &[Entry], what: &str, known: &[&str], problems: &mut Problems) {
    guardbee_yaml::unknown_keys(entries, what, known, FOREIGN, problems);
}

fn name(node: &Node, problems: &mut Problems) -> Box<str> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    match text(node, "name", problems) {
        None if node.get("name").is_none() => {
            problems.error(node.mark, "the policy has no `name`", "add `name: some-name`: it is told by it");
        }
        Some((at, name)) if name.is_empty() || name.len() > NAME || !name.chars().all(known) => {
            let message = format!("`{}` can't be a name", shown(name));
            problems.error(at.mark, message, format!("give 1 to {NAME} of the letters a-z A-Z 0-9 - _ ."));
        }
        Some((_, name)) => return name.into(),
        None => {}
    }
    Box::default()
}

fn conditions(entry: &Entry, problems: &mut Problems) -> Vec<Condition> {
    let names = Subject::ALL.map(Subject::name);
    let Value::Map(entries) = &entry.node.value else {
        let message = format!("`match` is a map, not {}", entry.node.kind());
        problems.error(entry.node.mark, message, format!("it knows: {}", names.join(", ")));
        return Vec::new();
    };
    if entries.is_empty() {
        let remedy = "name a cgroup, a unit or a container; to make it the default, remove `match`";
        problems.error(entry.node.mark, "`match` is empty", remedy);
    }
    unknown_keys(entries, "`match`", &names, problems);
    let known = |entry: &&Entry| Subject::ALL.into_iter().find(|subject| subject.name() == &*entry.key);
    let known = entries.iter().filter_map(|entry| Some((known(&entry)?, entry)));
    known.flat_map(|(subject, entry)| condition(subject, entry, problems)).collect()
}

/// A condition; of labels one for each, since all of them must be there.
fn condition(subject: Subject, entry: &Entry, problems: &mut Problems) -> Vec<Condition> {
    let of = |mark, patterns, text: String| Condition { subject, patterns, text: text.into(), mark };
    if subject == Subject::Labels {
        let entries = entry.node.entries();
        if entries.is_empty() {
            let message = format!("`labels` is a map, not {}", entry.node.kind());
            problems.error(entry.node.mark, message, "write `labels: {app: web}`");
        }
        let label = |pair: &Entry| {
            let value = value(subject, &pair.node, problems)?;
            let pattern = Pattern::Label(pair.key.clone(), Glob::new(value));
            Some(of(pair.key_mark, vec![pattern], format!("label {} is {value}", shown(&pair.key))))
        };
        return entries.iter().filter_map(label).collect();
    }
    let items = entry.node.items();
    let name = subject.name();
    if items.is_empty() || items.len() > VALUES {
        let message = format!("`{name}` has {} values: none could match, or too many", items.len());
        problems.error(entry.node.mark, message, format!("give 1 to {VALUES}"));
        return Vec::new();
    }
    let mut patterns = Vec::new();
    let mut written = Vec::new();
    for item in items {
        if let Some(text) = value(subject, item, problems)
            && let Some(pattern) = pattern(subject, text, item.mark, problems)
        {
            patterns.push(pattern);
            written.push(text);
        }
    }
    vec![of(entry.key_mark, patterns, format!("{name} is {}", written.join(" or ")))]
}

/// A value's text, of a length that can occur.
fn value<'a>(subject: Subject, item: &'a Node, problems: &mut Problems) -> Option<&'a str> {
    let Some(text) = item.text() else {
        let message = format!("{} stands where a value of `{}` should", item.kind(), subject.name());
        problems.error(item.mark, message, "write a text, or a list of texts; quote what begins with `*`");
        return None;
    };
    let most = if subject == Subject::Cgroup { PATH_MAX } else { NAME_MAX };
    if text.is_empty() || text.len() > most {
        let message = format!("a value of `{}` has {} bytes", subject.name(), text.len());
        problems.error(item.mark, message, format!("1 to {most} bytes are possible"));
        return None;
    }
    Some(text)
}

fn pattern(subject: Subject, text: &str, mark: Mark, problems: &mut Problems) -> Option<Pattern> {
    match subject {
        Subject::Cgroup => path(text, mark, problems),
        Subject::Unit => unit(text, mark, problems),
        Subject::Runtime => one_of(subject, text, &RUNTIMES, mark, problems),
        Subject::Qos => one_of(subject, text, &Qos::ALL.map(Qos::name), mark, problems),
        Subject::Container if is_short_id(text) => Some(Pattern::Name(Glob::new(&format!("{text}*")))),
        _ => Some(Pattern::Name(Glob::new(text))),
    }
}

/// As tools show it; what runtimes write into a path is the whole.
fn is_short_id(text: &str) -> bool {
    let hex = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    hex && (SHORT_ID..ID).contains(&text.len())
}

fn path(text: &str, mark: Mark, problems: &mut Problems) -> Option<Pattern> {
    let wrong = |problems: &mut Problems, message: String, remedy: &str| {
        problems.error(mark, message, remedy);
        None
    };
    let said = shown(text);
    if !text.starts_with('/') {
        let remedy =
            "paths begin with `/`, at the root of their hierarchy: `guardbee policy explain` lists them";
        return wrong(problems, format!("`{said}` is not the path of a cgroup"), remedy);
    }
    if text.starts_with("/sys/fs/cgroup") {
        let remedy = "leave out where the hierarchy is mounted: write what /proc/PID/cgroup shows";
        return wrong(problems, format!("`{said}` begins with a place to mount at"), remedy);
    }
    if text.contains("**") {
        let remedy = "a path stands for the cgroup and all below it: end it before the `**`";
        return wrong(problems, format!("`**` has no meaning in `{said}`"), remedy);
    }
    if text.split('/').any(|name| name == ".." || name == ".") {
        let remedy = "write the path as /proc/PID/cgroup shows it";
        return wrong(problems, format!("no cgroup has a `.` or `..` as in `{said}`"), remedy);
    }
    Some(Pattern::Path(PathGlob::new(text)))
}

fn unit(text: &str, mark: Mark, problems: &mut Problems) -> Option<Pattern> {
    let possible = text.ends_with('*') || UNITS.iter().any(|suffix| text.ends_with(suffix));
    if !possible || text.contains('/') {
        let remedy = if text.strip_suffix(".slice").is_some() {
            "a slice is a cgroup: match `cgroup: /NAME.slice`".to_owned()
        } else {
            format!("units end in {}: did you mean `{}.service`?", UNITS.join(" "), shown(text))
        };
        problems.error(
            mark,
            format!("`{}` is not the name of a unit that has processes", shown(text)),
            remedy,
        );
        return None;
    }
    Some(Pattern::Name(Glob::new(text)))
}

fn one_of(
    subject: Subject,
    text: &str,
    words: &[&str],
    mark: Mark,
    problems: &mut Problems,
) -> Option<Pattern> {
    if words.contains(&text) {
        return Some(Pattern::Name(Glob::new(text)));
    }
    let remedy = suggest(text, words.iter().copied(), format!("known are: {}", words.join(", ")));
    problems.error(mark, format!("unknown {} `{}`", subject.name(), shown(text)), remedy);
    None
}

fn said(node: &Node, problems: &mut Problems) -> Said {
    let observed = node.get("observe").map(|entry| observed(entry, problems));
    let left_out = node.get("leave_out").map_or(Actions::NONE, |entry| actions(entry, problems));
    let payload = text(node, "payload", problems).and_then(|(at, word)| {
        let known = PAYLOAD.contains(&word);
        if !known {
            let remedy = suggest(word, PAYLOAD, "write `read` or `never`");
            problems.error(at.mark, format!("payload can't be `{}`", shown(word)), remedy);
        }
        known.then_some(word == "read")
    });
    Said {
        observed,
        left_out,
        payload,
        throttle: node.get("throttle").and_then(|entry| throttle(entry, problems)),
    }
}

fn observed(entry: &Entry, problems: &mut Problems) -> Actions {
    match entry.node.text() {
        Some("all") => Actions::ALL,
        Some("none") => Actions::NONE,
        _ => actions(entry, problems),
    }
}

fn actions(entry: &Entry, problems: &mut Problems) -> Actions {
    let items = entry.node.items();
    if items.is_empty() {
        let remedy = "name actions; `observe: none` observes nothing but processes and connections";
        problems.error(entry.node.mark, format!("`{}` is empty", entry.key), remedy);
    }
    items.iter().filter_map(|item| action(&entry.key, item, problems)).fold(Actions::NONE, Actions::or)
}

fn action(key: &str, item: &Node, problems: &mut Problems) -> Option<Actions> {
    let Some(name) = item.text() else {
        let message = format!("{} stands where the name of an action should", item.kind());
        problems.error(item.mark, message, "write names of actions, such as `[file_open, system]`");
        return None;
    };
    let found = Actions::named(name);
    if found.is_some() {
        return found;
    }
    if ALWAYS.contains(&name) {
        if key == "observe" {
            let remedy = "remove it: processes and connections need not be asked for";
            problems.warn(item.mark, format!("`{name}` is always observed"), remedy);
        } else {
            let remedy =
                "remove it: from processes and connections it is known who acts; `throttle` bounds them";
            problems.error(item.mark, format!("`{name}` can't be left out"), remedy);
        }
        return None;
    }
    if OF_PAYLOAD.contains(&name) {
        let remedy = "say `payload: read` or `payload: never`";
        problems.error(item.mark, format!("`{name}` is made of payload"), remedy);
        return None;
    }
    let known = || GROUPS.into_iter().map(|(group, _)| group).chain(Actions::names());
    let remedy = nearest(name, known()).map_or_else(
        || format!("known are: {}", known().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    problems.error(item.mark, format!("unknown action `{}`", shown(name)), remedy);
    None
}

fn throttle(entry: &Entry, problems: &mut Problems) -> Option<Limit> {
    if entry.node.text() == Some(NO_THROTTLE) {
        return Some(Limit::Lifted);
    }
    let Value::Map(entries) = &entry.node.value else {
        let message = format!("`throttle` is a map or `{NO_THROTTLE}`, not {}", entry.node.kind());
        problems.error(entry.node.mark, message, "write `throttle: {events_per_second: 100}`");
        return None;
    };
    unknown_keys(entries, "`throttle`", OF_THROTTLE, problems);
    let per_second = count(&entry.node, "events_per_second", problems);
    if per_second.is_none() && entry.node.get("events_per_second").is_none() {
        problems.error(
            entry.node.mark,
            "the throttle has no `events_per_second`",
            "add `events_per_second: 100`",
        );
    }
    let burst = count(&entry.node, "burst", problems).or(per_second);
    let (events_per_second, burst) = per_second.zip(burst)?;
    Some(Limit::At(Throttle { events_per_second, burst }))
}

fn count(node: &Node, key: &str, problems: &mut Problems) -> Option<u32> {
    let (at, text) = text(node, key, problems)?;
    let number = text.parse().ok().filter(|number| (1..=EVENTS).contains(number));
    if number.is_none() {
        let message = format!("`{key}` can't be `{}`", shown(text));
        problems.error(at.mark, message, format!("write a whole number from 1 to {EVENTS}"));
    }
    number
}
