//! What keeping observations takes in memory, whoever chose how long their texts are.
use guardbee_model::{
    finding::{Action, Observation},
    process::{Args, Process},
    request::Request,
};
use std::sync::Arc;

/// An observation, its action and its process, beside their texts.
const OBSERVATION: usize = 1024;
/// One of its other processes, and one of its link's requests, beside their texts.
const OTHER: usize = 512;
/// A word of a command line beside its bytes: its place in the list, and the least that an allocation takes.
const WORD: usize = 48;
/// Of a command line so many bytes are captured at most.
const CAPTURED: u32 = 8 << 10;

/// About what keeping these takes; texts that observations share count as often as they are kept.
pub(crate) fn weight<'a>(evidence: impl IntoIterator<Item = &'a Arc<Observation>>) -> usize {
    evidence.into_iter().map(|observation| one(observation)).sum()
}

fn one(observation: &Observation) -> usize {
    let process = observation.process.iter().map(|process| texts(process)).sum::<usize>();
    let ancestors = observation.ancestors.iter().map(|process| OTHER + texts(process)).sum::<usize>();
    // The link of a request is to itself.
    let own = matches!(observation.action, Action::RequestHead(_) | Action::Exchange(..));
    let requests = observation.link.iter().filter(|_| !own).flat_map(|link| &link.requests);
    let requests = requests.map(|one| OTHER + request(one)).sum::<usize>();
    let action = match &observation.action {
        Action::Exec(exec) => exec.exe.len() + exec.filename.len() + exec.cwd.len() + args(&exec.args),
        Action::File(file) => file.path.len() + file.source.len(),
        Action::RequestHead(one) | Action::Exchange(one, _) => OTHER + request(one),
        Action::System(_, target) => target.iter().map(|process| OTHER + texts(process)).sum(),
        _ => 0,
    };
    OBSERVATION + process + ancestors + requests + action
}

fn texts(process: &Process) -> usize {
    process.exe.len() + process.cwd.len() + process.comm.len() + args(&process.args)
}

/// Not by looking at each word: there may be thousands.
fn args(args: &Args) -> usize {
    args.words.len() * WORD + args.total_bytes.min(CAPTURED) as usize
}

fn request(request: &Request) -> usize {
    let Request { method, path, query, route, host, user_agent, referer, forwarded_for, .. } = request;
    let Request { user, content_type, .. } = request;
    let texts = [method, path, host, user_agent, referer, forwarded_for, user, content_type];
    let texts = texts.into_iter().map(|text| text.len()).sum::<usize>();
    texts + route.len() + query.as_ref().map_or(0, |query| query.len())
}
