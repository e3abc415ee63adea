//! Attacks a server: many connections, one request in flight on each, the truth written down.
use super::{http::Connection, lab::Lab};
use anyhow::{Context as _, ensure};
use std::{sync::Barrier, time::Instant};

/// One request, and what happened to it.
pub(crate) struct Asked {
    pub(crate) nonce: String,
    /// It makes the server act.
    pub(crate) attack: bool,
    /// The request was in flight between these, as the server sees it: inside of them.
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
}

/// All requests of a run.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) asked: Vec<Asked>,
}

impl Truth {
    pub(crate) fn attacks(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.attack)
    }

    /// The attacks' nonces.
    pub(crate) fn nonces(&self) -> Vec<&str> {
        self.attacks().map(|attack| attack.nonce.as_str()).collect()
    }

    /// Requests that overlap this one, it included.
    pub(crate) fn in_flight_with(&self, one: &Asked) -> usize {
        self.asked.iter().filter(|other| other.sent <= one.answered && other.answered >= one.sent).count()
    }
}

/// Asks once; the answer must carry the nonce, and for an attack what `id` says.
pub(crate) fn ask(
    connection: &mut Connection,
    attack: bool,
    nonce: String,
    headers: &str,
) -> anyhow::Result<(Asked, bool)> {
    let path = if attack { "exec" } else { "harmless" };
    let sent = Instant::now();
    let answer = connection
        .get_with(&format!("/{path}?nonce={nonce}"), headers)
        .with_context(|| format!("ask /{path}?nonce={nonce}"))?;
    let answered = Instant::now();
    ensure!(answer.status == 200, "/{path}?nonce={nonce}: status {}", answer.status);
    ensure!(answer.body.starts_with(&nonce), "/{path}?nonce={nonce}: answered {:?}", answer.body);
    ensure!(
        !attack || answer.body.contains("uid="),
        "/{path}?nonce={nonce}: `id` did not run: {:?}",
        answer.body
    );
    Ok((Asked { nonce, attack, sent, answered }, answer.keep))
}

/// `connections` keep-alive connections, a harmless request on each, then all at once one more on each, of which
/// `attacks` make the server act.
pub(crate) fn drive(lab: &Lab, port: u16, connections: usize, attacks: usize) -> anyhow::Result<Truth> {
    let (warm, together) = (Barrier::new(connections), Barrier::new(connections));
    let one = |number: usize| -> anyhow::Result<[Asked; 2]> {
        // Spread over the connections, not the first ones.
        let attack = (number * attacks) % connections < attacks;
        let first = Connection::open(port).context("connect").and_then(|mut connection| {
            let (asked, keep) = ask(&mut connection, false, lab.nonce(), "")?;
            Ok((asked, keep.then_some(connection)))
        });
        warm.wait(); // also with an error: the others wait for everybody
        let ready = first.and_then(|(asked, kept)| match kept {
            Some(connection) => Ok((asked, connection)),
            None => Ok((asked, Connection::open(port).context("connect again")?)),
        });
        together.wait();
        let (before, mut connection) = ready?;
        let (asked, _) = ask(&mut connection, attack, lab.nonce(), "")?;
        Ok([before, asked])
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut truth = Truth::default();
    for result in results {
        let asked = result.map_err(|_| anyhow::anyhow!("a thread of the driver panicked"))??;
        truth.asked.extend(asked);
    }
    let made = truth.attacks().count();
    ensure!(made == attacks, "{made} attacks instead of {attacks}");
    Ok(truth)
}

/// Attacks one after the other on one connection (or as few as the server allows): one request in flight.
pub(crate) fn one_by_one(lab: &Lab, port: u16, attacks: usize) -> anyhow::Result<Truth> {
    let mut truth = Truth::default();
    let mut kept = None;
    for _ in 0..attacks {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(port)?,
        };
        let (asked, keep) = ask(&mut connection, true, lab.nonce(), "")?;
        truth.asked.push(asked);
        kept = keep.then_some(connection);
    }
    Ok(truth)
}
