//! What a set of rules needs of what everything does: what the kernel half may leave out because no rule could match it.
//!
//! For each rule that looks at opened files, names are looked for of which one must be in the path for the rule to match. The
//! kernel compares whole components, so what rules say of parts of them is widened: `/etc/cron*` to the folder `etc`.
use crate::{
    endings::Ending,
    environment,
    field::{Field, Kinds},
    pattern::{Pattern, Piece},
    rule::{Expression, Rule, Test},
    set::RuleSet,
};
use guardbee_model::{
    file::{Attribute, Operation, open_errors},
    watch::{Named, OPENED, Role, Selection},
};

/// Bytes of the longest extension that the kernel half compares, its dot included.
const EXTENSION: usize = 16;

impl RuleSet {
    /// File events and variables without which a rule of this set could miss something.
    pub fn needs(&self) -> Selection {
        let mut needs = selection(&self.rules);
        if self.correlations.iter().any(|one| one.can_fire.is_ok() && one.names(&[Field::FileGiven])) {
            for operation in OPENED {
                needs.given(operation);
            }
        }
        needs
    }
}

/// File events and variables without which one of these rules could miss something.
pub(crate) fn selection<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Selection {
    let mut needs = Selection::default();
    rules.into_iter().for_each(|rule| add(&mut needs, rule));
    needs.widen();
    needs
}

fn add(needs: &mut Selection, rule: &Rule) {
    if rule.can_fire.is_err() {
        return;
    }
    environment::add(needs, rule);
    if !rule.kinds.meets(Kinds::FILE) {
        return;
    }
    let wanted = |operation: &Operation| rule.kinds.meets(Kinds::file(*operation));
    let mut names = names(&rule.condition, true).map(|(_, names)| names);
    let climbs = climbs(&rule.condition);
    if climbs {
        // Few names climb: to look for folders would cost more.
        names = names.and_then(climbing);
    }
    for operation in Operation::ALL.into_iter().filter(wanted) {
        if !OPENED.contains(&operation) {
            needs.all(operation);
            continue;
        }
        match &names {
            Some(names) => names.iter().for_each(|name| needs.named(name.clone(), operation)),
            None if climbs => needs.climbing(operation),
            None => needs.all(operation),
        }
        if rule.names(&[Field::FileGiven]) {
            needs.given(operation);
        }
    }
    if wanted(&Operation::OpenFailed) {
        for word in errors(&rule.condition) {
            needs.error(word);
        }
    }
    if wanted(&Operation::Attribute) {
        let which = attribute(&rule.condition);
        let which = Attribute::ALL.into_iter().filter(|one| which.is_none_or(|only| only == *one));
        which.for_each(|one| needs.attribute(one));
    }
}

/// The only attribute that an event has that fulfils the condition.
fn attribute(condition: &Expression) -> Option<Attribute> {
    match condition {
        Expression::And(parts) => parts.iter().find_map(attribute),
        Expression::Field(Field::FileAttribute, Test::Folded(Pattern::Exact(text))) => {
            Attribute::ALL.into_iter().find(|one| one.name().as_bytes() == text)
        }
        _ => None,
    }
}

/// The errors of which an open has failed with one whenever the condition holds for it.
fn errors(condition: &Expression) -> Vec<&'static str> {
    let of = |holds: &dyn Fn(&str) -> bool| open_errors().filter(|word| holds(word)).collect();
    match condition {
        Expression::And(parts) => {
            let parts: Vec<_> = parts.iter().map(errors).collect();
            of(&|word| parts.iter().all(|words| words.contains(&word)))
        }
        Expression::Or(parts) => {
            let parts: Vec<_> = parts.iter().map(errors).collect();
            of(&|word| parts.iter().any(|words| words.contains(&word)))
        }
        Expression::Field(Field::ErrorType, Test::Folded(pattern)) => {
            of(&|word| pattern.matches(&word.to_ascii_lowercase().into_bytes()))
        }
        Expression::Field(Field::ErrorType, Test::Cased(pattern)) => {
            of(&|word| pattern.matches(word.as_bytes()))
        }
        _ => open_errors().collect(),
    }
}

/// Whether the name that the call was given has `..` in it whenever the condition holds.
fn climbs(condition: &Expression) -> bool {
    match condition {
        Expression::And(conditions) => conditions.iter().any(climbs),
        Expression::Or(conditions) => !conditions.is_empty() && conditions.iter().all(climbs),
        Expression::Field(Field::FileGiven, test) => {
            let climbs = |part: &Part<'_>| part.text.windows(2).any(|pair| pair == b"..");
            parts(test).is_some_and(|parts| !parts.is_empty() && parts.iter().all(climbs))
        }
        _ => false,
    }
}

/// The same names where they climb, if all of them are last components.
fn climbing(names: Vec<Named>) -> Option<Vec<Named>> {
    let climbing = |(role, name)| (role == Role::Name).then_some((Role::Climbing, name));
    names.into_iter().map(climbing).collect()
}

/// Names of which one is in the path whenever `expression` holds, or does not; with what it costs to look for them. [`None`]: it may
/// hold for any path.
fn names(expression: &Expression, holds: bool) -> Option<(usize, Vec<Named>)> {
    match (expression, holds) {
        (Expression::Constant(constant), _) => (*constant != holds).then(Default::default),
        (Expression::Not(inner), _) => names(inner, !holds),
        (Expression::And(parts), true) | (Expression::Or(parts), false) => {
            parts.iter().filter_map(|part| names(part, holds)).min_by_key(|(cost, _)| *cost)
        }
        (Expression::Or(parts), true) | (Expression::And(parts), false) => {
            let (mut sum, mut all) = (0, Vec::new());
            for part in parts {
                let (cost, names) = names(part, holds)?;
                sum += cost;
                all.extend(names);
            }
            Some((sum, all))
        }
        (Expression::Field(field, test), true) => {
            let names: Vec<_> = parts(test)?.iter().map(|text| name(*field, text)).collect::<Option<_>>()?;
            Some((names.iter().map(|(role, _)| cost(*role)).sum(), names))
        }
        (Expression::Field(..), false) | (Expression::Keyword(_), _) => None,
    }
}

/// Folders are many components to look up, and much lies in them.
const fn cost(role: Role) -> usize {
    match role {
        Role::Name | Role::Climbing => 1,
        Role::Extension => 8,
        Role::Folder => 32,
    }
}

/// A text that stands in the value, and where.
struct Part<'a> {
    text: &'a [u8],
    starts: bool,
    ends: bool,
}

/// Texts of which one must stand in the value.
fn parts<'a>(test: &'a Test) -> Option<Vec<Part<'a>>> {
    let one = |text, starts, ends| Some(vec![Part { text, starts, ends }]);
    match test {
        Test::Folded(pattern) | Test::Cased(pattern) => match pattern {
            Pattern::Exact(whole) => one(whole, true, true),
            Pattern::Start(start) => one(start, true, false),
            Pattern::End(end) => one(end, false, true),
            Pattern::EndOne(endings) => {
                let part = |one: &'a Ending| Part { text: &one.text, starts: one.whole, ends: true };
                Some(endings.all().iter().map(part).collect())
            }
            Pattern::Contains(finder) => one(finder.needle(), false, false),
            Pattern::ContainsOne(needles) => {
                let part = |text| Part { text, starts: false, ends: false };
                Some(needles.texts().iter().map(|text| part(text.as_slice())).collect())
            }
            Pattern::Pieces(pieces) => {
                let last = pieces.len().checked_sub(1)?;
                let parts = pieces.iter().enumerate().filter_map(|(at, piece)| match piece {
                    Piece::Text(piece) => Some(Part { text: piece, starts: at == 0, ends: at == last }),
                    Piece::One | Piece::Any | Piece::Dash => None,
                });
                // All of them stand there: the one that says most.
                let worth = |part: &Part<'_>| {
                    (part.ends && part.text.contains(&b'/'), component(part.text).is_some())
                };
                parts.max_by_key(|part| (worth(part), part.text.len())).map(|part| vec![part])
            }
        },
        Test::Regex(regex) if !regex.required.is_empty() => {
            let part = |text| Part { text, starts: false, ends: false };
            Some(regex.required.iter().map(|text| part(text.as_slice())).collect())
        }
        _ => None,
    }
}

/// The name that a path has, whose `field` has the text.
fn name(field: Field, part: &Part<'_>) -> Option<Named> {
    let text = part.text.to_ascii_lowercase();
    let last = || text.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty());
    let slash = text.contains(&b'/');
    let (role, name) = match field {
        Field::FilePath if part.ends && slash => (Role::Name, last()?),
        Field::FileName if part.starts && part.ends => (Role::Name, &*text),
        Field::FilePath | Field::FileName if part.ends && !slash => (Role::Extension, extension(&text)?),
        Field::FileDirectory if part.ends && (slash || part.starts) => (Role::Folder, last()?),
        Field::FilePath | Field::FileDirectory => (Role::Folder, component(&text)?),
        Field::FileExtension if part.starts && part.ends => {
            return Some((Role::Extension, [b".", text.as_slice()].concat().into())).filter(
                |(_, name): &Named| {
                    name.len() <= EXTENSION && !name.get(1..).is_some_and(|rest| rest.contains(&b'.'))
                },
            );
        }
        _ => return None,
    };
    // Other letters than ASCII's have more than one lower case.
    name.is_ascii().then(|| (role, name.into()))
}

/// From the last dot on.
fn extension(text: &[u8]) -> Option<&[u8]> {
    let end = text.get(text.iter().rposition(|byte| *byte == b'.')?..)?;
    (2..=EXTENSION).contains(&end.len()).then_some(end)
}

/// The last component that stands between two slashes.
fn component(text: &[u8]) -> Option<&[u8]> {
    let inner = text.get(text.iter().position(|byte| *byte == b'/')? + 1..)?;
    let inner = inner.get(..inner.iter().rposition(|byte| *byte == b'/')?)?;
    inner
        .rsplit(|byte| *byte == b'/')
        .next()
        .filter(|name| !name.is_empty() && *name != b"." && *name != b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(category: &str, detection: &str) -> Selection {
        let text = format!(
            "title: t\nlogsource: {{product: linux, category: {category}}}\ndetection:\n{detection}level: low\n"
        );
        let set = RuleSet::load(&[("t.yml", &text)]).unwrap_or_else(|problems| panic!("{problems:?}"));
        set.needs()
    }

    fn shown(needs: &Selection) -> Vec<String> {
        let name = |(role, text): &Named| format!("{role:?} {}", String::from_utf8_lossy(text));
        needs.named.keys().map(name).collect()
    }

    #[test]
    fn names_are_what_must_be_in_the_path() {
        for (condition, right) in [
            ("TargetFilename: /etc/Shadow", &["Name shadow"][..]),
            ("TargetFilename|endswith: [/.ssh/id_rsa, .service]", &["Name id_rsa", "Extension .service"]),
            ("TargetFilename|startswith: /etc/cron", &["Folder etc"]),
            ("TargetFilename|startswith: /etc/cron.d/", &["Folder cron.d"]),
            ("TargetFilename|contains: /.aws/", &["Folder .aws"]),
            ("TargetFilename|contains: secret", &[]),
            ("TargetFilename: /home/*/.ssh/authorized_keys", &["Name authorized_keys"]),
            ("TargetFilename: '/proc/*/environ'", &["Name environ"]),
            ("file.name: passwd", &["Name passwd"]),
            ("file.extension: so", &["Extension .so"]),
            ("file.directory: /etc/sudoers.d", &["Folder sudoers.d"]),
            ("TargetFilename|re: '^/etc/(a|b)'", &["Folder etc"]),
            ("TargetFilename|endswith: ä/x", &["Name x"]),
            ("TargetFilename|endswith: /ä", &[]),
            ("Image|endswith: /wget", &[]),
        ] {
            let needs = needs("file_access", &format!("  s: {{{condition}}}\n  condition: s\n"));
            let (mut named, mut right) = (shown(&needs), right.to_vec());
            named.sort();
            right.sort_unstable();
            assert_eq!(named, right, "{condition}");
            assert_eq!(needs.all.is_empty(), !right.is_empty(), "{condition}");
        }
    }

    #[test]
    fn of_what_must_all_hold_one_is_enough_and_of_alternatives_all_are_needed() {
        let both = "  s: {TargetFilename|startswith: /etc/, file.name: passwd}\n  condition: s\n";
        assert_eq!(shown(&needs("file_access", both)), ["Name passwd"]);
        let either = "  a: {TargetFilename: /a/b}\n  n: {TargetFilename|contains: c}\n  condition: a or n\n";
        assert_eq!(needs("file_access", either).all, [Operation::Open]);
        let without = "  a: {TargetFilename: /a/b}\n  n: {TargetFilename: /a/c}\n  condition: a and not n\n";
        assert_eq!(shown(&needs("file_access", without)), ["Name b"]);
    }

    #[test]
    fn names_that_a_call_was_given_are_not_looked_for() {
        let needs = needs("file_event", "  s: {TargetFilename: /etc/shadow}\n  condition: s\n");
        assert_eq!(needs.all, [Operation::Rename, Operation::Link, Operation::Symlink]);
        assert_eq!(needs.named.into_values().next().unwrap(), [Operation::Modify, Operation::Create]);
    }

    #[test]
    fn only_what_climbs_where_a_rule_asks_for_that() {
        let of = |path: &str, given: &str| {
            let detection = format!("  s: {{{path}, guardbee.file.given{given}}}\n  condition: s\n");
            let needs = needs("file_access", &detection);
            assert_eq!(needs.given, [Operation::Open]);
            let climbing = !needs.climbing.is_empty();
            (shown(&needs), climbing, needs.all.len())
        };
        let none = Vec::<String>::new;
        let passwd = "TargetFilename: [/etc/passwd, /etc/group]";
        let both = ["Climbing group", "Climbing passwd"].map(str::to_owned).to_vec();
        assert_eq!(of(passwd, "|contains: ../"), (both.clone(), false, 0));
        assert_eq!(of(passwd, ": '*/../*../*'"), (both, false, 0));
        // Which of the two holds isn't known, or neither says so.
        let names = ["Name group", "Name passwd"].map(str::to_owned).to_vec();
        assert_eq!(of(passwd, "|contains: ['../', './']"), (names.clone(), false, 0));
        assert_eq!(of(passwd, "|endswith: passwd"), (names, false, 0));
        assert_eq!(of("TargetFilename|startswith: /etc/", "|contains: ../"), (none(), true, 0));
        assert_eq!(of("Image: /bin/cat", "|re: '\\.\\./'"), (none(), true, 0));
        assert_eq!(of("Image: /bin/cat", "|contains: './'"), (none(), false, 1));
    }

    #[test]
    fn only_the_errors_that_rules_look_at() {
        let errors = |detection: &str| {
            let text = format!(
                "title: t\nlogsource: {{product: guardbee, service: file_open_failed}}\ndetection:\n{detection}level: low\n"
            );
            RuleSet::load(&[("t.yml", &text)])
                .unwrap_or_else(|problems| panic!("{problems:?}"))
                .needs()
                .errors
        };
        let denied =
            "  s: {TargetFilename: /a, error.type: [permission_denied, not_permitted]}\n  condition: s\n";
        assert_eq!(errors(denied), ["not_permitted", "permission_denied"]);
        let begins =
            "  s: {error.type|startswith: not_}\n  n: {error.type: not_found}\n  condition: s and not n\n";
        assert_eq!(errors(begins), ["not_permitted", "not_found", "not_a_folder"]);
        let either = "  s: {error.type: _OTHER}\n  n: {error.type|cased: busy}\n  condition: s or n\n";
        assert_eq!(errors(either), ["busy", "_OTHER"]);
        let any = "  s: {TargetFilename: /a}\n  condition: s\n";
        assert_eq!(errors(any).len(), open_errors().count());
    }

    #[test]
    fn only_the_attributes_that_rules_look_at() {
        let mode = needs(
            "file_change",
            "  s: {guardbee.file.attribute: mode, guardbee.file.setuid: true}\n  condition: s\n",
        );
        assert_eq!(mode.attributes, [Attribute::Mode]);
        let any = needs("file_change", "  s: {TargetFilename: /bin/ls}\n  condition: s\n");
        assert_eq!(any.attributes, Attribute::ALL);
    }
}
