//! What is told once in a frame, and by its number from then on: processes, their ancestors, requests, names.
use crate::{
    bytes::{Put, Take},
    error::Wrong,
    names,
};
use guardbee_model::{process::Process, request::Request};
use std::{collections::HashMap, sync::Arc};

/// Of shared things of one type: which were told.
#[derive(Debug)]
struct Told<T: ?Sized> {
    /// By address; it stays the thing's own as long as `kept` has it.
    numbers: HashMap<usize, usize>,
    kept: Vec<Arc<T>>,
}

impl<T: ?Sized> Default for Told<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), kept: Vec::new() }
    }
}

impl<T: ?Sized> Told<T> {
    fn clear(&mut self) {
        self.numbers.clear();
        self.kept.clear();
    }

    /// The number of `one`, and whether it is new: then what it is must follow.
    fn number(&mut self, one: &Arc<T>) -> (usize, bool) {
        let next = self.kept.len();
        let number = *self.numbers.entry(Arc::as_ptr(one).cast::<u8>().addr()).or_insert(next);
        if number == next {
            self.kept.push(Arc::clone(one));
        }
        (number, number == next)
    }
}

/// What was put into a frame, and how.
#[derive(Debug, Default)]
pub(crate) struct Puts {
    processes: Told<Process>,
    /// An empty list has no address of its own and is told as such.
    chains: Told<[Arc<Process>]>,
    requests: Told<Request>,
    names: HashMap<&'static str, usize>,
}

impl Puts {
    pub(crate) fn clear(&mut self) {
        self.processes.clear();
        self.chains.clear();
        self.requests.clear();
        self.names.clear();
    }

    pub(crate) fn process(&mut self, process: &Arc<Process>, put: &mut Put) {
        let (number, new) = self.processes.number(process);
        put.length(number);
        if new {
            crate::process::put(process, put);
        }
    }

    pub(crate) fn chain(&mut self, chain: &Arc<[Arc<Process>]>, put: &mut Put) {
        if chain.is_empty() {
            return put.byte(0);
        }
        let (number, new) = self.chains.number(chain);
        put.length(number + 1);
        if new {
            put.length(chain.len());
            chain.iter().for_each(|process| self.process(process, put));
        }
    }

    pub(crate) fn request(&mut self, request: &Arc<Request>, put: &mut Put) {
        let (number, new) = self.requests.number(request);
        put.length(number);
        if new {
            crate::request::put(request, put);
        }
    }

    pub(crate) fn name(&mut self, name: &'static str, put: &mut Put) {
        let next = self.names.len();
        let number = *self.names.entry(name).or_insert(next);
        put.length(number);
        if number == next {
            put.text(name);
        }
    }
}

/// Parents of one process.
const CHAIN: usize = 1024;

/// What was taken out of a frame.
#[derive(Debug, Default)]
pub(crate) struct Takes {
    processes: Vec<Arc<Process>>,
    chains: Vec<Arc<[Arc<Process>]>>,
    requests: Vec<Arc<Request>>,
    names: Vec<&'static str>,
}

/// The one with this number, if it was told; otherwise the next is to be read.
fn told<T: Clone>(number: usize, known: &[T]) -> Result<Option<T>, Wrong> {
    match known.get(number) {
        Some(one) => Ok(Some(one.clone())),
        None if number == known.len() => Ok(None),
        None => Err(Wrong("something is named that was not told")),
    }
}

impl Takes {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn process(&mut self, take: &mut Take<'_>) -> Result<Arc<Process>, Wrong> {
        if let Some(process) = told(take.narrow()?, &self.processes)? {
            return Ok(process);
        }
        let process = Arc::new(crate::process::take(take)?);
        self.processes.push(Arc::clone(&process));
        Ok(process)
    }

    pub(crate) fn chain(&mut self, take: &mut Take<'_>) -> Result<Arc<[Arc<Process>]>, Wrong> {
        let Some(number) = take.narrow::<usize>()?.checked_sub(1) else { return Ok(Arc::default()) };
        if let Some(chain) = told(number, &self.chains)? {
            return Ok(chain);
        }
        let chain: Arc<[_]> = take.list(CHAIN, |take| self.process(take))?.into();
        self.chains.push(Arc::clone(&chain));
        Ok(chain)
    }

    pub(crate) fn request(&mut self, take: &mut Take<'_>) -> Result<Arc<Request>, Wrong> {
        if let Some(request) = told(take.narrow()?, &self.requests)? {
            return Ok(request);
        }
        let request = Arc::new(crate::request::take(take)?);
        self.requests.push(Arc::clone(&request));
        Ok(request)
    }

    pub(crate) fn name(&mut self, take: &mut Take<'_>) -> Result<&'static str, Wrong> {
        if let Some(name) = told(take.narrow()?, &self.names)? {
            return Ok(name);
        }
        let name = names::constant(take.string()?);
        self.names.push(name);
        Ok(name)
    }
}
