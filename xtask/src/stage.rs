//! Stages of a long command: what runs now, and how long each took.
use anyhow::{Context as _, ensure};
use std::{process::Command, time::Instant};

/// Stages so far, with their seconds.
#[derive(Default)]
pub(crate) struct Stages(Vec<(&'static str, f64)>);

impl Stages {
    /// Runs `work` as a stage.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("-- {name}");
        let began = Instant::now();
        work().with_context(|| format!("{name} failed"))?;
        let seconds = began.elapsed().as_secs_f64();
        println!("-- {name}: {seconds:.1} s");
        self.0.push((name, seconds));
        Ok(())
    }

    /// Runs a command as a stage.
    pub(crate) fn command(&mut self, name: &'static str, program: &str, args: &[&str]) -> anyhow::Result<()> {
        self.run(name, || {
            let status =
                Command::new(program).args(args).status().with_context(|| format!("start {program}"))?;
            ensure!(status.success(), "{program} {}: {status}", args.join(" "));
            Ok(())
        })
    }

    /// The table.
    pub(crate) fn print(&self) {
        for (name, seconds) in &self.0 {
            println!("{name:<28} {seconds:>7.1} s");
        }
    }
}
