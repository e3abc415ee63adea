//! What a test gives an event must be what rules read of it: with a value that is dropped or changed, a test passes or fails for
//! another reason than its author has in mind.
use super::hint;
use crate::{
    date::Date,
    eval::{Scratch, View},
    field::{Field, Kinds, Type},
    parse::Entry,
    pattern,
    problem::{Problems, shown, suggest},
    rule::ExampleEvent,
    sample,
};
use guardbee_model::{
    finding::{Action, Observation},
    system::CAPABILITIES,
    text,
};
use std::net::IpAddr;

/// Values that a message tells of a field that has several.
const TOLD: usize = 3;
/// Where the numbers that a field can have may begin and end, the farthest first.
const LEAST: [i64; 4] = [i64::MIN, i32::MIN as i64, 0, 1];
const MOST: [i64; 5] = [i64::MAX, u32::MAX as i64, i32::MAX as i64, u16::MAX as i64, u8::MAX as i64];

/// What is wrong with a value whichever event has it; [`None`]: nothing.
pub(super) fn impossible(field: Field, value: &str) -> Option<String> {
    let kernel = "events have the values that the kernel would give";
    let lower = value.to_ascii_lowercase();
    match field.row().kind {
        Type::Number if value.parse::<i64>().is_err() => Some(hint::number(value).to_owned()),
        Type::Flag if !matches!(lower.as_str(), "true" | "false") => Some("write true or false".to_owned()),
        Type::Address if value.parse::<IpAddr>().is_err() => Some("write one such as 10.0.0.1".to_owned()),
        Type::Word(words) if !words.contains(&value) => Some(suggest(value, words.iter().copied(), kernel)),
        Type::Time if Date::parse(value).is_none() => Some("write it as 2026-11-21 08:51:00".to_owned()),
        _ => None,
    }
}

/// Reads each value of an event back; `entries` are those that it was made of.
pub(super) fn read_back(event: &ExampleEvent, entries: &[Entry], problems: &mut Problems) {
    seen(event, |view| {
        for (entry, (field, values)) in entries.iter().zip(&event.values) {
            for (item, value) in entry.node.items().iter().zip(values) {
                if !is_read(*field, value, view) {
                    let read = told(*field, view);
                    let message =
                        format!("`{}` of `{}` is not in the event: {read}", shown(value), entry.key);
                    problems.error(item.mark, message, remedy(event, entries, (*field, value)));
                }
            }
        }
    });
}

/// The event as rules see it.
fn seen<T>(event: &ExampleEvent, look: impl FnOnce(&mut View<'_>) -> T) -> T {
    let observation = sample::observation(event, 0);
    let mut scratch = Scratch::default();
    scratch.set_wall(sample::WALL);
    look(&mut View::new(&observation, &mut scratch))
}

/// Whether it is among the values that rules see, compared as rules compare it.
fn is_read(field: Field, written: &str, view: &mut View<'_>) -> bool {
    match field.row().kind {
        // By whatever name the test calls it; of those that are not proven rules see no field, but correlations know them.
        _ if field == Field::Request => has_request(written, view.observation()),
        // A datagram of a socket that is bound to no address: rules read none.
        _ if field == Field::SourceAddress
            && matches!(view.observation().action, Action::Datagram(_))
            && written.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) =>
        {
            !view.has(field)
        }
        // Octal digits, which the field has four of.
        _ if matches!(field, Field::FileMode | Field::ExecutableMode) => {
            same(written, field, view, |text| u32::from_str_radix(text, 8).ok())
        }
        Type::Number => same(written, field, view, |text| text.parse::<i64>().ok()),
        Type::Address => same(written, field, view, |text| text.parse::<IpAddr>().ok()),
        Type::Time => same(written, field, view, Date::parse),
        Type::Text | Type::Word(_) | Type::Flag => {
            let bytes = text::unescape(written);
            // Names that are no bytes, as those of units, have no escapes: a backslash is one.
            let (bytes, name) = (pattern::fold(&bytes), pattern::fold(written.as_bytes()));
            view.folded(field).any(|value| value == &*bytes || value == &*name)
        }
    }
}

fn same<T: PartialEq>(
    written: &str,
    field: Field,
    view: &mut View<'_>,
    parse: impl Fn(&str) -> Option<T>,
) -> bool {
    let wanted = parse(written);
    let read = |value| std::str::from_utf8(value).ok().and_then(&parse);
    wanted.is_some() && view.values(field).any(|value| read(value) == wanted)
}

fn has_request(name: &str, observation: &Observation) -> bool {
    let id = sample::request_id(name);
    match &observation.action {
        Action::RequestHead(request) | Action::Exchange(request, _) => request.id == id,
        _ => observation.link.iter().flat_map(|link| &link.requests).any(|request| request.id == id),
    }
}

fn told(field: Field, view: &mut View<'_>) -> String {
    let mut read: Vec<_> =
        view.values(field).map(|value| format!("`{}`", shown(&text::escape(value)))).collect();
    if read.is_empty() {
        return "rules read nothing there".to_owned();
    }
    let more = if read.len() > TOLD { ", ..." } else { "" };
    read.truncate(TOLD);
    format!("rules read {}{more}", read.join(", "))
}

/// Whether all of it is read of an event of the action that has nothing else.
fn holds(action: Kinds, values: &[(Field, Vec<Box<str>>)]) -> bool {
    let event = ExampleEvent { offset_ns: 0, action, values: values.to_vec() };
    seen(&event, |view| {
        values.iter().all(|(field, values)| values.iter().all(|value| is_read(*field, value, view)))
    })
}

/// What to write in place of a value that is not read.
fn remedy(event: &ExampleEvent, entries: &[Entry], (field, value): (Field, &str)) -> String {
    let alone = [(field, vec![value.into()])];
    if holds(event.action, &alone) {
        return contradicted(event, entries, (field, value));
    }
    let having = Kinds::each().filter(|kind| field.row().actions.meets(*kind) && holds(*kind, &alone));
    let having: Vec<_> = having.map(|kind| format!("`action: {}`", kind.names())).collect();
    if !having.is_empty() {
        return format!("an event with {} has it; or leave it out", having.join(" or "));
    }
    let meaning = field.row().meaning.trim().trim_end_matches('.');
    match (field, field.row().kind) {
        (_, Type::Number) => numbers(event.action, field)
            .map_or_else(|| meaning.to_owned(), |(least, most)| format!("write {least} to {most}")),
        (
            Field::Capabilities | Field::CapabilitiesPermitted | Field::ContainerCapabilities | Field::Gained,
            _,
        ) => suggest(value, CAPABILITIES, "names are those of capabilities(7), such as `CAP_SYS_ADMIN`"),
        (Field::Trace, _) => "write 32 hex digits".to_owned(),
        (Field::Signal, _) => suggest(value, sample::signals(), meaning),
        _ => format!("the field is: {meaning}"),
    }
}

/// The value is possible, but not with what else the event has.
fn contradicted(event: &ExampleEvent, entries: &[Entry], (field, value): (Field, &str)) -> String {
    let own = || event.values.iter().filter(|(other, _)| *other == field).flat_map(|(_, values)| values);
    if own().any(|other| !holds(event.action, &[(field, vec![value.into(), other.clone()])])) {
        return format!("an event has one value of `{}`: keep one", field.row().name);
    }
    let mut others = entries.iter().zip(&event.values).filter(|(_, (other, _))| *other != field);
    let other =
        others.find(|(_, other)| !holds(event.action, &[(field, vec![value.into()]), (*other).clone()]));
    let Some((other, _)) = other else { return "leave out what contradicts it".to_owned() };
    format!("`{}` in line {} contradicts it: keep one of the two", other.key, other.key_mark.line)
}

/// The least and the greatest that the field can have.
fn numbers(action: Kinds, field: Field) -> Option<(i64, i64)> {
    let possible = |number: &i64| holds(action, &[(field, vec![number.to_string().into()])]);
    Some((LEAST.into_iter().find(possible)?, MOST.into_iter().find(possible)?))
}

#[cfg(test)]
mod tests {
    use crate::set::RuleSet;

    /// Each with its action: what says the same in other words, in whatever order, or more than what is written.
    const POSSIBLE: [(&str, &str); 22] = [
        ("exec", "User: www-data, euid: 33"),
        ("exec", "euid: 33, User: www-data"),
        ("exec", "User: 33, process.user.name: www-data, guardbee.user.source: container"),
        ("exec", "User: [root, 0], uid: 0"),
        ("exec", "process.executable.name: sh, Image: /opt/sh"),
        ("exec", "ParentImage: /opt/sh, process.parent.name: sh, ParentUser: root"),
        ("exec", "CommandLine: 'nc -e sh', process.command_args: [nc, -e, sh], a1: -e"),
        ("exec", "process.session_leader.name: sshd, ParentImage: /bin/bash"),
        (
            "exec",
            "process.session_leader.name: sshd, process.ancestors.executable: [/bin/sh, /usr/sbin/sshd]",
        ),
        ("exec", "guardbee.process.age: 60000000000, UtcTime: '2026-11-21 08:51:00.5'"),
        ("exec", "guardbee.executable.age_seconds: 100000000"),
        ("exec", "guardbee.executable.mode: 755, process.executable.setuid: false"),
        ("exec", r"systemd.unit: 'a\x2db.service', CommandLine: 'a\xff'"),
        ("exec", "guardbee.request: one, guardbee.link: sole"),
        ("exec", "guardbee.request: one, url.path: /A, cs-uri-query: b=c, cs-uri: /A?b=c"),
        ("connect", "DestinationIp: 10.1.2.3, guardbee.destination.network: private, network.peer.port: 080"),
        ("connect", "DestinationHostname: Some.Example.COM, DestinationIp: '2001:DB8::1'"),
        ("accept", "SourceIp: 10.1.2.3, network.peer.address: 10.1.2.3, Initiated: FALSE"),
        ("file_create", "file.extension: php, file.directory: /srv/www, file.name: a.php"),
        ("file_create", "file.path: /srv/www/a.php, file.extension: php, file.name: a.php"),
        ("mount", "type: SYSCALL, exit: 7"),
        ("dns", "dns.answers: [a.example], dns.resolved_ip: [192.0.2.1, '2001:db8::1']"),
    ];

    fn load(action: &str, event: &str) -> Result<RuleSet, Vec<String>> {
        let rule = format!(
            "title: T\nlogsource: {{product: guardbee, service: {action}}}\n\
             detection: {{s: {{Image: /bin/none}}, condition: s}}\n\
             guardbee: {{tests: [{{expect: no-match, event: {{{event}}}}}]}}\n"
        );
        let loaded = RuleSet::load(&[("rule.yml", rule)]);
        loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_an_event_can_have_is_accepted() {
        for (action, event) in POSSIBLE {
            let loaded = load(action, event);
            assert!(loaded.is_ok(), "{action}: {event}: {:#?}", loaded.err());
        }
    }

    #[test]
    fn an_event_may_be_later_than_clocks_go() {
        let rule = "title: T\nlogsource: {product: guardbee, service: exec}\n\
            detection: {s: {Image: /bin/none}, condition: s}\n\
            guardbee: {tests: [{expect: no-match, events: [{offset: 213000d, event: {Image: /bin/a}}]}]}\n";
        assert!(RuleSet::load(&[("rule.yml", rule)]).is_ok());
    }

    /// However the two are written: neither is dropped in silence.
    #[test]
    fn what_contradicts_itself_is_refused_in_any_order() {
        for (action, one, other) in [
            ("exec", "Image: /bin/sh", "process.executable.name: bash"),
            ("exec", "CommandLine: a b", "process.command_args: [a, c]"),
            ("exec", "User: root", "euid: 33"),
            ("exec", "guardbee.process.tty: pts/0", "process.interactive: false"),
            ("exec", "container.id: a", "guardbee.workload: 'container:b'"),
            ("exec", "guardbee.link: unproven", "url.path: /"),
            ("connect", "DestinationIp: 10.1.2.3", "guardbee.destination.network: public"),
            ("file_create", "file.path: /srv/a", "file.directory: /tmp"),
            ("file_create", "file.mode: 4755", "guardbee.file.setuid: false"),
            ("memory", "SYSCALL: mmap", "success: no"),
        ] {
            for event in [format!("{one}, {other}"), format!("{other}, {one}")] {
                let problems = load(action, &event).map(|_| ()).unwrap_err();
                assert!(problems.iter().any(|told| told.contains("is not in the event")), "{problems:#?}");
            }
        }
    }
}
