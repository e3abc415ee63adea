//! The table: row, verdict, figure, seconds. Lines are printed as they come.
use anyhow::ensure;
use std::{io::IsTerminal as _, time::Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    NotBuilt,
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
            (Self::Pass, true) => "\x1b[32mPASS     \x1b[0m",
            (Self::Fail, true) => "\x1b[31mFAIL     \x1b[0m",
            (Self::NotBuilt, true) => "\x1b[33mNOT BUILT\x1b[0m",
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
    others: usize,
}

impl Table {
    pub(crate) fn add(&mut self, line: Line) {
        if self.passed + self.others == 0 {
            println!("{:<3} {:<34} {:<9} {:>7}  figure", "row", "what", "verdict", "seconds");
        }
        let Line { row, what, verdict, figure, seconds } = line;
        println!("{row:<3} {what:<34} {} {seconds:>7.1}  {figure}", verdict.shown());
        match verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Fail | Verdict::NotBuilt => self.others += 1,
        }
    }

    /// An error unless every line has passed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        ensure!(self.others == 0, "{} passed, {} did not", self.passed, self.others);
        ensure!(self.passed != 0, "nothing was run: no target's name contains what --only says");
        println!("{} passed", self.passed);
        Ok(())
    }
}
