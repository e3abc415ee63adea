//! A rule as its author wrote it, beside what was compiled of it: what [`explain`](super::explain) walks through.
use crate::{
    eval::{View, holds},
    field::{Field, Kinds},
    parse::Mark,
    rule::{Expression, Links},
};
use std::sync::Arc;

/// A part of a detection.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// As written, shortened.
    pub(crate) text: Box<str>,
    pub(crate) mark: Mark,
    /// Of a filter: the file that it stands in.
    pub(crate) filter: Option<Box<str>>,
    pub(crate) shape: Shape,
}

/// How a part is decided.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Each of these must hold.
    All(Vec<Arc<Part>>),
    /// One of these must hold.
    One(Vec<Arc<Part>>),
    /// This must not hold.
    Not(Arc<Part>),
    Line(Box<Line>),
    /// What the rule is about.
    Actions(Kinds),
    Link(Links),
}

/// A field with its values, or keywords.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) expression: Expression,
    /// Those that it looks at; none: nothing here records it.
    pub(crate) fields: Vec<Field>,
    /// Each of several values with what it would be alone.
    pub(crate) values: Vec<(Box<str>, Expression)>,
    /// What it asks for and nothing records.
    pub(crate) missing: Option<Box<str>>,
}

impl Part {
    pub(crate) fn new(text: &str, mark: Mark, shape: Shape) -> Arc<Self> {
        Arc::new(Self { text: text.into(), mark, filter: None, shape })
    }

    /// Several of which each must hold; one stands for itself.
    pub(crate) fn all(text: &str, mark: Mark, mut parts: Vec<Arc<Self>>) -> Arc<Self> {
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                Self::new(text, mark, Shape::All(parts))
            }
        }
    }

    /// Whether it holds; the parts of a part are asked for by [`super::explain`].
    pub(crate) fn holds(&self, view: &mut View<'_>) -> bool {
        match &self.shape {
            Shape::All(parts) => parts.iter().all(|part| part.holds(view)),
            Shape::One(parts) => parts.iter().any(|part| part.holds(view)),
            Shape::Not(part) => !part.holds(view),
            Shape::Line(line) => holds(&line.expression, view),
            Shape::Actions(kinds) => kinds.meets(Kinds::of(&view.observation().action)),
            Shape::Link(links) => {
                view.observation().link.as_ref().is_some_and(|link| links.contains(link.kind))
            }
        }
    }
}
