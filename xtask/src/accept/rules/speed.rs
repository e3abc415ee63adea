//! Row d: what an event costs, as a ratio to an independent engine in the same run; memory, loading, correlations.
use super::{corpora, peer, recorded};
use crate::accept::{
    lab::Lab,
    table::{Line, Table, Verdict},
};
use anyhow::Context as _;
use std::time::Instant;

/// Rules, and exec events in a second of a core that are aimed at.
const RATES: [(f64, f64); 3] = [(144.0, 3e6), (1_629.0, 2e6), (10_000.0, 1.5e6)];
/// What is aimed at with the public rules of Linux; how much less the reason explains; the reason.
pub(super) const PUBLIC: f64 = 3e6;
pub(super) const MISSED: f64 = 0.5e6;
const WHY: &str = "half of it is reading fields, putting them into lower case and searching them: these rules look at a dozen, audit's at \
    each argument beside the command line that has it; the rest is evaluating rules that name the programs of these events. Nearer: \
    arguments as parts of the command line's lower case, of a conjunction two texts as a witness";
/// An event at ten thousand rules to one at a hundred.
const FLAT: f64 = 2.0;
/// An event with correlations to one without.
const CORRELATED: f64 = 1.20;
const PARTIALS: f64 = 100_000.0;

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let began = Instant::now();
    if lab.wanted("speed") {
        let suite = peer(lab, "speed", &corpora(lab)?.join("sigma"), &[])?;
        for (what, verdict, figure) in judge(&suite.text)? {
            table.add(Line::new('d', what, verdict, figure, began));
        }
    }
    recorded::run(lab, table);
    Ok(())
}

type Judged = (String, Verdict, String);

/// The value of `key=` in a line.
pub(super) fn value(line: &str, key: &str) -> anyhow::Result<f64> {
    let word = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    word.and_then(|word| word.parse().ok()).with_context(|| format!("no `{key}` in `{line}`"))
}

fn judge(text: &str) -> anyhow::Result<Vec<Judged>> {
    let line = |begin: &str| {
        text.lines().find(|line| line.starts_with(begin)).with_context(|| format!("no `{begin}` in: {text}"))
    };
    let mut out = vec![rate("public rules", line("speed: public ")?, PUBLIC)?];
    let mut costs = Vec::new();
    for (rules, goal) in RATES {
        let line = line(&format!("speed: generated rules={rules} "))?;
        out.push(rate(&format!("{rules} rules"), line, goal)?);
        costs.push(value(line, "ours_ns")?);
    }
    let [few, .., many] = costs.as_slice() else { anyhow::bail!("no costs") };
    let ratio = many / few;
    out.push((
        "flat".to_owned(),
        Verdict::of(ratio <= FLAT),
        format!("x{ratio:.2} the time at 10,000 rules as at 144, goal x{FLAT}"),
    ));
    let last = line("speed: generated rules=10000 ")?;
    let (load, theirs, again) =
        (value(last, "ours_load_us")?, value(last, "theirs_load_us")?, value(last, "reload_us")?);
    out.push((
        "reload of 10,000 rules".to_owned(),
        Verdict::of(again <= theirs),
        format!(
            "x{:.2} the time of the other engine's loading ({:.0} ms for {:.0}); loading x{:.2}",
            again / theirs,
            again / 1e3,
            theirs / 1e3,
            load / theirs
        ),
    ));
    let (ours, theirs) = (value(line("memory: ours ")?, "bytes")?, value(line("memory: theirs ")?, "bytes")?);
    out.push((
        "memory for a rule, 10,000 rules".to_owned(),
        Verdict::of(ours <= theirs),
        format!(
            "x{:.2} the other engine's: {ours} bytes for {theirs}, resident, after loading",
            ours / theirs
        ),
    ));
    let line = line("correlation: ")?;
    let (partials, cost) = (value(line, "partials")?, value(line, "with_ns")? / value(line, "without_ns")?);
    out.push((
        "correlation, 100,000 begun".to_owned(),
        Verdict::of(partials >= PARTIALS && cost <= CORRELATED),
        format!(
            "x{cost:.2} the time of an event without, goal x{CORRELATED:.2}; {partials} begun, one event in {} begins another",
            value(line, "openers")?
        ),
    ));
    Ok(out)
}

/// Events a second: as aimed at, and more than the other engine's.
fn rate(what: &str, line: &str, goal: f64) -> anyhow::Result<Judged> {
    let (ours, theirs) = (value(line, "ours_ns")?, value(line, "theirs_ns")?);
    let (rate, ratio) = (1e9 / ours, theirs / ours);
    let figure = format!(
        "{:.2} M exec events a second of a core, goal {:.1} M: x{ratio:.1} rsigma 0.23.0 in the same run, with its best index and events \
         that were parsed before ({} rules, {} of them evaluated for an event)",
        rate / 1e6,
        goal / 1e6,
        value(line, "rules")?,
        value(line, "evaluated")?
    );
    if what == "public rules" && ratio > 1.0 && (MISSED..goal).contains(&rate) {
        return Ok((what.to_owned(), Verdict::Missed, format!("{figure}; {WHY}")));
    }
    Ok((what.to_owned(), Verdict::of(ratio > 1.0 && rate >= goal), figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_fails() {
        let text = |many: u32, with: u32| {
            let speed = |name: &str, rules: u32, ns: u32| {
                format!(
                    "speed: {name} rules={rules} evaluated=1.5 ours_ns={ns} theirs_ns=9000 ours_load_us=10 theirs_load_us=30 reload_us=20\n"
                )
            };
            format!(
                "{}{}{}{}memory: ours rules=10000 bytes=10\nmemory: theirs rules=10000 bytes=30\ncorrelation: partials=102000 \
                 without_ns=100 with_ns={with} openers=100\n",
                speed("public", 98, 1_000),
                speed("generated", 144, 300),
                speed("generated", 1_629, 400),
                speed("generated", 10_000, many)
            )
        };
        let failed = |text: &str| {
            let lines = judge(text).unwrap();
            lines
                .into_iter()
                .filter(|(_, verdict, _)| *verdict == Verdict::Fail)
                .map(|(what, ..)| what)
                .collect::<Vec<_>>()
        };
        assert!(failed(&text(500, 110)).is_empty());
        assert_eq!(failed(&text(700, 110)), ["10000 rules", "flat"]);
        assert_eq!(
            judge(&text(500, 110))
                .unwrap()
                .iter()
                .filter(|(_, verdict, _)| *verdict == Verdict::Missed)
                .count(),
            1
        );
        assert_eq!(failed(&text(500, 130)), ["correlation, 100,000 begun"]);
        assert!(judge("nothing").is_err());
    }
}
