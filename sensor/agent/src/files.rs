//! What rules need and some policy observes, in the kernel half's terms.
use guardbee_model::{
    file::{Attribute, Operation, open_error_numbers},
    watch::{Role, Selection},
};
use guardbee_policy::PolicySet;
use guardbee_rules::RuleSet;
use guardbee_wire::{EventKind, WATCH_NAMES, Wants, WatchKey, WatchRole};

/// What the kernel half is asked for so that these rules miss nothing that any policy observes.
pub(crate) fn selected(rules: &RuleSet, policies: &PolicySet) -> Selection {
    let left_out = |operation: &Operation| policies.observed_nowhere().any(|name| name == operation.name());
    let left_out: Vec<_> = Operation::ALL.into_iter().filter(left_out).collect();
    rules.needs().without(&left_out).within(WATCH_NAMES)
}

/// The same of what is done to the system: a bit for each kind from [`EventKind::Credentials`] on.
pub(crate) fn watched(rules: &RuleSet, policies: &PolicySet) -> u32 {
    let left_out = |kind: &EventKind| policies.observed_nowhere().any(|name| name == kind.name());
    let bit = |kind: EventKind| (kind as u32).checked_sub(EventKind::Credentials as u32).map(|bit| 1 << bit);
    let left_out = EventKind::ALL.into_iter().filter(left_out).filter_map(bit);
    rules.watched() & !left_out.fold(0, |bits, bit: u32| bits | bit)
}

/// The watch list and what is wanted by it.
pub(crate) fn wants(needs: &Selection) -> (Wants, Vec<(WatchKey, u32)>) {
    let mut wants = Wants { all: bits(&needs.all), ..Wants::default() };
    let mut names = Vec::new();
    for ((role, text), operations) in &needs.named {
        let mut kinds = bits(operations);
        wants.named |= kinds;
        let role = match role {
            Role::Name => WatchRole::Name,
            Role::Climbing => {
                kinds = Wants::climbing(kinds);
                WatchRole::Name
            }
            Role::Folder => {
                wants.folders |= kinds;
                WatchRole::Folder
            }
            Role::Extension => {
                wants.extensions |= kinds;
                WatchRole::Extension
            }
        };
        names.push((WatchKey::new(role, text), kinds));
    }
    for name in &needs.variables {
        wants.variables |= Wants::variable(name);
        names.push((WatchKey::new(WatchRole::Variable, name), 0));
    }
    // Numbers begin with 1.
    let bit = |attribute: &Attribute| {
        1 << (Attribute::ALL.iter().position(|one| one == attribute).unwrap_or(0) + 1)
    };
    wants.given = bits(&needs.given) | Wants::climbing(bits(&needs.climbing));
    let errors = needs.errors.iter().flat_map(|word| open_error_numbers(word));
    wants.errors = errors.fold(0, |bits, number| bits | Wants::error(number));
    wants.attributes = needs.attributes.iter().map(bit).fold(0, |bits, bit: u32| bits | bit);
    // Two long names may be one to the kernel half.
    names.sort_by_key(|(key, _)| (key.role, key.length, key.name));
    names.dedup_by(|(key, kinds), (kept, all)| {
        let same = key == kept;
        *all |= if same { *kinds } else { 0 };
        same
    });
    (wants, names)
}

/// As `guardbee_wire::Wants` numbers them: both lists are in the same order.
fn bits(operations: &[Operation]) -> u32 {
    operations.iter().fold(0, |bits, operation| bits | 1 << (*operation as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_kinds_are_numbered_alike() {
        for (operation, kind) in Operation::ALL.into_iter().zip(EventKind::FILES) {
            assert_eq!(operation.name(), kind.name());
            assert_eq!(bits(&[operation]), Wants::bit(kind));
        }
    }

    #[test]
    fn what_no_policy_observes_is_not_asked_for() {
        let on = |title: &str, source: &str| {
            format!(
                "title: {title}\nlogsource: {{{source}}}\ndetection: {{s: {{Image: /x}}, condition: s}}\n---\n"
            )
        };
        let rules = [
            on("Files", "category: file_event"),
            on("Mounts", "product: guardbee, service: mount"),
            on("Signals", "product: guardbee, service: signal"),
        ];
        let rules = rules.concat();
        let rules = RuleSet::load(&[("rules.yml", rules)]).unwrap();
        let asked = |policies: &str| {
            let policies = PolicySet::load(&[("policies.yaml", policies)]).unwrap();
            let (wants, _) = wants(&selected(&rules, &policies));
            (wants.kinds() != 0, watched(&rules, &policies))
        };
        let bit = |kind: EventKind| 1 << (kind as u32 - EventKind::Credentials as u32);
        let both = bit(EventKind::Mount) | bit(EventKind::Signal);
        assert_eq!(asked("name: all\n"), (true, both));
        assert_eq!(asked("name: quiet\nleave_out: [files, mount]\n"), (false, bit(EventKind::Signal)));
        // One that can't apply changes nothing, one that can observes all of it.
        let quiet = "name: quiet\nobserve: none\n---\nname: some\nobserve: all\nmatch: ";
        assert_eq!(asked(&format!("{quiet}{{labels: {{a: b}}}}\n")), (false, 0));
        assert_eq!(asked(&format!("{quiet}{{unit: a.service}}\n")), (true, both));
    }

    #[test]
    fn lookups_are_asked_for_by_rules_that_look_at_names_of_peers() {
        let rule = |field: &str| {
            format!(
                "title: t\nlogsource: {{category: network_connection}}\ndetection: {{s: {{{field}: x}}, condition: s}}\n"
            )
        };
        let asked = |field| {
            let rules = RuleSet::load(&[("rules.yml", rule(field))]).unwrap();
            (watched(&rules, &PolicySet::default()), rules.rules()[0].wants.contains(&"dns"))
        };
        let bit = |kind: EventKind| 1 << (kind as u32 - EventKind::Credentials as u32);
        let datagrams = bit(EventKind::Datagram);
        assert_eq!(asked("DestinationHostname"), (datagrams | bit(EventKind::Dns), true));
        assert_eq!(asked("Image"), (datagrams, false));
    }

    #[test]
    fn datagrams_are_asked_for_by_rules_that_one_may_fulfil() {
        let asked = |source: &str, detection: &str| {
            let rule = format!("title: t\nlogsource: {{{source}}}\ndetection: {{{detection}}}\n");
            let rules = RuleSet::load(&[("rules.yml", rule)]).unwrap();
            watched(&rules, &PolicySet::default()) != 0
        };
        let network = "category: network_connection";
        for (source, detection, wanted) in [
            (network, "s: {Image: x}, condition: s", true),
            (network, "s: {Protocol: udp}, condition: s", true),
            (network, "s: {Protocol: [tcp, udp]}, condition: s", true),
            (network, "s: {Image: x}, t: {Protocol: tcp}, condition: s or t", true),
            (network, "s: {Image: x}, t: {Protocol: tcp}, condition: s and t", false),
            (network, "s: {Image: x}, t: {Protocol: udp}, condition: s and not t", false),
            (network, "s: {guardbee.unix.path: /x}, condition: s", false),
            (network, "s: {Initiated: false}, condition: s", false),
            ("product: guardbee, service: connect", "s: {Image: x}, condition: s", false),
            ("product: guardbee, service: datagram", "s: {Image: x}, condition: s", true),
        ] {
            assert_eq!(asked(source, detection), wanted, "{source} {detection}");
        }
    }

    #[test]
    fn names_that_matter_where_they_climb_are_on_the_same_list() {
        let of = |role, operation| ((role, b"passwd".as_slice().into()), vec![operation]);
        let both = [of(Role::Name, Operation::Modify), of(Role::Climbing, Operation::Open)];
        let needs =
            Selection { named: both.into(), climbing: vec![Operation::FolderOpen], ..Selection::default() };
        let (wants, names) = wants(&needs);
        assert_eq!(names, [(WatchKey::new(WatchRole::Name, b"passwd"), 1 << 1 | 1 << 16)]);
        assert_eq!((wants.all, wants.named), (0, 3));
        assert_eq!((wants.given, wants.kinds()), (1 << 27, 1 << 11 | 3));
    }

    #[test]
    fn errors_become_bits() {
        let asked = |errors: &[&'static str]| {
            wants(&Selection { errors: errors.to_vec(), ..Selection::default() }).0.errors
        };
        assert_eq!(asked(&["not_permitted", "permission_denied"]), 1 << 1 | 1 << 13);
        // ELOOP is above those that have a bit of their own.
        assert_eq!(asked(&["too_many_links"]), 1);
        let known: Vec<_> = guardbee_model::file::open_errors().collect();
        assert_eq!(asked(&known), u32::MAX);
        assert_eq!(asked(&["_OTHER"]) & (1 << 2 | 1 << 13 | 1 << 5 | 1), 1 << 5 | 1);
    }

    #[test]
    fn names_become_keys_and_long_ones_may_be_one() {
        let long =
            |end: &str| (Role::Name, format!("{}{end}", "n".repeat(40)).into_bytes().into_boxed_slice());
        let two = [(long("a"), vec![Operation::Open]), (long("b"), vec![Operation::Modify])];
        let needs =
            Selection { named: two.into(), attributes: vec![Attribute::Mode], ..Selection::default() };
        let (wants, names) = wants(&needs);
        assert_eq!((wants.all, wants.named, wants.folders, wants.attributes), (0, 3, 0, 2));
        assert_eq!(names, [(WatchKey::new(WatchRole::Name, &[b'n'; 41]), 3)]);
    }
}
