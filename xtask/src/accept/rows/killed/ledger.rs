//! The account of one kind over all pipelines of a loader, from what each signed: docs/evidence.md.
use crate::accept::export;
use anyhow::{Context as _, ensure};
use serde_json::Value;

/// `produced` = the sum of all others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// By the kernel half, since the loader began.
    pub(super) produced: u64,
    /// Read by some pipeline, and all that came of it sealed and given to the sinks.
    pub(super) delivered: u64,
    /// Read by a pipeline that was killed before that.
    pub(super) died: u64,
    /// Counted by the kernel half as lost.
    pub(super) lost: u64,
    /// Unread, or in hand, when the last pipeline ended.
    pub(super) rest: u64,
}

/// Reads what every pipeline has found and left; an error where that can't be.
pub(super) fn account(gaps: &[Value], stop: &Value, kind: &str) -> anyhow::Result<Account> {
    let mut gaps: Vec<(u64, &Value)> = gaps
        .iter()
        .map(|gap| {
            let number =
                export::attribute(gap, "guardbee.previous.pipelines").and_then(|text| text.parse().ok());
            Some((number?, gap))
        })
        .collect::<Option<_>>()
        .context("a gap does not number its pipelines")?;
    gaps.sort_by_key(|(number, _)| *number);
    let (mut before, mut delivered, mut died) = (0, 0, 0);
    for (number, gap) in gaps {
        let of = |what: &str| count(gap, &format!("guardbee.previous.{what}.{kind}"));
        let (produced, lost, taken, settled) = (of("produced"), of("lost"), of("taken"), of("settled"));
        let told = count(gap, &format!("guardbee.gap.{kind}"));
        ensure!(
            before.max(settled) <= taken,
            "pipeline {number} has settled {settled}, {before} of {taken} taken before"
        );
        ensure!(lost + taken <= produced, "pipeline {number}: {taken} taken and {lost} lost of {produced}");
        ensure!(told == taken - settled, "pipeline {number}: the gap is {told}, not {taken} - {settled}");
        // One that settled nothing has left the number of those before it: their gap is told already.
        let settled = settled.max(before);
        delivered += settled - before;
        died += taken - settled;
        before = taken;
    }
    let of = |what: &str| count(stop, &format!("guardbee.{what}.{kind}"));
    let (produced, lost, taken, settled) = (of("produced"), of("lost"), of("taken"), of("settled"));
    ensure!(before <= settled && settled <= taken, "the last one has settled {settled} of {taken}");
    delivered += settled - before;
    let rest = produced.checked_sub(delivered + died + lost).context("more came than was produced")?;
    Ok(Account { produced, delivered, died, lost, rest })
}

/// How many of what was lost within these kills, from one to another, the first and the last included, is more than there is room for:
/// each kill explains only as many as its gap tells of.
pub(super) fn unexplained(lost: &[(usize, usize)], gaps: &[u64]) -> usize {
    let (mut lost, mut room) = (lost.to_vec(), gaps.to_vec());
    // Whoever must be early is first, and takes the earliest place: no other order finds room for more.
    lost.sort_unstable_by_key(|(_, last)| *last);
    lost.retain(|(first, last)| {
        let mut within = room.iter_mut().take(last + 1).skip(*first);
        within.find(|room| **room > 0).map(|room| *room -= 1).is_none()
    });
    lost.len()
}

/// Counts of zero are left out.
pub(super) fn count(statement: &Value, key: &str) -> u64 {
    export::attribute(statement, key).and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn statement(counts: &[(&str, u64)]) -> Value {
        let attributes: Vec<Value> = counts
            .iter()
            .map(|(key, count)| json!({ "key": format!("guardbee.{key}"), "value": { "intValue": count.to_string() } }))
            .collect();
        json!({ "attributes": attributes })
    }

    fn gap(number: u64, [produced, lost, taken, settled, told]: [u64; 5]) -> Value {
        statement(&[
            ("previous.pipelines", number),
            ("previous.produced.exec", produced),
            ("previous.lost.exec", lost),
            ("previous.taken.exec", taken),
            ("previous.settled.exec", settled),
            ("gap.exec", told),
        ])
    }

    fn stop() -> Value {
        statement(&[("produced.exec", 100), ("lost.exec", 5), ("taken.exec", 92), ("settled.exec", 90)])
    }

    #[test]
    fn all_pipelines_together() {
        let gaps = [gap(2, [60, 5, 50, 48, 2]), gap(1, [30, 0, 30, 20, 10]), gap(3, [70, 5, 52, 48, 4])];
        let expected = Account { produced: 100, delivered: 20 + 18 + 38, died: 10 + 2 + 2, lost: 5, rest: 5 };
        assert_eq!(account(&gaps, &stop(), "exec").unwrap(), expected);
        assert_eq!(account(&gaps, &stop(), "fork").unwrap().produced, 0);
    }

    #[test]
    fn a_gap_explains_no_more_than_it_tells_of() {
        assert_eq!(unexplained(&[], &[]), 0);
        assert_eq!(unexplained(&[(0, 1), (0, 0), (0, 1)], &[1, 1]), 1);
        assert_eq!(unexplained(&[(0, 1), (0, 0), (1, 2)], &[1, 1, 1]), 0);
        assert_eq!(unexplained(&[(2, 3), (9, 9)], &[5, 5, 0, 1]), 1);
    }

    #[test]
    fn what_can_not_be() {
        for (gap, says) in [
            (gap(1, [30, 0, 30, 20, 9]), "the gap is 9, not 30 - 20"),
            (gap(1, [30, 1, 30, 20, 10]), "30 taken and 1 lost of 30"),
            (gap(1, [30, 0, 20, 21, 0]), "has settled 21, 0 of 20 taken before"),
            (gap(1, [99, 0, 95, 95, 0]), "the last one has settled 90 of 92"),
        ] {
            assert!(account(&[gap], &stop(), "exec").unwrap_err().to_string().contains(says), "{says}");
        }
    }
}
