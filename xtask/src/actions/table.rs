//! A table of tests/actions: which public rule finds what, and what is near and none of its business.
use anyhow::{Context as _, bail};
use guardbee_yaml::{Advice, Node, Problems};
use std::{collections::BTreeSet, fs, path::Path};

const ADVICE: Advice = Advice {
    long: "begin another table",
    alias: "write it out",
    merge: "write it out",
    twice: "keep one of them",
};
const KEYS: [&str; 8] = ["rule", "about", "by", "before", "does", "near", "stand_in", "shell_too"];

/// What is done, really, and what must come of it.
#[derive(Debug)]
pub(crate) struct Action {
    /// The public rule: its id, or its title where the language has no ids.
    pub(crate) rule: String,
    /// A title of ours.
    pub(crate) about: String,
    /// Name of the executable whose process the finding must be about.
    pub(crate) by: String,
    /// Shell that either part begins with.
    pub(crate) before: String,
    /// Shell that the rule must find.
    pub(crate) does: String,
    /// Shell that it must not find.
    pub(crate) near: String,
    /// Why a program that does nothing, or another one, has the name of the real one.
    pub(crate) stand_in: Option<String>,
    /// Why the rule finds the action's own shell whatever that does: what is near must then have the name, and not be found.
    pub(crate) shell_too: Option<String>,
}

impl Action {
    /// Whether a finding is one of its rule: of several kinds of event an imported rule has a document for each, which says so
    /// behind its name.
    pub(crate) fn is_of(&self, id: &str, title: &str) -> bool {
        let kind = title.strip_prefix(&self.rule);
        id == self.rule || kind.is_some_and(|kind| kind.is_empty() || kind.starts_with(" ("))
    }
}

/// The actions of a file, in its order; no two are about the same rule.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Action>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&path.display().to_string(), &text)
}

fn parse(name: &str, text: &str) -> anyhow::Result<Vec<Action>> {
    let mut problems = Problems::new(name);
    let documents = guardbee_yaml::documents(text, &ADVICE, &mut problems).unwrap_or_default();
    let (mut actions, mut known) = (Vec::new(), BTreeSet::new());
    for node in documents.iter().flat_map(Node::items) {
        let Some(action) = action(node, &mut problems) else { continue };
        if known.insert(action.rule.clone()) {
            actions.push(action);
        } else {
            problems.error(node.mark, format!("`{}` has an action already", action.rule), "keep one of them");
        }
    }
    let errors: Vec<String> = problems.into_list().iter().map(ToString::to_string).collect();
    if !errors.is_empty() {
        bail!("{}", errors.join("\n"));
    }
    Ok(actions)
}

fn action(node: &Node, problems: &mut Problems) -> Option<Action> {
    guardbee_yaml::unknown_keys(node.entries(), "an action", &KEYS, &[], problems);
    let mut text = |key: &str| guardbee_yaml::text(node, key, problems).map(|(_, text)| text.to_owned());
    let (before, stand_in) = (text("before").unwrap_or_default(), text("stand_in"));
    let shell_too = text("shell_too");
    let needed = ["rule", "about", "by", "does", "near"].map(|key| (key, text(key)));
    if let Some((key, _)) = needed.iter().find(|(_, text)| text.is_none()) {
        problems.error(node.mark, format!("the action has no `{key}`"), format!("write `{key}: ...`"));
    }
    let [rule, about, by, does, near] = needed.map(|(_, text)| text);
    let (rule, about, by, does, near) = (rule?, about?, by?, does?, near?);
    Some(Action { rule, about, by, before, does, near, stand_in, shell_too })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "- {rule: A, about: a, by: id, does: id, near: 'true'}\n";

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| parse("t.yaml", text).unwrap_err().to_string();
        assert!(error("- {rule: A}\n").contains("t.yaml:1:3: error: the action has no `about`"));
        assert!(error(&GOOD.replace("near", "nearly")).contains("unknown key `nearly`"));
        assert!(error(&GOOD.repeat(2)).contains("`A` has an action already"));
    }

    #[test]
    fn a_rule_of_several_kinds_has_several_titles() {
        let [action] = parse("t.yaml", GOOD).unwrap().try_into().unwrap();
        assert!(action.is_of("", "A") && action.is_of("A", "B") && action.is_of("", "A (exec)"));
        assert!(!action.is_of("", "A rule") && !action.is_of("B", "B"));
    }
}
