//! Row f: a newcomer's path, as the document has it: every command is carried out, beside a real sensor.
use super::wrong::test;
use crate::accept::{lab::Lab, rows::part, table::Table};
use anyhow::Context as _;

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'f', "docs/first-rule.md", || {
        let suite = test(lab, "guardbee-cli", &["--test", "first_rule"])?;
        let commands = suite.numbers("commands: ").next().context("the test did not print `commands:`")?;
        let figure = format!(
            "{commands} commands carried out as written, from `rules new` to a finding of the running sensor; each said what \
             the document says"
        );
        Ok((commands > 0, figure))
    });
    Ok(())
}
