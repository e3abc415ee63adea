//! Row i: exporting spans makes no spans. A Collector on the same node, and no other load.
use super::{Judged, part};
use crate::accept::{
    collector::Collector,
    export,
    lab::Lab,
    sensor::{Options, Sensor},
    table::Table,
};
use anyhow::ensure;
use std::time::Duration;

/// By then what was there before is known, and a loop would have grown.
const SETTLE: Duration = Duration::from_mins(1);
const WATCH: Duration = Duration::from_secs(20);

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'i', "exporting makes no spans", || watch(lab));
    Ok(())
}

fn watch(lab: &Lab) -> Judged {
    let collector = Collector::start(lab)?;
    let sensor = Sensor::start(lab, &Options { collector: Some(&collector), ..Options::default() })?;
    std::thread::sleep(SETTLE);
    // Where spans arrive, and where they are made: what is under way in between is less than a second's.
    let count = || [collector.traces(), sensor.records.clone()].map(|path| export::spans(&path).len());
    let before = count();
    std::thread::sleep(WATCH);
    let after = count();
    let spans = export::spans(&collector.traces());
    let path =
        spans.last().and_then(|span| export::attribute(span, "url.path")).unwrap_or("no path").to_owned();
    ensure!(!export::logs(&collector.logs()).is_empty(), "nothing was delivered at all: this says nothing");
    sensor.stop()?;
    let [arrived, made] = [after[0] - before[0], after[1] - before[1]];
    let figure =
        format!("{arrived} spans at the Collector in {} s, {made} made, the last of {path}", WATCH.as_secs());
    Ok((arrived.max(made) as u64 <= WATCH.as_secs(), figure))
}
