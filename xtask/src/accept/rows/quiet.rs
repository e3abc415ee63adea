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
    let before = export::spans(&sensor.records).len();
    std::thread::sleep(WATCH);
    let spans = export::spans(&sensor.records);
    let new = spans.len() - before;
    let path =
        spans.last().and_then(|span| export::attribute(span, "url.path")).unwrap_or("no path").to_owned();
    ensure!(!export::logs(&collector.logs()).is_empty(), "nothing was delivered at all: this says nothing");
    sensor.stop()?;
    let figure = format!("{new} spans in {} s, the last of {path}", WATCH.as_secs());
    Ok((new as u64 <= WATCH.as_secs(), figure))
}
