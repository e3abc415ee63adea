//! Which groups an event belongs to.
use crate::{eval::View, field::Field, rule::Links};
use guardbee_model::{
    finding::{Action, Observation},
    id::RequestId,
};

/// The groups of an observation: one, or none if it lacks a field that is grouped by; of several requests, one for each.
pub(crate) fn keys(view: &mut View<'_>, fields: &[Field], links: Links) -> Vec<Vec<u8>> {
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
