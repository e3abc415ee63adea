//! What a recording can tell: when what was recorded, and what was lost.
use guardbee_model::{
    clock::{WallOffset, WallTime},
    file::Operation,
    loss::Loss,
    watch::Selection,
};
use guardbee_recording::Item;

/// Spans and kinds of losses that are told apart; more are joined with the last one.
const MOST: usize = 10_000;

/// A time in which the same was observed throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Since when.
    pub from: WallTime,
    /// Until when.
    pub to: WallTime,
    /// Actions that were observed.
    pub observed: Vec<&'static str>,
    /// Of those on selection, and of environments: which.
    pub selection: Selection,
    /// In which run of the sensor.
    run: usize,
}

/// A time in which something was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Since when.
    pub from: WallTime,
    /// Until when.
    pub to: WallTime,
    /// Which actions of those that were asked for; empty: none at all was recorded.
    pub missing: Vec<&'static str>,
}

/// Losses of one place, cause and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The last of them; its count is that of all.
    pub loss: Loss,
    /// Since when.
    pub from: WallTime,
    /// Until when.
    pub to: WallTime,
}

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// In order.
    pub spans: Vec<Span>,
    /// By place, cause and kind.
    pub lost: Vec<Lost>,
    run: usize,
    /// Nothing is known of what is observed until it is told.
    open: bool,
}

impl Seen {
    pub(super) fn begin(&mut self, run: usize) {
        (self.run, self.open) = (run, false);
    }

    pub(super) fn item(&mut self, item: &Item, offset: WallOffset) {
        match item {
            Item::Sight(sight) => {
                self.span(offset.wall(sight.since), &sight.observed, &sight.selection);
                self.open = true;
            }
            Item::Time(now, _) => self.until(offset.wall(*now)),
            Item::Observation(observation) => self.until(offset.wall(observation.time)),
            Item::Loss(loss) => self.loss(loss, offset),
        }
    }

    fn span(&mut self, from: WallTime, observed: &[&'static str], selection: &Selection) {
        let (run, full) = (self.run, self.spans.len() >= MOST);
        match self.spans.last_mut() {
            // As it was: files of one run follow each other without a gap.
            Some(last)
                if last.run == run
                    && last.observed == observed
                    && last.selection == *selection
                    && from <= last.to => {}
            Some(last) if full => {
                last.observed.retain(|one| observed.contains(one));
                if last.selection != *selection {
                    last.selection = Selection::default();
                }
            }
            _ => {
                let (observed, selection) = (observed.to_vec(), selection.clone());
                self.spans.push(Span { from, to: from, observed, selection, run });
            }
        }
    }

    fn until(&mut self, time: WallTime) {
        if let Some(last) = self.spans.last_mut().filter(|_| self.open) {
            last.to = last.to.max(time);
        }
    }

    fn loss(&mut self, loss: &Loss, offset: WallOffset) {
        let (from, to) = (offset.wall(loss.from), offset.wall(loss.to));
        let same = |known: &Lost| {
            let Loss { stage, cause, kind, .. } = known.loss;
            (stage, cause, kind) == (loss.stage, loss.cause, loss.kind)
        };
        let full = self.lost.len() >= MOST;
        let known = match self.lost.iter().position(same) {
            Some(place) => self.lost.get_mut(place),
            None if full => self.lost.last_mut(),
            None => return self.lost.push(Lost { loss: *loss, from, to }),
        };
        if let Some(known) = known {
            known.loss.count = known.loss.count.saturating_add(loss.count);
            (known.from, known.to) = (known.from.min(from), known.to.max(to));
        }
    }

    /// From its begin to its end; [`None`]: nothing was recorded at all.
    pub fn whole(&self) -> Option<(WallTime, WallTime)> {
        let begin = self.spans.iter().map(|span| span.from).min()?;
        Some((begin, self.spans.iter().map(|span| span.to).max()?))
    }

    /// When a rule that looks at `wanted`, and of selection at `files`, could not have matched, though the recording goes on: all of
    /// it, where it is of one action after another.
    pub fn holes(&self, wanted: &[&'static str], selection: &Selection) -> Vec<Hole> {
        let mut holes: Vec<Hole> = Vec::new();
        let mut until = None;
        for span in &self.spans {
            if let Some(from) = until.filter(|until| *until < span.from) {
                holes.push(Hole { from, to: span.from, missing: Vec::new() });
            }
            let mut lacking: Vec<_> =
                span.selection.lacks(selection).into_iter().map(Operation::name).collect();
            if !selection.variables.is_subset(&span.selection.variables) {
                lacking.push("exec");
            }
            let is_missing = |action: &&str| !span.observed.contains(action) || lacking.contains(action);
            let missing: Vec<_> = wanted.iter().copied().filter(is_missing).collect();
            match holes.last_mut() {
                _ if missing.is_empty() => {}
                Some(last) if last.missing == missing && last.to >= span.from => last.to = span.to,
                _ => holes.push(Hole { from: span.from, to: span.to, missing }),
            }
            until = until.max(Some(span.to));
        }
        holes
    }

    /// How many events of these actions, or of any that is not told, were lost.
    pub fn lost_of(&self, wanted: &[&'static str]) -> u64 {
        let of_others = |kind| ACTIONS.contains(&kind) && !wanted.contains(&kind);
        let counts = self.lost.iter().filter(|lost| !of_others(lost.loss.kind)).map(|lost| lost.loss.count);
        counts.fold(0, u64::saturating_add)
    }
}

/// Kinds of losses that concern one action only.
const ACTIONS: [&str; 6] = ["accept", "connect", "exec", "exit", "fork", "listen"];

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{clock::BootTime, loss::Stage, watch::Role};
    use guardbee_recording::Sight;

    const OFFSET: WallOffset = WallOffset(1000);

    fn seen(items: &[(usize, Item)]) -> Seen {
        let mut seen = Seen::default();
        for (run, item) in items {
            if *run != seen.run {
                seen.begin(*run);
            }
            seen.item(item, OFFSET);
        }
        seen
    }

    fn sight(since: u64, observed: &[&'static str]) -> Item {
        Item::Sight(Sight { since: BootTime(since), observed: observed.to_vec(), ..Sight::default() })
    }

    fn time(now: u64) -> Item {
        Item::Time(BootTime(now), OFFSET)
    }

    fn shown(holes: &[Hole]) -> Vec<(u64, u64, Vec<&str>)> {
        holes.iter().map(|hole| (hole.from.0 - 1000, hole.to.0 - 1000, hole.missing.clone())).collect()
    }

    #[test]
    fn what_was_not_recorded_is_told() {
        let seen = seen(&[
            (0, time(10)),
            (0, sight(10, &["exec", "fork"])),
            (0, time(20)),
            (0, sight(20, &["fork"])),
            (0, time(30)),
            (0, sight(30, &["fork"])),
            (0, time(35)),
            (1, time(50)),
            (1, sight(50, &["exec", "fork"])),
            (1, time(60)),
        ]);
        assert_eq!(seen.whole(), Some((WallTime(1010), WallTime(1060))));
        let none = Selection::default();
        assert_eq!(shown(&seen.holes(&["fork"], &none)), [(35, 50, vec![])]);
        assert_eq!(shown(&seen.holes(&["exec"], &none)), [(20, 35, vec!["exec"]), (35, 50, vec![])]);
        assert_eq!(
            shown(&seen.holes(&["exec", "listen"], &none)),
            [
                (10, 20, vec!["listen"]),
                (20, 35, vec!["exec", "listen"]),
                (35, 50, vec![]),
                (50, 60, vec!["listen"])
            ]
        );
        assert_eq!(Seen::default().whole(), None);
    }

    #[test]
    fn of_files_only_those_that_somebody_asked_for_were_recorded() {
        let name = |name: &str| {
            let mut files = Selection::default();
            files.named((Role::Name, name.as_bytes().into()), Operation::Open);
            files
        };
        let sight = |since, selection| {
            Item::Sight(Sight {
                since: BootTime(since),
                observed: vec!["exec", "file_open"],
                selection,
                ..Sight::default()
            })
        };
        let mut both = name("shadow");
        both.named((Role::Name, b"passwd".as_slice().into()), Operation::Open);
        let seen =
            seen(&[(0, sight(10, name("shadow"))), (0, time(20)), (0, sight(20, both)), (0, time(30))]);
        for (wanted, right) in [("shadow", vec![]), ("passwd", vec![(10, 20)]), ("group", vec![(10, 30)])] {
            let holes = seen.holes(&["exec", "file_open"], &name(wanted));
            let right: Vec<_> = right.into_iter().map(|(from, to)| (from, to, vec!["file_open"])).collect();
            assert_eq!(shown(&holes), right, "{wanted}");
        }
    }

    #[test]
    fn losses_concern_who_wants_them() {
        let loss = |kind, count, to| {
            let (stage, cause) = (Stage::Kernel, "ring_full");
            (0, Item::Loss(Loss { stage, cause, kind, count, from: BootTime(1), to: BootTime(to) }))
        };
        let seen =
            seen(&[loss("exec", 3, 5), loss("exec", 4, 9), loss("fork", 10, 9), loss("observation", 1, 9)]);
        assert_eq!(seen.lost.len(), 3);
        assert_eq!((seen.lost[0].loss.count, seen.lost[0].to), (7, WallTime(1009)));
        assert_eq!((seen.lost_of(&["exec"]), seen.lost_of(&["listen"])), (8, 1));
    }
}
