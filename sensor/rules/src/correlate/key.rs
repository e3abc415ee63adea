//! Which groups an event belongs to.
use super::Machine;
use crate::{
    eval::{Scratch, View},
    field::Field,
    rule::{Correlation, JoinKey, Links},
};
use guardbee_model::{
    finding::{Action, Observation},
    id::RequestId,
    process::ProcessKey,
};
use std::sync::Arc;

/// A group that an event belongs to.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) bytes: Vec<u8>,
    /// The event may say whose group it is: always, but in a tree, where the process at its top must have done one of the
    /// events. All of a node descend from its first process.
    pub(crate) own: bool,
}

/// The groups of an observation that is this step, held together in this way: one, or none if it lacks what they are
/// held together by; of several requests, and for the processes that it may descend from, one for each.
pub(crate) fn keys(view: &mut View<'_>, correlation: &Correlation, (step, way): (usize, usize)) -> Vec<Key> {
    let own = |bytes| Key { bytes, own: true };
    let Some(join) = correlation.joins.get(way) else {
        let fields = correlation.groups.get(step).map_or(&[][..], Vec::as_slice);
        return by_fields(view, fields, correlation.links).into_iter().map(own).collect();
    };
    let mut keys: Vec<Key> = match join.key {
        JoinKey::Tree => {
            // What opens and what ends stands for its own process alone.
            let opens = step == 0 && matches!(correlation.machine, Machine::Ordered);
            processes(view.observation(), opens || correlation.ends(step)).collect()
        }
        JoinKey::Request | JoinKey::Container => {
            by_fields(view, &[join.key.field()], correlation.links).into_iter().map(own).collect()
        }
    };
    // Groups of two ways are never the same.
    for key in &mut keys {
        key.bytes.push(join.key as u8);
    }
    keys
}

/// Whether there is a group that each of these events belongs to, and whose it is one of them says.
pub(crate) fn share(events: &[Vec<Key>]) -> bool {
    let has = |keys: &[Key], key: &Key| keys.iter().any(|other| other.bytes == key.bytes);
    let mut own = events.iter().flatten().filter(|key| key.own);
    own.any(|key| events.iter().all(|keys| has(keys, key)))
}

/// The way that proves most of those in which all of this belongs together.
pub(crate) fn proof(correlation: &Correlation, evidence: &[Arc<Observation>]) -> Option<JoinKey> {
    let mut scratch = Scratch::default();
    let mut common = |way: usize| {
        let keys = evidence.iter().enumerate().map(|(nth, observation)| {
            let mut view = View::new(observation, &mut scratch);
            // What opened it is the first.
            keys(&mut view, correlation, (nth.min(1), way))
        });
        share(&keys.collect::<Vec<_>>())
    };
    correlation.joins.iter().enumerate().find(|(way, _)| common(*way)).map(|(_, join)| join.key)
}

/// Who acted and, unless only that counts, from whom it descends.
fn processes(observation: &Observation, only: bool) -> impl Iterator<Item = Key> {
    let ancestors = if only { &[][..] } else { &*observation.ancestors };
    let acted = observation.process.iter().map(|one| Key { bytes: process(one.key), own: true });
    acted.chain(ancestors.iter().map(|one| Key { bytes: process(one.key), own: false }))
}

/// The same whatever it executes.
fn process(key: ProcessKey) -> Vec<u8> {
    let (tgid, start) = key.life();
    [&tgid.to_le_bytes()[..], &start.0.to_le_bytes()].concat()
}

/// One group for what has the same values.
fn by_fields(view: &mut View<'_>, fields: &[Field], links: Links) -> Vec<Vec<u8>> {
    let mut keys = vec![Vec::new()];
    for field in fields {
        if *field == Field::Request {
            let requests: Vec<RequestId> = requests(view.observation(), links).collect();
            let with = |key: &Vec<u8>, request: &RequestId| {
                let place = [request.connection.0.to_le_bytes(), request.position.to_le_bytes()].concat();
                [key.as_slice(), &place].concat()
            };
            keys =
                keys.iter().flat_map(|key| requests.iter().map(move |request| with(key, request))).collect();
        } else {
            let Some(value) = view.values(*field).next() else { return Vec::new() };
            for key in &mut keys {
                key.extend_from_slice(&value.len().to_le_bytes());
                key.extend_from_slice(value);
            }
        }
    }
    keys
}

/// The requests that an observation belongs to, by links that `accept` has.
fn requests(observation: &Observation, accept: Links) -> impl Iterator<Item = RequestId> {
    let (own, linked) = match (&observation.action, &observation.link) {
        (Action::RequestHead(request) | Action::Exchange(request, _), _) => (Some(request), [].as_slice()),
        (_, Some(link)) if accept.contains(link.kind) => match (link.kind.proven(), link.proven()) {
            (true, proven) => (proven, [].as_slice()),
            (false, _) => (None, link.requests.as_slice()),
        },
        _ => (None, [].as_slice()),
    };
    own.into_iter().chain(linked).map(|request| request.id)
}
