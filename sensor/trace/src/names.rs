//! Names of peers: by which name the address goes that a process connects to.
//!
//! It is the name that was asked for, whatever aliases the answer went through. A process's own question counts before all
//! others; else that of whoever shares its container, or of the host's processes that of any of them (who connects may have had
//! a helper ask), and only where no two names were answered with the address: which of them was meant nobody knows.
use crate::{Life, Processes, later};
use guardbee_model::{clock::BootTime, process::ProcessKey};
use lru::LruCache;
use std::{hash::Hash, net::IpAddr, num::NonZeroUsize, sync::Arc, time::Duration};

/// Clients keep an answer for some time whatever it says, and what says a day or more is asked for again sooner.
const KEPT: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(1)];

/// Whose names are one another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Host,
    Container(Box<str>),
}

/// Who asks, or connects.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    life: Life,
    /// [`None`]: where it belongs is not known as yet.
    place: Option<Place>,
}

impl Who {
    pub(crate) fn new(key: ProcessKey, processes: &dyn Processes) -> Self {
        let process = processes.process(key);
        let place = process.and_then(|process| match &process.container {
            Some(container) => Some(Place::Container(container.id.clone())),
            None => process.cgroup.is_some().then_some(Place::Host),
        });
        Self { life: key.life(), place }
    }
}

#[derive(Clone, Debug)]
struct Named {
    name: Arc<[u8]>,
    /// Since it is this one.
    since: BootTime,
    until: BootTime,
    /// Until then another name is in force as well.
    shared: BootTime,
}

/// By which name an address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Name(Arc<[u8]>),
    /// By two or more.
    Several,
    Unknown,
}

/// What was answered lately. Both tables are bounded: what was asked first goes first.
#[derive(Debug)]
pub(crate) struct Names {
    own: LruCache<(Life, IpAddr), Named>,
    shared: LruCache<(Place, IpAddr), Named>,
}

impl Names {
    /// `names`: addresses in each of the two tables.
    pub(crate) fn new(names: usize) -> Self {
        let names = NonZeroUsize::new(names).unwrap_or(NonZeroUsize::MIN);
        Self { own: LruCache::new(names), shared: LruCache::new(names) }
    }

    /// `name`, in lower case, was answered with `addresses`, which hold for `ttl` seconds. Gives how many others had to go for it, that were in force.
    pub(crate) fn learn(
        &mut self,
        who: &Who,
        name: &[u8],
        addresses: impl Iterator<Item = IpAddr>,
        (now, ttl): (BootTime, u32),
    ) -> u64 {
        let [least, most] = KEPT;
        let until = later(now, Duration::from_secs(ttl.into()).clamp(least, most));
        let named = Named { name: name.into(), since: now, until, shared: BootTime(0) };
        let mut gone = 0;
        for address in addresses {
            gone += put(&mut self.own, (who.life, address), &named);
            if let Some(place) = &who.place {
                gone += put(&mut self.shared, (place.clone(), address), &named);
            }
        }
        gone
    }

    /// By which name the address went for the process at that moment.
    pub(crate) fn find(&self, who: &Who, address: IpAddr, at: BootTime) -> Found {
        let in_force = |named: &&Named| named.since <= at && at < named.until;
        if let Some(own) = self.own.peek(&(who.life, address)).filter(in_force) {
            return Found::Name(Arc::clone(&own.name));
        }
        let shared = who.place.clone().and_then(|place| self.shared.peek(&(place, address)));
        match shared.filter(in_force) {
            Some(named) if at < named.shared => Found::Several,
            Some(named) => Found::Name(Arc::clone(&named.name)),
            None => Found::Unknown,
        }
    }
}

/// Gives 1 if another had to go that was in force.
fn put<K: Hash + Eq>(table: &mut LruCache<K, Named>, key: K, named: &Named) -> u64 {
    match table.get_mut(&key) {
        Some(known) if known.name == named.name => known.until = known.until.max(named.until),
        Some(known) => *known = Named { shared: known.shared.max(known.until), ..named.clone() },
        None => {
            let pushed = table.push(key, named.clone());
            return u64::from(pushed.is_some_and(|(_, old)| old.until > named.since));
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    fn who(tgid: u32, container: Option<&str>) -> Who {
        let place = container.map_or(Place::Host, |id| Place::Container(id.into()));
        Who { life: (tgid, BootTime(1)), place: Some(place) }
    }

    fn address(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    /// `who` asks for a name, and the answer holds for so many seconds.
    fn asked(names: &mut Names, who: &Who, name: &str, last: u8, (now, ttl): (u64, u32)) -> u64 {
        names.learn(who, name.as_bytes(), [address(last)].into_iter(), (BootTime(now), ttl))
    }

    fn found(names: &Names, who: &Who, last: u8, at: u64) -> String {
        match names.find(who, address(last), BootTime(at)) {
            Found::Name(name) => String::from_utf8(name.to_vec()).unwrap(),
            Found::Several => "several".to_owned(),
            Found::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn who_asked_itself_knows_which_name_it_meant() {
        let (mut names, me, other) = (Names::new(8), who(1, None), who(2, None));
        asked(&mut names, &me, "first.example", 7, (10, 300));
        asked(&mut names, &me, "mine.example", 7, (20, 300));
        asked(&mut names, &other, "theirs.example", 7, (30, 300));
        for (at, right) in [(19, "unknown"), (20, "mine.example"), (40, "mine.example")] {
            assert_eq!(found(&names, &me, 7, at), right, "{at}");
        }
        assert_eq!(found(&names, &other, 7, 40), "theirs.example");
        assert_eq!(found(&names, &me, 8, 40), "unknown");
    }

    #[test]
    fn a_helper_asks_for_its_container_or_the_host_and_for_nobody_else() {
        let (mut names, helper) = (Names::new(8), who(1, Some("a")));
        asked(&mut names, &helper, "asked.example", 7, (10, 300));
        asked(&mut names, &who(2, None), "host.example", 8, (10, 300));
        assert_eq!(found(&names, &who(3, Some("a")), 7, 20), "asked.example");
        assert_eq!(found(&names, &who(3, None), 8, 20), "host.example");
        for (last, stranger) in [(7, who(3, Some("b"))), (7, who(3, None)), (8, who(3, Some("a")))] {
            assert_eq!(found(&names, &stranger, last, 20), "unknown");
        }
        let nowhere = Who { place: None, ..who(3, None) };
        assert_eq!(found(&names, &nowhere, 8, 20), "unknown");
    }

    #[test]
    fn of_two_names_in_force_none_is_guessed() {
        let (mut names, one, two, me) = (Names::new(8), who(1, None), who(2, None), who(3, None));
        asked(&mut names, &one, "one.example", 7, (0, 120));
        asked(&mut names, &two, "two.example", 7, (10, 300));
        for (at, right) in [(10, "several"), (2 * MINUTE - 1, "several"), (2 * MINUTE, "two.example")] {
            assert_eq!(found(&names, &me, 7, at), right, "{at}");
        }
        // Once more the first one, and then the second in force for longer.
        asked(&mut names, &one, "one.example", 7, (3 * MINUTE, 60));
        assert_eq!(found(&names, &me, 7, 3 * MINUTE), "several");
    }

    #[test]
    fn names_hold_for_a_minute_at_least_and_an_hour_at_most() {
        for (ttl, minutes) in [(0, 1), (59, 1), (120, 2), (u32::MAX, 60)] {
            let (mut names, me) = (Names::new(8), who(1, None));
            asked(&mut names, &me, "some.example", 7, (0, ttl));
            let end = minutes * MINUTE;
            assert_eq!(found(&names, &me, 7, end - 1), "some.example", "{ttl}");
            assert_eq!(found(&names, &me, 7, end), "unknown", "{ttl}");
        }
    }

    #[test]
    fn with_no_room_the_oldest_goes_and_is_counted_where_it_was_in_force() {
        let (mut names, me) = (Names::new(2), who(1, None));
        let gone = [1, 2, 3, 4].map(|last| asked(&mut names, &me, "some.example", last, (10, 60)));
        // In both tables.
        assert_eq!(gone, [0, 0, 2, 2]);
        assert_eq!(found(&names, &me, 1, 20), "unknown");
        assert_eq!(asked(&mut names, &me, "some.example", 5, (10 + MINUTE, 60)), 0);
    }
}
