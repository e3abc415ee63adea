//! `guardbee rules test`.
use super::{load, problem_json};
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use anyhow::Context as _;
use guardbee_rules::{Branch, Listed, RuleSet, TestResult, Verdict};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode, sync::Arc};

/// Branches without a test that are shown of each rule.
const SHOWN: usize = 4;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rule files, or folders of them; default: the shipped pack.
    paths: Vec<PathBuf>,
    /// Also write the results as JUnit XML, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// One JSON document instead of the table.
    #[arg(long)]
    json: bool,
}

/// A rule with what became of its tests.
struct Tested {
    rule: Listed,
    results: Vec<TestResult>,
    branches: Vec<Branch>,
}

impl Tested {
    fn reached(&self) -> usize {
        self.branches.iter().filter(|branch| branch.reached).count()
    }

    fn failures(&self) -> impl Iterator<Item = &guardbee_rules::Problem> {
        self.results.iter().filter_map(TestResult::failure)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(set) = load(&args.paths, args.json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let all = tested(&set);
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&all)).with_context(|| format!("write {}", path.display()))?;
    }
    if args.json {
        outln!("{:#}", report(&all));
    } else {
        set.warnings().iter().for_each(super::show);
        out!("{}", terminal::table(&all.iter().flat_map(rows).collect::<Vec<_>>()));
        for failure in all.iter().flat_map(Tested::failures) {
            outln!("{}", terminal::paint(&failure.to_string(), Tone::Bad));
        }
        outln!("{}", summary(&all));
    }
    let failed = all.iter().any(|one| one.failures().next().is_some());
    Ok(if failed { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
}

fn tested(set: &Arc<RuleSet>) -> Vec<Tested> {
    let mut results = set.run_tests().into_iter().peekable();
    let one = |(place, rule): (usize, Listed)| {
        let mut of_rule = Vec::new();
        while let Some(result) = results.next_if(|result| result.place == place) {
            of_rule.push(result);
        }
        Tested { rule, results: of_rule, branches: set.coverage(place) }
    };
    set.rules().into_iter().enumerate().map(one).collect()
}

/// A line for each rule, and one for each branch that no test reaches.
fn rows(one: &Tested) -> Vec<Vec<(String, Tone)>> {
    let (all, failed) = (one.results.len(), one.failures().count());
    let skipped = one.results.iter().any(|result| matches!(result.verdict, Verdict::Skipped(_)));
    let (word, tone) = match (&one.rule.can_fire, all, failed) {
        (_, 0, _) => ("no tests".to_owned(), Tone::Warn),
        (Err(why), ..) if skipped => (format!("{all} skipped: can't fire: {why}"), Tone::Warn),
        (_, _, 0) => (format!("{all} passed"), Tone::Good),
        _ => (format!("{failed} of {all} failed"), Tone::Bad),
    };
    let plain = |text: String| (text, Tone::Plain);
    let branches = match one.branches.len() {
        0 => String::new(),
        all => format!("{} of {all} branches", one.reached()),
    };
    let mut out = vec![vec![plain(one.rule.info.title.to_string()), (word, tone), plain(branches)]];
    let missed: Vec<_> = one.branches.iter().filter(|branch| !branch.reached).collect();
    if all > 0 && !skipped {
        let line = |branch: &&Branch| {
            let what = if branch.holds { "in no test holds" } else { "holds in every test" };
            let text = format!("  line {}: {what}: {}", branch.line, branch.text);
            vec![(text, Tone::Plain)]
        };
        out.extend(missed.iter().take(SHOWN).map(line));
        if missed.len() > SHOWN {
            out.push(vec![plain(format!("  and {} more: see --json", missed.len() - SHOWN))]);
        }
    }
    out
}

fn summary(all: &[Tested]) -> String {
    let results = || all.iter().flat_map(|one| &one.results);
    let failed = results().filter(|result| result.failure().is_some()).count();
    let skipped = results().filter(|result| matches!(result.verdict, Verdict::Skipped(_))).count();
    let untested = all.iter().filter(|one| one.results.is_empty()).count();
    let reached: usize = all.iter().map(Tested::reached).sum();
    let branches: usize = all.iter().map(|one| one.branches.len()).sum();
    let tests = results().count();
    format!(
        "{} rules, {untested} without tests; {tests} tests: {} passed, {failed} failed, {skipped} skipped; {reached} of \
         {branches} branches reached",
        all.len(),
        tests - failed - skipped,
    )
}

fn report(all: &[Tested]) -> Value {
    let rules: Vec<_> = all
        .iter()
        .map(|one| {
            let info = &one.rule.info;
            json!({
                "title": info.title,
                "id": info.id,
                "file": info.source,
                "can_fire": one.rule.can_fire.is_ok(),
                "tests": one.results.iter().map(result).collect::<Vec<_>>(),
                "branches": one.branches.iter().map(branch).collect::<Vec<_>>(),
                "branches_reached": one.reached(),
            })
        })
        .collect();
    json!({ "rules": rules, "summary": summary(all) })
}

fn result(result: &TestResult) -> Value {
    let (word, why) = match &result.verdict {
        Verdict::Passed => ("passed", Value::Null),
        Verdict::Failed(problem) => ("failed", problem_json(problem)),
        Verdict::Skipped(why) => ("skipped", json!({ "message": why })),
    };
    json!({ "name": result.name, "line": result.line, "result": word, "why": why })
}

fn branch(branch: &Branch) -> Value {
    let Branch { text, line, column, holds, reached } = branch;
    json!({ "text": text, "line": line, "column": column, "holds": holds, "reached": reached })
}

/// A suite for each rule, in the form that Jenkins, GitLab and GitHub's actions read.
fn junit(all: &[Tested]) -> String {
    let skipped = |one: &&TestResult| matches!(one.verdict, Verdict::Skipped(_));
    let counts = |results: &[&TestResult]| {
        let failed = results.iter().filter(|one| one.failure().is_some()).count();
        let skipped = results.iter().filter(|one| skipped(one)).count();
        format!(r#"tests="{}" failures="{failed}" errors="0" skipped="{skipped}""#, results.len())
    };
    let every: Vec<&TestResult> = all.iter().flat_map(|one| &one.results).collect();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"guardbee rules\" {}>\n",
        counts(&every)
    );
    for one in all.iter().filter(|one| !one.results.is_empty()) {
        let title = xml(&one.rule.info.title);
        let results: Vec<_> = one.results.iter().collect();
        let head = format!("  <testsuite name=\"{title}\" {}>\n", counts(&results));
        out.extend([head]);
        out.extend(results.into_iter().map(junit_case));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn junit_case(result: &TestResult) -> String {
    let [title, file, name] = [&result.rule.title, &result.rule.source, &result.name].map(|text| xml(text));
    let line = result.line;
    let body = match &result.verdict {
        Verdict::Passed => "/>\n".to_owned(),
        Verdict::Failed(problem) => format!(
            ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
            xml(&problem.message),
            xml(&problem.to_string())
        ),
        Verdict::Skipped(why) => format!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(why)),
    };
    format!("    <testcase classname=\"{title}\" name=\"{name}\" file=\"{file}\" line=\"{line}\"{body}")
}

/// As XML 1.0 allows it: it has no way at all to write most control characters.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                out.extend(character.escape_default());
            }
            other => out.push(other),
        }
    }
    out
}
