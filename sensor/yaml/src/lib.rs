//! YAML text to a tree that knows line and column of every node, and what is wrong with it.
//!
//! Rules and policies come from other people: text, depth, nodes and what aliases unfold to are bounded, and what exceeds a
//! bound is refused before it costs anything. No I/O.
#![forbid(unsafe_code)]

mod complaint;
mod expect;
pub mod problem;
mod read;

pub use expect::{meant, text, unknown_keys};
pub use problem::{Problem, Problems, Severity};
pub use read::{Advice, documents};

/// A place in a file, both from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// From 1; 0: nowhere.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Mark {
    /// The same line, `characters` further.
    #[must_use]
    pub fn right(self, characters: usize) -> Self {
        let characters = u32::try_from(characters).unwrap_or(u32::MAX);
        Self { column: self.column.saturating_add(characters), ..self }
    }
}

/// How a scalar was written: only a plain one can be null, and only on one line are columns known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In quotes, or with a tag.
    Quoted,
    /// After `|` or `>`.
    Block,
}

/// A scalar, always kept as the text that was written.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// Without quotes, unescaped.
    pub text: Box<str>,
    /// How it was written.
    pub style: Style,
}

impl Scalar {
    /// YAML's null, not an empty string.
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order in which it was written; each key once.
    Map(Vec<Entry>),
}

/// A node and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it holds.
    pub value: Value,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where that begins.
    pub key_mark: Mark,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The text of a scalar that isn't null.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// YAML's null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list, or the node itself as the only one.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The entry of a map with this key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// "a list", for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(items) if items.is_empty() => "an empty list",
            Value::List(_) => "a list",
            Value::Map(entries) if entries.is_empty() => "an empty map",
            Value::Map(_) => "a map",
        }
    }
}
