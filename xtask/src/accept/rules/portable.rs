//! Row a, the other way round: our rules as other Sigma tools read them, and what is not given to them since it would fire more often there.
use super::wrong::test;
use crate::accept::{lab::Lab, rows::part, suite::Suite, table::Table};
use anyhow::{Context as _, ensure};
use std::{process::Command, time::Duration};

/// The interpreter's library is fetched each time; the build may need more.
const LIMIT: Duration = Duration::from_mins(15);

pub(super) fn run(lab: &Lab, table: &mut Table) {
    part(lab, table, 'a', "our rules in pySigma", || {
        let suite = Suite::of(lab, "pysigma", Command::new("tests/interop/pysigma/run.sh"), LIMIT)?;
        ensure!(suite.passed, "{}", suite.complaint());
        let number = |word: &str| {
            suite.numbers(word).next().with_context(|| format!("the script did not print `{word}`"))
        };
        // `rules convert` says: 9 files: 5 converted, 4 refused.
        let (converted, refused) = (number("files: ")?, number("converted, ")?);
        let (parsed, rules, errors) = (number("parsed: ")?, number("rules: ")?, number("errors: ")?);
        let figure = format!(
            "{converted} of {} files of ours mean the same elsewhere: `rules convert` makes Sigma of them, {rules} rules, of which pySigma 2.0.1 \
             finds {errors} wrong",
            converted + refused
        );
        Ok((converted > 0 && parsed == converted && rules >= parsed && errors == 0, figure))
    });
    part(lab, table, 'a', "what would over-fire elsewhere", || {
        let suite = test(lab, "guardbee-rules", &["--test", "portable"])?;
        let refused = suite.numbers("refused: ").next().context("the test did not print `refused:`")?;
        let figure = format!(
            "{refused} ways to say what Sigma can't, each refused with its reason, and converted without it"
        );
        Ok((refused > 0, figure))
    });
}
