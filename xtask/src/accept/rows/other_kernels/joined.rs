//! Every program fires there, the forking server's actions are joined to their requests, the records verify.
use super::boot;
use crate::accept::{
    checker::{self, Class},
    driver::{Asked, Truth},
    findings::Findings,
    lab::Lab,
    rows::{ATTACKS, Judged},
};
use anyhow::{Context as _, ensure};
use std::{fs, process::Command, time::Instant};

/// The shipped rule that sees them.
const RULE: &str = "Web Request Spawned A Shell";
const FIRED: &str = "loaded, attached, fired";

/// Runs join.sh in the machine, and judges what it made.
pub(super) fn judge(lab: &Lab, kernel: &str) -> Judged {
    let share = lab.folder(&format!("vm-{kernel}-join"))?;
    let (vm, made) = (lab.root.join("tests/vm"), share.join("made"));
    fs::copy(lab.guardbee(), share.join("guardbee"))?;
    fs::copy(lab.built.join("c/fork"), share.join("fork"))?;
    fs::copy(vm.join("join.sh"), share.join("join.sh"))?;
    // The shipped pack, and the harness's own rule beside it.
    let copied = Command::new("cp").arg("-r").arg(lab.root.join("rules")).arg(&share).status()?;
    ensure!(copied.success(), "copy the rules: {copied}");
    fs::copy(lab.root.join("tests/targets/rules/nonce.yml"), share.join("nonce.yml"))?;
    let script = format!("sh {0}/join.sh {0} {1}", share.display(), made.display());
    let said = boot(lab, kernel, &share, &[], &script)?;

    let doctor = fs::read_to_string(made.join("doctor")).context("read what doctor said")?;
    let (fired, silent) = programs(&doctor);
    let answers = fs::read_to_string(made.join("answers")).context("read the answers")?;
    let acted = answers.matches("uid=").count();
    let mut findings = Findings::of(made.join("findings.jsonl"));
    findings.read();
    findings.resolve(&made.join("records.jsonl"));
    let truth = truth();
    let figures = checker::check(&truth, &findings);
    let nonces = truth.nonces();
    let shipped = nonces.iter().filter(|nonce| {
        findings.with(nonce).filter(|finding| finding.text("/finding_info/title") == RULE).count() == 1
    });
    let shipped = shipped.count();
    let verified = said.lines().any(|line| line == "verified");
    let passed = silent.is_empty()
        && fired != 0
        && acted == ATTACKS
        && figures.count(Class::ProvenRight) == ATTACKS
        && figures.wrong() == 0
        && shipped == ATTACKS
        && verified;
    let proof = if verified { "verified" } else { "NOT verified" };
    let figure = format!(
        "{fired} programs fired, silent: {silent:?}; {acted} acts; {figures}; {shipped} found by the shipped pack; {proof}"
    );
    Ok((passed, figure))
}

/// How many programs have fired, and the lines of those of the list in use that have not.
fn programs(doctor: &str) -> (usize, Vec<String>) {
    let listed = doctor.lines().skip_while(|line| !line.starts_with("hooks: ")).skip(1);
    let (fired, silent): (Vec<&str>, Vec<&str>) =
        listed.take_while(|line| !line.is_empty()).partition(|line| line.ends_with(FIRED));
    (fired.len(), silent.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

/// The nonces that join.sh uses. When it asked is not told, nor needed: whose request it was is.
fn truth() -> Truth {
    let now = Instant::now();
    let asked =
        |number| Asked { nonce: format!("gbn{}", 100_000 + number), attack: true, sent: now, answered: now };
    Truth { asked: (1..=ATTACKS).map(asked).collect(), ..Truth::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_list_in_use() {
        let text = "kernel 5.10\n\nhooks: tracepoints, kernels from 5.10\n  process  process_fork   loaded, attached, fired\n  \
                    payload  net_sendto     attached, but\n\nnot seen\n";
        assert_eq!(programs(text), (1, vec!["payload net_sendto attached, but".to_owned()]));
    }
}
