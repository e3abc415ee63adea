//! A condition as Sigma's selections and the condition over them: macros keep their names where they can.
use super::logic::{Line, Logic};

/// The selections of a rule, and how they are joined.
#[derive(Debug, Default)]
pub(super) struct Detection {
    pub(super) selections: Vec<(String, Selection)>,
    /// Joined by `and`.
    pub(super) condition: Vec<String>,
}

/// What stands under one name: alternatives, of which all lines must hold.
pub(super) type Selection = Vec<Vec<Line>>;

/// A part of the condition, and what binds it.
struct Joined {
    text: String,
    binds: Binds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Or,
    And,
    Not,
    Name,
}

impl Joined {
    /// In parentheses where it binds less than `outer`.
    fn within(self, outer: Binds) -> String {
        if self.binds < outer { format!("({})", self.text) } else { self.text }
    }
}

/// Writes `logic`, which has no constants and nothing missing.
pub(super) fn detection(logic: &Logic) -> Detection {
    let mut out = Detection::default();
    let parts = match logic {
        Logic::And(parts) if shape(logic).is_none() => out.all(parts, "selection"),
        other => vec![out.part(other, "selection")],
    };
    let alone = parts.len() == 1;
    let outer = if alone { Binds::Or } else { Binds::And };
    out.condition = parts.into_iter().map(|part| part.within(outer)).collect();
    out
}

impl Detection {
    fn part(&mut self, logic: &Logic, hint: &str) -> Joined {
        if let Logic::Named(name, inner) = logic {
            return match &**inner {
                // The selection is the contrary of what the name says.
                Logic::Not(_) if shape(inner).is_none() => self.part(inner, &format!("not_{name}")),
                other => self.part(other, name),
            };
        }
        if let Some(selection) = shape(logic) {
            return Joined { text: self.select(hint, selection), binds: Binds::Name };
        }
        match logic {
            Logic::Not(inner) => {
                let hint = if hint == "selection" { "filter" } else { hint };
                let inner = self.part(inner, hint).within(Binds::Name);
                Joined { text: format!("not {inner}"), binds: Binds::Not }
            }
            Logic::And(parts) => {
                let parts: Vec<_> =
                    self.all(parts, hint).into_iter().map(|part| part.within(Binds::And)).collect();
                Joined { text: parts.join(" and "), binds: Binds::And }
            }
            Logic::Or(parts) => self.any(parts, hint),
            // Nothing else is left when this is called.
            _ => Joined { text: String::new(), binds: Binds::Name },
        }
    }

    /// Parts that must all hold: lines that stand alone become one selection.
    fn all(&mut self, parts: &[Logic], hint: &str) -> Vec<Joined> {
        let mut lines: Vec<Line> = Vec::new();
        let mut rest = Vec::new();
        for part in parts {
            match part {
                Logic::Line(line) if !lines.iter().any(|known| key(known) == key(line)) => {
                    lines.push(line.clone());
                }
                other => rest.push(other),
            }
        }
        let mut out = Vec::new();
        if !lines.is_empty() {
            out.push(Joined { text: self.select(hint, vec![lines]), binds: Binds::Name });
        }
        out.extend(rest.into_iter().map(|part| self.part(part, hint)));
        out
    }

    /// Parts of which one must hold: those that are selections, and have no name, become one.
    fn any(&mut self, parts: &[Logic], hint: &str) -> Joined {
        let mut alternatives: Selection = Vec::new();
        let mut rest = Vec::new();
        for part in parts {
            match (part, shape(part)) {
                (Logic::Named(..), _) | (_, None) => rest.push(part),
                (_, Some(selection)) => alternatives.extend(selection),
            }
        }
        let mut out = Vec::new();
        if !alternatives.is_empty() {
            out.push(Joined { text: self.select(hint, alternatives), binds: Binds::Name });
        }
        out.extend(rest.into_iter().map(|part| self.part(part, hint)));
        if out.len() > 1 {
            let parts: Vec<_> = out.into_iter().map(|part| part.within(Binds::And)).collect();
            return Joined { text: parts.join(" or "), binds: Binds::Or };
        }
        out.pop().unwrap_or(Joined { text: String::new(), binds: Binds::Name })
    }

    /// Gives the selection a name that is free, or the one it has already.
    fn select(&mut self, hint: &str, selection: Selection) -> String {
        const RESERVED: [&str; 9] =
            ["condition", "timeframe", "and", "or", "not", "of", "them", "all", "any"];
        let hint = if RESERVED.contains(&hint) { format!("{hint}_") } else { hint.to_owned() };
        let mut name = hint.clone();
        for number in 2_usize.. {
            match self.selections.iter().find(|(known, _)| *known == name) {
                Some((_, same)) if *same == selection => return name,
                Some(_) => name = format!("{hint}_{number}"),
                None => break,
            }
        }
        self.selections.push((name.clone(), selection));
        name
    }
}

fn key(line: &Line) -> (&str, &str, bool) {
    (line.field, &line.modifiers, line.all)
}

/// The selection that says all of `logic`, if one can.
fn shape(logic: &Logic) -> Option<Selection> {
    match logic {
        Logic::Line(line) => Some(vec![vec![line.clone()]]),
        Logic::Named(_, inner) => shape(inner),
        Logic::And(parts) => {
            let mut lines: Vec<Line> = Vec::new();
            for part in parts {
                let [only] = <[Vec<Line>; 1]>::try_from(shape(part)?).ok()?;
                for line in only {
                    if lines.iter().any(|known| key(known) == key(&line)) {
                        return None;
                    }
                    lines.push(line);
                }
            }
            Some(vec![lines])
        }
        Logic::Or(parts) => {
            let mut out = Vec::new();
            for part in parts {
                out.extend(shape(part)?);
            }
            Some(out)
        }
        _ => None,
    }
}
