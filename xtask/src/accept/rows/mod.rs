//! The rows, in the order. One without a function is not built, and counts as failed.
mod attributed;
pub(crate) mod bad_input;
mod cosigned;
pub(crate) mod cost;
mod delivered;
mod hostile;
mod joined_late;
mod killed;
mod lossy;
mod other_kernels;
mod proved;
mod quiet;
mod refused;

use super::{
    driver,
    lab::Lab,
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::Context as _;
use std::time::Instant;

/// What must be shown.
pub(crate) struct Row {
    pub(crate) letter: char,
    pub(crate) about: &'static str,
    pub(crate) run: Option<fn(&Lab, &mut Table) -> anyhow::Result<()>>,
}

pub(crate) const ROWS: &[Row] = &[
    Row { letter: 'a', about: "attack to delivered finding", run: Some(delivered::run) },
    Row { letter: 'b', about: "never a wrong link", run: Some(attributed::run) },
    Row { letter: 'c', about: "proof survives the Collector", run: Some(proved::run) },
    Row { letter: 'd', about: "certificates refused and replaced", run: Some(refused::run) },
    Row { letter: 'e', about: "killed at random moments", run: Some(killed::run) },
    Row { letter: 'f', about: "loss is counted", run: Some(lossy::run) },
    Row { letter: 'g', about: "started in the middle", run: Some(joined_late::run) },
    Row { letter: 'h', about: "hostile RPC", run: Some(hostile::run) },
    Row { letter: 'i', about: "exporting makes no spans", run: Some(quiet::run) },
    Row { letter: 'j', about: "bad input", run: Some(bad_input::run) },
    Row { letter: 'k', about: "other kernels", run: Some(other_kernels::run) },
    Row { letter: 'l', about: "cost", run: Some(cost::run) },
];

/// What a part of a row found: passed or not, and a figure; an error is a failure too.
pub(crate) type Judged = anyhow::Result<(bool, String)>;

/// Runs a part of a row, if it is wanted, and puts its line into the table.
pub(crate) fn part(lab: &Lab, table: &mut Table, row: char, name: &str, work: impl FnOnce() -> Judged) {
    if !lab.wanted(name) {
        return;
    }
    let began = Instant::now();
    let (passed, figure) = work().unwrap_or_else(|error| (false, format!("{error:#}")));
    table.add(Line::new(row, name, Verdict::of(passed), figure, began));
}

/// Every server that is attacked by many at once.
const SERVERS: [Server; 13] = [
    Server::Fork,
    Server::GunicornSync,
    Server::GunicornGthread,
    Server::Flask,
    Server::Apache,
    Server::PhpFpm,
    Server::NginxTcp,
    Server::NginxUnix,
    Server::Node,
    Server::Go,
    Server::UvicornDef,
    Server::UvicornAsync,
    Server::Axum,
];

/// Requests in flight at once, and how many of them attack.
const IN_FLIGHT: usize = 100;
const ATTACKS: usize = 20;

/// Without a sensor: every target answers everybody with his own nonce.
pub(crate) fn dry(lab: &Lab, table: &mut Table) {
    for server in SERVERS.into_iter().chain([Server::Reuse, Server::Pool, Server::Timer]) {
        if !lab.wanted(server.name()) {
            continue;
        }
        let began = Instant::now();
        // These two serve one connection at a time.
        let alone = matches!(server, Server::Reuse | Server::Timer);
        let tried = Target::start(lab, server).context("start").and_then(|target| {
            let attacked = Instant::now();
            let truth = if alone {
                driver::one_by_one(lab, target.port, ATTACKS)?
            } else {
                driver::drive(lab, target.port, IN_FLIGHT, ATTACKS)?
            };
            let most = truth.attacks().map(|attack| truth.in_flight_with(attack)).max().unwrap_or_default();
            Ok(format!("{most} in flight, answered in {} ms", attacked.elapsed().as_millis()))
        });
        let (passed, figure) = match tried {
            Ok(figure) => (true, figure),
            Err(error) => (false, format!("{error:#}")),
        };
        table.add(Line::new('-', server.name(), Verdict::of(passed), figure, began));
    }
}
