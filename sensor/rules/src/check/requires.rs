//! `requires` of a rule or a correlation: actions without which it says too little to be believed.
use super::{logsource, suppress::items_of};
use crate::{
    field::Kinds,
    parse::{Mark, Node},
    problem::{Problems, shown, suggest},
    rule::CanFire,
};

/// What a rule can't do without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requires {
    pub(crate) kinds: Kinds,
    pub(crate) mark: Mark,
}

impl Requires {
    /// Reports what of it is not observed for the sake of a rule that looks at `looked_at`.
    pub(crate) fn check(self, looked_at: Kinds, problems: &mut Problems) {
        let observed = looked_at.or(Kinds::ALWAYS);
        for name in
            self.kinds.members().filter(|name| Kinds::named(name).is_some_and(|one| !one.meets(observed)))
        {
            problems.error(
                self.mark,
                format!("`requires` names `{name}`, which the rule does not look at"),
                "leave it out: what no rule looks at is not observed",
            );
        }
    }
}

/// Reads `requires`; and why the rule can't fire if there is no event source for a part of it.
pub(super) fn of(node: &Node, problems: &mut Problems) -> (Requires, CanFire) {
    let mut can_fire = Ok(());
    let Some(entry) = items_of(node, "requires") else {
        return (Requires { kinds: Kinds::NONE, mark: Mark::default() }, can_fire);
    };
    let mut requires = Requires { kinds: Kinds::NONE, mark: entry.node.mark };
    let items = entry.node.items();
    if items.is_empty() {
        problems.error(entry.node.mark, "`requires` is empty", "name actions, or remove it");
    }
    for item in items {
        let name = item.text().unwrap_or_default();
        match Kinds::named(name) {
            Some(kind) => requires.kinds = requires.kinds.or(kind),
            None if logsource::WITHOUT_EVENTS.contains(&name) => {
                can_fire = Err(format!("it requires `{name}`, for which there is no event source yet"));
            }
            None => {
                let names: Vec<_> = Kinds::all_names().collect();
                let remedy =
                    suggest(name, names.iter().copied(), format!("actions are: {}", names.join(", ")));
                problems.error(
                    item.mark,
                    format!("`requires` names `{}`, which is no action", shown(name)),
                    remedy,
                );
            }
        }
    }
    (requires, can_fire)
}
