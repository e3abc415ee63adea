//! Which variables of environments rules ask for: secrets live in others, which never leave the kernel.
use crate::{
    endings::Ending,
    field::Field,
    pattern::{Pattern, Piece},
    rule::{Expression, Rule, Test},
};
use guardbee_model::watch::Selection;
use regex_syntax::{
    ParserBuilder,
    hir::{
        Look,
        literal::{ExtractKind, Extractor},
    },
};

/// Adds what the rule asks for.
pub(crate) fn add(needs: &mut Selection, rule: &Rule) {
    named(&rule.condition, needs);
    rule.exceptions.iter().for_each(|exception| named(&exception.condition, needs));
}

fn named(expression: &Expression, needs: &mut Selection) {
    match expression {
        Expression::Not(inner) => named(inner, needs),
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| named(part, needs)),
        Expression::Field(Field::Environment, test) => {
            let names = variables(test).unwrap_or_default().into_iter();
            needs.variables.extend(names.map(|name| name.to_ascii_lowercase().into_boxed_slice()));
        }
        // None is looked through where nobody names a variable.
        Expression::Field(Field::EnvironmentCut, _) => {
            needs.variables.insert(b"ld_preload".as_slice().into());
        }
        Expression::Field(..) | Expression::Constant(_) | Expression::Keyword(_) => {}
    }
}

/// The names of which one is that of any variable that passes. [`None`]: it could be any.
pub(crate) fn variables(test: &Test) -> Option<Vec<Vec<u8>>> {
    match test {
        Test::Folded(Pattern::EndOne(endings)) => {
            let of = |ending: &Ending| if ending.whole { name(&ending.text) } else { None };
            endings.all().iter().map(of).collect()
        }
        Test::Folded(pattern) | Test::Cased(pattern) => Some(vec![name(start(pattern)?)?]),
        Test::Regex(regex) => {
            let [ignore_case, multi_line, dot_all] = regex.flags;
            let mut parser = ParserBuilder::new();
            parser.case_insensitive(ignore_case).multi_line(multi_line).dot_matches_new_line(dot_all);
            let hir = parser.unicode(false).utf8(false).build().parse(regex.compiled.as_str()).ok()?;
            if !hir.properties().look_set_prefix().contains(Look::Start) {
                return None;
            }
            let starts = Extractor::new().kind(ExtractKind::Prefix).extract(&hir);
            starts.literals()?.iter().map(|start| name(start.as_bytes())).collect()
        }
        Test::Cidr(_)
        | Test::Number(..)
        | Test::Time(..)
        | Test::Before(_)
        | Test::Reference(_)
        | Test::Exists => None,
    }
}

/// The text with which whatever the pattern matches begins.
fn start(pattern: &Pattern) -> Option<&[u8]> {
    match pattern {
        Pattern::Exact(text) | Pattern::Start(text) => Some(text),
        Pattern::Pieces(pieces) => match pieces.first()? {
            Piece::Text(text) => Some(text),
            Piece::One | Piece::Any | Piece::Dash => None,
        },
        Pattern::End(_) | Pattern::EndOne(_) | Pattern::Contains(_) | Pattern::ContainsOne(_) => None,
    }
}

/// What is before the first `=`. Other letters than ASCII's have more than one lower case.
fn name(start: &[u8]) -> Option<Vec<u8>> {
    let end = start.iter().position(|byte| *byte == b'=').filter(|end| *end > 0)?;
    start.get(..end).filter(|name| name.is_ascii()).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use crate::set::RuleSet;

    fn load(condition: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "title: t\nlogsource: {{product: linux, category: process_creation}}\ndetection:\n  s: {{{condition}}}\n  \
             condition: s\nlevel: low\n"
        );
        let set = RuleSet::load(&[("t.yml", &text)])
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        Ok(set.needs().variables.iter().map(|one| name(one)).collect())
    }

    #[test]
    fn variables_that_conditions_name_are_asked_for() {
        for (condition, right) in [
            ("process.env_vars: LD_PRELOAD=/tmp/x.so", &["ld_preload"][..]),
            ("process.env_vars|startswith: [LD_PRELOAD=, LD_AUDIT=/tmp/]", &["ld_audit", "ld_preload"]),
            ("process.env_vars: 'HTTP_PROXY=*://10.*'", &["http_proxy"]),
            ("process.env_vars|cased: 'Path=*'", &["path"]),
            ("process.env_vars|re: '^LD_(PRELOAD|AUDIT)=(.*:)?/tmp/'", &["ld_audit", "ld_preload"]),
            ("CommandLine|contains: LD_PRELOAD=", &[]),
            ("guardbee.process.environment_cut: true", &["ld_preload"]),
        ] {
            assert_eq!(load(condition).unwrap(), right, "{condition}");
        }
    }

    #[test]
    fn a_condition_that_names_no_variable_is_an_error() {
        for condition in [
            "process.env_vars|contains: LD_PRELOAD=",
            "process.env_vars|endswith: .so",
            "process.env_vars: '*=/tmp/x'",
            "process.env_vars: LD_PRELOAD",
            "process.env_vars: =x",
            "process.env_vars|re: 'LD_PRELOAD=/tmp/'",
            "process.env_vars|re: '^LD_.*=/tmp/'",
            "process.env_vars|exists: true",
            "process.env_vars: null",
            "process.env_vars|fieldref: Image",
        ] {
            let said = load(condition).expect_err(condition);
            assert!(said.contains("names no variable"), "{condition}: {said}");
        }
    }
}
