//! Attacks a server: many connections, one request in flight on each, the truth written down.
use super::{
    http::{Answer, Connection},
    lab::Lab,
};
use anyhow::{Context as _, ensure};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

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
    /// Requests that had no answer yet when the last of those that were sent together was sent.
    pub(crate) at_once: usize,
}

impl Truth {
    pub(crate) fn attacks(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.attack)
    }

    /// The attacks' nonces.
    pub(crate) fn nonces(&self) -> Vec<&str> {
        self.attacks().map(|attack| attack.nonce.as_str()).collect()
    }

    /// The most requests that were in flight at one moment of this one's life, it included.
    pub(crate) fn in_flight_with(&self, one: &Asked) -> usize {
        let over =
            |at: Instant| self.asked.iter().filter(|other| other.sent <= at && at <= other.answered).count();
        let begun = self.asked.iter().map(|other| other.sent);
        begun.filter(|at| (one.sent..=one.answered).contains(at)).map(over).max().unwrap_or_default()
    }

    /// The most at any moment.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.asked.iter().map(|one| self.in_flight_with(one)).max().unwrap_or_default()
    }
}

/// What the server shall do, and for whom.
struct Request {
    nonce: String,
    attack: bool,
}

impl Request {
    fn target(&self) -> String {
        format!("/{}?nonce={}", if self.attack { "exec" } else { "harmless" }, self.nonce)
    }

    /// The answer must carry the nonce, and for an attack what `id` says.
    fn check(&self, answer: &Answer) -> anyhow::Result<()> {
        let (target, Answer { status, body, .. }) = (self.target(), answer);
        ensure!(*status == 200, "{target}: status {status}");
        ensure!(body.starts_with(&self.nonce), "{target}: answered {body:?}");
        ensure!(!self.attack || body.contains("uid="), "{target}: `id` did not run: {body:?}");
        Ok(())
    }
}

/// Asks once.
pub(crate) fn ask(
    connection: &mut Connection,
    attack: bool,
    nonce: String,
    headers: &str,
) -> anyhow::Result<(Asked, bool)> {
    let request = Request { nonce, attack };
    let sent = Instant::now();
    let answer = connection
        .get_with(&request.target(), headers)
        .with_context(|| format!("ask {}", request.target()))?;
    let answered = Instant::now();
    request.check(&answer)?;
    Ok((Asked { nonce: request.nonce, attack, sent, answered }, answer.keep))
}

/// `connections` keep-alive connections, a harmless request on each, then all at once one more on each, of which
/// `attacks` make the server act.
pub(crate) fn drive(lab: &Lab, port: u16, connections: usize, attacks: usize) -> anyhow::Result<Truth> {
    let one = || -> anyhow::Result<(Asked, Connection)> {
        let mut connection = Connection::open(port).context("connect")?;
        let (asked, keep) = ask(&mut connection, false, lab.nonce(), "")?;
        let kept = if keep { connection } else { Connection::open(port).context("connect again")? };
        Ok((asked, kept))
    };
    let warm: Vec<_> = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let (mut truth, mut ready) = (Truth::default(), Vec::new());
    for (number, result) in warm.into_iter().enumerate() {
        let (asked, connection) =
            result.map_err(|_| anyhow::anyhow!("a thread of the driver panicked"))??;
        truth.asked.push(asked);
        // Spread over the connections, not the first ones.
        let attack = (number * attacks) % connections < attacks;
        ready.push((Request { nonce: lab.nonce(), attack }, connection));
    }
    together(ready, &mut truth)?;
    let made = truth.attacks().count();
    ensure!(made == attacks, "{made} attacks instead of {attacks}");
    Ok(truth)
}

/// Somebody waits on each connection; then all are sent, and it is counted how many have no answer yet.
fn together(ready: Vec<(Request, Connection)>, truth: &mut Truth) -> anyhow::Result<()> {
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for (request, connection) in ready {
            let sender = connection.sender()?;
            let answered = &answered;
            let receive = move || {
                let mut connection = connection;
                let answer = connection.receive();
                answered.fetch_add(1, Ordering::Relaxed);
                (answer, Instant::now())
            };
            waiting.push((request, sender, scope.spawn(receive)));
        }
        let mut sent = Vec::new();
        for (request, sender, _) in &mut waiting {
            sent.push(Instant::now());
            sender
                .send(format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", request.target()).as_bytes())?;
        }
        truth.at_once = waiting.len() - answered.load(Ordering::Relaxed);
        for ((request, _, thread), sent) in waiting.into_iter().zip(sent) {
            let (answer, answered) =
                thread.join().map_err(|_| anyhow::anyhow!("a thread of the driver panicked"))?;
            request.check(&answer.with_context(|| format!("ask {}", request.target()))?)?;
            truth.asked.push(Asked { nonce: request.nonce, attack: request.attack, sent, answered });
        }
        Ok(())
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn in_flight_at_one_moment() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let asked = |sent, answered| Asked {
            nonce: String::new(),
            attack: false,
            sent: at(sent),
            answered: at(answered),
        };
        // Three overlap the first one, but never more than two of them at once.
        let truth =
            Truth { asked: vec![asked(0, 100), asked(10, 20), asked(30, 40), asked(35, 50)], at_once: 0 };
        assert_eq!(truth.in_flight_with(&truth.asked[0]), 3);
        assert_eq!(truth.in_flight_with(&truth.asked[1]), 2);
        assert_eq!(truth.most_in_flight(), 3);
    }
}
