//! Why a rule matches an event or not: its parts as a tree, what each came to, and what stood in the event.
use super::outline::{Line, Part, Shape};
use crate::{
    eval::{View, holds},
    field::Field,
    rule::Links,
};
use guardbee_model::text;

/// Values of one field that are shown, and characters of one.
const VALUES: usize = 8;
const SHOWN: usize = 200;
/// Sentences that say what a result is due to.
const REASONS: usize = 3;

/// A part of a rule on one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The part as written: a line of a selection, the selection's name, `1 of filter_*`, ...
    pub text: String,
    /// Where it stands, from 1; 0: nowhere on its own.
    pub line: u32,
    /// From 1, in characters; 0: nowhere on its own.
    pub column: u32,
    /// Of a filter: the file that it stands in.
    pub filter: Option<Box<str>>,
    /// Whether it holds.
    pub holds: bool,
    /// How its parts decide it.
    pub join: Join,
    /// What the event had in the fields that a line looks at.
    pub seen: Vec<Seen>,
    /// What else there is to say: which values of a line decided, what nothing records, why a correlation found nothing.
    pub note: Option<String>,
    /// In the order of the rule.
    pub parts: Vec<Explained>,
}

/// How parts decide the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Each must hold.
    All,
    /// One must hold.
    One,
    /// The part must not hold.
    Not,
    /// It has no parts.
    Line,
}

impl Join {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One => "one",
            Self::Not => "not",
            Self::Line => "line",
        }
    }
}

/// What an event had in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The field's canonical name.
    pub field: &'static str,
    /// Its values, shortened, as UTF-8; none: it was absent.
    pub values: Vec<String>,
}

pub(super) fn explain(part: &Part, view: &mut View<'_>) -> Explained {
    let mut out = Explained {
        line: part.mark.line,
        column: part.mark.column,
        filter: part.filter.clone(),
        ..Explained::of(part.text.to_string())
    };
    match &part.shape {
        Shape::All(parts) | Shape::One(parts) => {
            out.parts = parts.iter().map(|part| explain(part, view)).collect();
            let all = matches!(part.shape, Shape::All(_));
            out.join = if all { Join::All } else { Join::One };
            let mut each = out.parts.iter().map(|part| part.holds);
            out.holds = if all { each.all(|holds| holds) } else { each.any(|holds| holds) };
        }
        Shape::Not(inner) => {
            let inner = explain(inner, view);
            (out.join, out.holds) = (Join::Not, !inner.holds);
            out.parts.push(inner);
        }
        Shape::Line(line) => {
            out.holds = holds(&line.expression, view);
            out.note = line.missing.as_deref().map(|why| format!("never holds: {why}"));
            out.note = out.note.or_else(|| decisive(line, out.holds, view));
            out.seen = line.fields.iter().map(|field| seen(*field, view)).collect();
            // A keyword looks at a dozen fields: those that are absent say nothing.
            if out.seen.len() > 2 {
                out.seen.retain(|seen| !seen.values.is_empty());
            }
        }
        Shape::Actions(_) => {
            out.holds = part.holds(view);
            let action = view.observation().action.name().to_owned();
            out.seen.push(Seen { field: "action", values: vec![action] });
        }
        Shape::Link(_) => {
            out.holds = part.holds(view);
            out.seen.push(seen(Field::Link, view));
        }
    }
    out
}

/// The values of a line that came out as the line did, where others did not.
fn decisive(line: &Line, held: bool, view: &mut View<'_>) -> Option<String> {
    let mut texts = Vec::new();
    for (text, alone) in &line.values {
        if holds(alone, view) == held {
            texts.push(format!("`{text}`"));
        }
    }
    if texts.is_empty() || texts.len() == line.values.len() {
        return None;
    }
    let more = texts.len().saturating_sub(VALUES);
    texts.truncate(VALUES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("because of {}{more}", texts.join(", ")))
}

pub(super) fn seen(field: Field, view: &mut View<'_>) -> Seen {
    let mut values: Vec<String> = view.values(field).take(VALUES + 1).map(shown).collect();
    if values.len() > VALUES {
        values.truncate(VALUES);
        values.push("…".to_owned());
    }
    Seen { field: field.row().name, values }
}

/// A value as it may be printed.
fn shown(value: &[u8]) -> String {
    let text = text::escape(value);
    let mut out = String::new();
    for character in text.chars().take(SHOWN) {
        if character.is_control() { out.extend(character.escape_default()) } else { out.push(character) }
    }
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

impl Explained {
    /// Something that no place in a file says.
    pub(super) fn of(text: String) -> Self {
        Self {
            text,
            line: 0,
            column: 0,
            filter: None,
            holds: false,
            join: Join::Line,
            seen: Vec::new(),
            note: None,
            parts: Vec::new(),
        }
    }

    /// What the result is due to, in sentences: the lines that would have to be otherwise.
    pub fn reasons(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.blame(&mut out);
        let more = out.len().saturating_sub(REASONS);
        out.truncate(REASONS);
        if more > 0 {
            out.push(format!("and {more} more"));
        }
        out
    }

    fn blame(&self, out: &mut Vec<String>) {
        // Where one part is enough to decide, only those that did are to blame.
        let decided = match self.join {
            Join::All => Some(false),
            Join::One => Some(true),
            Join::Not => None,
            Join::Line => return out.push(self.sentence()),
        };
        // Of a correlation the order, the groups and the time are to blame, too.
        out.extend(self.note.clone());
        let enough = decided == Some(self.holds);
        let parts = self.parts.iter().filter(|part| !enough || part.holds == self.holds);
        parts.for_each(|part| part.blame(out));
        if self.parts.is_empty() {
            out.push(self.sentence());
        }
    }

    fn sentence(&self) -> String {
        let verb = if self.holds { "holds" } else { "doesn't hold" };
        let values: Vec<String> = self.seen.iter().map(Seen::sentence).collect();
        let note = self.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        let seen = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        format!("line {} `{}` {verb}{seen}{note}", self.line, self.text)
    }
}

impl Seen {
    /// `process.executable.path is /bin/sh`.
    pub fn sentence(&self) -> String {
        let Self { field, values } = self;
        match values.as_slice() {
            [] => format!("{field} is absent"),
            [only] => format!("{field} is `{only}`"),
            several => format!("{field} is `{}`", several.join("`, `")),
        }
    }
}

/// `link: [exact, inherited]`.
pub(crate) fn link_text(links: Links) -> String {
    let names: Vec<_> = links.kinds().map(guardbee_model::link::LinkKind::name).collect();
    format!("link: [{}]", names.join(", "))
}
