//! Conditions: any text is a condition of these selections that holds as a naive reader says, or an error with its place.
#![no_main]

use guardbee_rules::{Engine, Params, RuleSet};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::Arc;

const NAMES: [&str; 4] = ["sel_a", "sel_b", "other", "_own"];
/// What stands before the condition's text, and in which line it stands.
const HEAD: &str = "title: T
logsource: {product: linux, category: process_creation}
detection:
  sel_a: {Image: /a}
  sel_b: {CurrentDirectory: /b}
  other: {CommandLine: c}
  _own: {ParentImage: /d}
  condition: '";
const LINE: u32 = 8;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    // YAML folds lines and refuses control characters: that is the target `rules`.
    if text.chars().any(char::is_control) {
        return Corpus::Reject;
    }
    let yaml = format!("{HEAD}{}'\n", text.replace('\'', "''"));
    let set = match RuleSet::load(&[("c.yml", &yaml)]) {
        Ok(set) => Arc::new(set),
        Err(problems) => {
            for problem in problems {
                assert!(problem.line > 0 && problem.line <= LINE && problem.column > 0, "{problem}");
                assert!(!problem.message.is_empty() && !problem.remedy.is_empty());
            }
            return Corpus::Keep;
        }
    };
    for number in 0..1_u8 << NAMES.len() {
        let has = |name: &str| {
            NAMES.iter().position(|known| *known == name).is_some_and(|bit| number >> bit & 1 == 1)
        };
        let expected = Reader { words: words(text), has: &has }.or();
        assert_eq!(matches(&set, &has), expected, "{text}: {number:04b}");
    }
    Corpus::Keep
});

fn matches(set: &Arc<RuleSet>, has: &dyn Fn(&str) -> bool) -> bool {
    let value = |name: &str, yes: &'static str| if has(name) { yes } else { "x" };
    let event = format!(
        "{{Image: {}, CurrentDirectory: {}, CommandLine: {}, ParentImage: {}}}",
        value("sel_a", "/a"),
        value("sel_b", "/b"),
        value("other", "c"),
        value("_own", "/d")
    );
    let events = set.read_events(0, "event", &event).expect("plain values");
    let mut engine = Engine::new(Arc::clone(set), Params::default());
    let mut found = Vec::new();
    events.iter().for_each(|event| engine.observe(event, &mut found));
    !found.is_empty()
}

/// Words and parentheses, the last one first.
fn words(text: &str) -> Vec<String> {
    let parted = text.replace('(', " ( ").replace(')', " ) ");
    parted.split_whitespace().rev().map(str::to_owned).collect()
}

/// Reads a condition that was accepted, and says whether it holds.
struct Reader<'a> {
    words: Vec<String>,
    has: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let takes = self.words.last().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if takes {
            self.words.pop();
        }
        takes
    }

    fn or(&mut self) -> bool {
        let mut holds = self.and();
        while self.takes("or") {
            holds |= self.and();
        }
        holds
    }

    fn and(&mut self) -> bool {
        let mut holds = self.one();
        while self.takes("and") {
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        if self.takes("not") {
            return !self.one();
        }
        if self.takes("(") {
            let holds = self.or();
            self.takes(")");
            return holds;
        }
        let word = self.words.pop().expect("it was accepted");
        let quantity = ["1", "any", "all"].iter().any(|quantity| word.eq_ignore_ascii_case(quantity));
        if !quantity || !self.takes("of") {
            return (self.has)(&word);
        }
        let target = self.words.pop().expect("it was accepted");
        let named = |name: &&&str| match target.to_ascii_lowercase().as_str() {
            "them" => !name.starts_with('_'),
            _ => glob(&target, name),
        };
        let mut chosen = NAMES.iter().filter(named);
        if word.eq_ignore_ascii_case("all") {
            chosen.all(|name| (self.has)(name))
        } else {
            chosen.any(|name| (self.has)(name))
        }
    }
}

/// `*` is anything, `?` one character, `\` takes the meaning of what follows it.
fn glob(pattern: &str, name: &str) -> bool {
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            ([b'\\', escaped @ (b'*' | b'?' | b'\\'), rest @ ..], _) => {
                name.first() == Some(escaped) && matches(rest, &name[1..])
            }
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
            ([b'?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
            ([first, rest @ ..], [other, tail @ ..]) => first == other && matches(rest, tail),
            (_, []) => false,
        }
    }
    // Stars in a row are one, else this takes too long.
    let mut short = pattern.to_owned();
    while short.contains("**") {
        short = short.replace("**", "*");
    }
    matches(short.as_bytes(), name.as_bytes())
}
