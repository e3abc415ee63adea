//! Lookups: a question to a name server and its answer are one event, with the request behind the question.
//!
//! A question takes the way of every security event, which finds its link. It comes out with its answer, or when that has not come
//! in [`crate::Params::patience`]. What an answer is the answer to is told by socket, id and question: that of a stranger is
//! nobody's.
use crate::{Output, Processes, Tracer, later, names::Who};
use guardbee_l7::dns::{self, Message, Unread, stream::Stream};
use guardbee_model::{
    clock::BootTime,
    dns::{Answer, Dns, Lookup, Part, Question},
    event::{Body, Direction, Event, Header},
    id::ConnectionId,
    link::Link,
    system::{Deed, System},
};
use lru::LruCache;
use rustc_hash::FxHashMap;
use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

/// What a question and its answer have in common; the name in lower case, since some ask in a random one.
type Key = (u64, u16, Question);

/// Who moved a message, and whether another one of the same record has become an event.
#[derive(Clone, Copy)]
struct Sent<'a> {
    header: Header,
    message: &'a Dns,
    further: bool,
}

/// Questions without an answer.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// Connections to name servers. The one that was silent for longest is forgotten, and what follows of it is looked at as of one that
    /// is older than the sensor.
    streams: LruCache<(ConnectionId, Direction), Stream>,
    asked: FxHashMap<Key, Asked>,
    /// In the order in which they came, at most [`crate::Params::lookups`]; what has been answered may stand here still.
    due: VecDeque<(BootTime, Key)>,
}

impl Lookups {
    /// Nothing asked yet.
    pub(crate) fn new(streams: usize) -> Self {
        let streams = LruCache::new(NonZeroUsize::new(streams).unwrap_or(NonZeroUsize::MIN));
        Self { streams, asked: FxHashMap::default(), due: VecDeque::new() }
    }
}

#[derive(Debug, Default)]
struct Asked {
    /// The question with its link, once that is known.
    event: Option<(Event, Option<Link>)>,
    answer: Option<(BootTime, Answer)>,
}

fn key(socket: u64, id: u16, question: &Question) -> Key {
    (socket, id, Question { name: question.name.to_ascii_lowercase().into(), ..question.clone() })
}

fn event(header: Header, comm: Box<[u8]>, lookup: Lookup) -> Event {
    let system = System { call: None, comm, deed: Deed::Lookup(lookup) };
    Event { header, body: Body::System(Arc::new(system)) }
}

/// The lookup that an event is, and its key.
fn lookup(event: &mut Event) -> Option<&mut Lookup> {
    let Body::System(system) = &mut event.body else { return None };
    // Nobody else has it as yet.
    let system = Arc::get_mut(system)?;
    if let Deed::Lookup(lookup) = &mut system.deed { Some(lookup) } else { None }
}

impl Tracer {
    /// Takes a message, or what was moved of some. A question comes out as an event when its answer is there; of all others nothing
    /// comes.
    pub(crate) fn dns(
        &mut self,
        header: Header,
        message: &Dns,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let mut further = false;
        let messages = match message.part {
            None => vec![(message.bytes.to_vec(), message.length)],
            Some(part) => self.messages(part, message),
        };
        for (bytes, length) in messages {
            let sent = Sent { header, message, further };
            further |= self.message(sent, (&bytes, length), processes, out);
        }
        if !further {
            out.push(Output::Consumed);
        }
    }

    /// Messages that end in these bytes of a connection.
    fn messages(&mut self, part: Part, message: &Dns) -> Vec<(Vec<u8>, u32)> {
        let new = || if part.middle { Stream::middle() } else { Stream::default() };
        let key = (part.connection, message.direction);
        let stream = self.lookups.streams.get_or_insert_mut(key, new);
        let read = stream.take(part.position, message.length, &message.bytes);
        if read.lost {
            self.counter.add("message_unread", "dns", 1);
        }
        read.messages
    }

    /// Takes a message. Answers whether it becomes an event.
    fn message(
        &mut self,
        sent: Sent<'_>,
        (bytes, length): (&[u8], u32),
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> bool {
        let Sent { header, message: &Dns { socket, server, direction, ref comm, .. }, further } = sent;
        let asked = header.time;
        match (direction, dns::parse(bytes, length)) {
            _ if bytes.is_empty() => self.counter.add("message_unread", "dns", 1),
            (Direction::Sent, Ok(Message { id, question, answer: None, .. })) => {
                let key = key(socket, id, &question);
                // Asked again before there was an answer: one lookup.
                if !self.lookups.asked.contains_key(&key) {
                    self.make_room(out);
                    let due = later(asked, self.params.patience);
                    self.lookups.due.push_back((due, key.clone()));
                    self.lookups.asked.insert(key, Asked::default());
                    let lookup = Lookup { asked, server, socket, id, question, answer: None, further };
                    self.hold(event(header, comm.clone(), lookup), processes, out);
                    return true;
                }
            }
            (Direction::Received, Ok(Message { id, question, answer: Some(answer), ttl })) => {
                let key = key(socket, id, &question);
                if self.lookups.asked.contains_key(&key) {
                    self.answered(&header, &key, (answer, ttl), processes);
                    self.tell(&key, out);
                } else {
                    self.count("dns_unasked");
                }
            }
            // Told: there are those who use the port because firewalls let it through.
            (Direction::Sent, Err(Unread::Short | Unread::Malformed)) => {
                let question = Question::default();
                let lookup = Lookup { asked, server, socket, id: 0, question, answer: None, further };
                self.hold(event(header, comm.clone(), lookup), processes, out);
                return true;
            }
            (Direction::Received, Err(Unread::Short | Unread::Malformed)) => self.count("dns_malformed"),
            (_, Ok(_)) => self.count("dns_backwards"),
            (_, Err(Unread::OtherOperation | Unread::NoQuestion)) => self.count("dns_no_question"),
        }
        false
    }

    /// Keeps the answer to a question, and by which name its addresses go.
    fn answered(
        &mut self,
        header: &Header,
        key: &Key,
        (answer, ttl): (Answer, u32),
        processes: &dyn Processes,
    ) {
        if let Some(who) = header.process {
            let (who, (_, _, question)) = (Who::new(who, processes), key);
            let gone = self.names.learn(&who, &question.name, answer.addresses(), (header.time, ttl));
            if gone > 0 {
                self.counter.add("names_full", "dns", gone);
            }
        }
        if let Some(asked) = self.lookups.asked.get_mut(key) {
            asked.answer.get_or_insert((header.time, answer));
        }
    }

    /// The oldest goes without its answer where there is no room.
    fn make_room(&mut self, out: &mut Vec<Output>) {
        while self.lookups.due.len() >= self.params.lookups {
            let Some((_, key)) = self.lookups.due.pop_front() else { return };
            if self.lookups.asked.contains_key(&key) {
                self.counter.add("lookups_full", "dns", 1);
                self.let_go(&key, out);
            }
        }
    }

    /// The link of a question is known. Gives back what is none.
    pub(crate) fn linked(
        &mut self,
        mut event: Event,
        link: Option<Link>,
        out: &mut Vec<Output>,
    ) -> Option<(Event, Option<Link>)> {
        let Some(Lookup { socket, id, question, asked: time, .. }) = lookup(&mut event) else {
            return Some((event, link));
        };
        let (key, overdue) = (key(*socket, *id, question), later(*time, self.params.patience) <= self.now);
        let Some(asked) = self.lookups.asked.get_mut(&key) else {
            // It had no room.
            return Some((event, link));
        };
        asked.event = Some((event, link));
        if overdue {
            self.let_go(&key, out);
        } else {
            self.tell(&key, out);
        }
        None
    }

    /// Lets a lookup out whose link and answer are known.
    fn tell(&mut self, key: &Key, out: &mut Vec<Output>) {
        if self.lookups.asked.get(key).is_some_and(|asked| asked.event.is_some() && asked.answer.is_some()) {
            self.let_go(key, out);
        }
    }

    /// Lets a lookup out with what is known; one whose link isn't comes out with that.
    fn let_go(&mut self, key: &Key, out: &mut Vec<Output>) {
        let Some(Asked { event, answer }) = self.lookups.asked.remove(key) else { return };
        let Some((mut event, link)) = event else { return };
        let until =
            answer.as_ref().map_or_else(|| later(event.header.time, self.params.patience), |(time, _)| *time);
        event.header.time = until.min(self.now).max(event.header.time);
        if let Some(lookup) = lookup(&mut event) {
            lookup.answer = answer.map(|(_, answer)| answer);
        }
        out.push(Output::Security { event, link });
    }

    /// Lets out what has waited for long enough.
    pub(crate) fn give_up(&mut self, out: &mut Vec<Output>) {
        while self.lookups.due.front().is_some_and(|(due, _)| *due <= self.now) {
            let Some((_, key)) = self.lookups.due.pop_front() else { return };
            self.let_go(&key, out);
        }
    }
}
