//! The table: row, verdict, figure, seconds. Lines are printed as they come.
use anyhow::ensure;
use std::{io::IsTerminal as _, time::Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    NotBuilt,
    /// A goal, missed for a reason that the line says: neither passed nor failed.
    Missed,
}

impl Verdict {
    /// Pass or fail.
    pub(crate) fn of(passed: bool) -> Self {
        if passed { Self::Pass } else { Self::Fail }
    }

    fn shown(self) -> &'static str {
        match (self, std::io::stdout().is_terminal()) {
            (Self::Pass, false) => "PASS     ",
            (Self::Fail, false) => "FAIL     ",
            (Self::NotBuilt, false) => "NOT BUILT",
            (Self::Missed, false) => "MISSED   ",
            (Self::Pass, true) => "\x1b[32mPASS     \x1b[0m",
            (Self::Fail, true) => "\x1b[31mFAIL     \x1b[0m",
            (Self::NotBuilt, true) => "\x1b[33mNOT BUILT\x1b[0m",
            (Self::Missed, true) => "\x1b[33mMISSED   \x1b[0m",
        }
    }
}

/// One line: a row, or a part of one.
pub(crate) struct Line {
    row: char,
    what: String,
    verdict: Verdict,
    figure: String,
    seconds: f64,
}

impl Line {
    pub(crate) fn new(
        row: char,
        what: impl Into<String>,
        verdict: Verdict,
        figure: impl Into<String>,
        began: Instant,
    ) -> Self {
        let seconds = began.elapsed().as_secs_f64();
        Self { row, what: what.into(), verdict, figure: figure.into(), seconds }
    }
}

#[derive(Default)]
pub(crate) struct Table {
    passed: usize,
    missed: usize,
    others: usize,
}

impl Table {
    pub(crate) fn add(&mut self, line: Line) {
        if self.passed + self.missed + self.others == 0 {
            println!("{:<3} {:<34} {:<9} {:>7}  figure", "row", "what", "verdict", "seconds");
        }
        let Line { row, what, verdict, figure, seconds } = line;
        println!("{row:<3} {what:<34} {} {seconds:>7.1}  {figure}", verdict.shown());
        match verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Missed => self.missed += 1,
            Verdict::Fail | Verdict::NotBuilt => self.others += 1,
        }
    }

    /// An error unless every line has passed, or is a goal that is missed for a reason.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Self { passed, missed, others } = self;
        ensure!(passed + missed + others != 0, "nothing was run: no target's name contains what --only says");
        let missed =
            if missed == 0 { String::new() } else { format!(", {missed} goals missed: the lines say why") };
        ensure!(others == 0, "{passed} passed, {others} did not{missed}");
        println!("{passed} passed{missed}");
        Ok(())
    }
}
