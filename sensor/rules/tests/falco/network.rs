//! What conditions on connections and datagrams match.
use super::{matches, rule, yaml};
use guardbee_rules::falco::Outcome;

/// Event, condition, an event that matches, and one that is near.
const SOCKETS: &[(&str, &str, &str, &str)] = &[
    ("connect", "fd.sip = 10.0.0.1", "DestinationIp: 10.0.0.1", "DestinationIp: 10.0.0.2"),
    ("connect", "fd.sip != 10.0.0.1", "DestinationIp: 10.0.0.2", "DestinationIp: 10.0.0.1"),
    (
        "connect",
        "fd.snet in ('10.0.0.0/8', 192.168.0.0/16)",
        "DestinationIp: 192.168.3.4",
        "DestinationIp: 11.0.0.1",
    ),
    ("connect", "fd.net = 127.0.0.0/8", "SourceIp: 127.0.0.9", "DestinationIp: 128.0.0.1"),
    ("connect", "fd.ip != 0.0.0.0", "DestinationIp: 1.1.1.1", "DestinationIp: 0.0.0.0"),
    (
        "connect",
        "fd.rip = 1.1.1.1 and fd.lip = 2.2.2.2",
        "DestinationIp: 1.1.1.1, SourceIp: 2.2.2.2",
        "DestinationIp: 2.2.2.2, SourceIp: 1.1.1.1",
    ),
    ("connect", "fd.sport in (22, 2222)", "DestinationPort: 22", "SourcePort: 22"),
    ("connect", "fd.port = 22", "SourcePort: 22", "SourcePort: 23"),
    ("connect", "fd.lport > 1024", "SourcePort: 1025", "SourcePort: 1024"),
    ("connect", "fd.typechar = 4 or fd.typechar = 6", "DestinationIp: '::1'", "guardbee.unix.path: /x"),
    ("connect", "fd.type = ipv4", "DestinationIp: 1.1.1.1", "DestinationIp: '::1'"),
    (
        "connect",
        "evt.rawres >= 0 or evt.res = EINPROGRESS",
        "guardbee.connect.error: 0",
        "guardbee.connect.error: 111",
    ),
    ("connect", "evt.failed = true", "guardbee.connect.error: 111", "guardbee.connect.error: 0"),
    ("connect", "evt.rawres = -111", "guardbee.connect.error: 111", "guardbee.connect.error: 110"),
    ("connect", "fd.num >= 0 and proc.name = nc and fd.is_server = false", "comm: nc", "comm: x"),
    ("accept", "fd.cip = 1.1.1.1", "SourceIp: 1.1.1.1", "DestinationIp: 1.1.1.1"),
    ("accept", "fd.lport = 80 and fd.is_server = true", "DestinationPort: 80", "DestinationPort: 8080"),
    ("listen", "fd.sport = 31337", "DestinationPort: 31337", "DestinationPort: 80"),
    ("listen", "fd.ip = 0.0.0.0", "DestinationIp: 0.0.0.0", "DestinationIp: 1.1.1.1"),
];

#[test]
fn sockets_match_as_in_falco() {
    for (event, condition, hit, near) in SOCKETS {
        let imported =
            rule(&format!("evt.type in ({event}, accept4) and fd.l4proto = tcp and ({condition})"));
        let Outcome::Written { yaml, .. } = &imported.outcome else {
            // A connection to a unix socket has no protocol.
            panic!("{condition}: {:#?}", imported.outcome)
        };
        assert!(matches(yaml, event, hit), "`{condition}` misses {hit}:\n{yaml}");
        assert!(!matches(yaml, event, near), "`{condition}` takes {near}:\n{yaml}");
    }
}

/// A condition, a first datagram that matches, and one that is near.
const DATAGRAMS: &[(&str, &str, &str)] = &[
    (
        "evt.type = connect and fd.l4proto = udp and fd.rip = 1.1.1.1",
        "DestinationIp: 1.1.1.1",
        "DestinationIp: 1.1.1.2",
    ),
    (
        "evt.type in (sendto, sendmsg) and fd.l4proto != tcp and fd.connected=false and fd.name_changed=true \
         and (fd.typechar = 4 or fd.typechar = 6) and fd.ip != 0.0.0.0 and fd.net != 127.0.0.0/8 \
         and (evt.rawres >= 0 or evt.res = EINPROGRESS)",
        "DestinationIp: 1.1.1.1",
        "DestinationIp: 127.0.0.1",
    ),
    // As of a socket that was bound to no address.
    (
        "evt.type = sendto and fd.l4proto = udp and fd.ip != 0.0.0.0",
        "SourceIp: 0.0.0.0",
        "DestinationIp: 0.0.0.0",
    ),
    (
        "evt.type = sendmmsg and fd.type = ipv6 and fd.sockfamily = ip and fd.name_changed = true",
        "DestinationIp: '::1'",
        "DestinationIp: 1.1.1.1",
    ),
    ("evt.type = connect and fd.l4proto = udp and fd.sport = 53", "DestinationPort: 53", "SourcePort: 53"),
];

#[test]
fn first_datagrams_match_as_connections_and_sends_do_in_falco() {
    for (condition, hit, near) in DATAGRAMS {
        let imported = rule(condition);
        let yaml = yaml(&imported);
        assert!(yaml.contains("first datagram is seen"), "{yaml}");
        assert!(matches(yaml, "datagram", hit), "`{condition}` misses {hit}:\n{yaml}");
        assert!(!matches(yaml, "datagram", near), "`{condition}` takes {near}:\n{yaml}");
    }
    // Each kind of connection has a document of its own.
    let both = rule("evt.type = connect and fd.sip = 1.1.1.1");
    for kind in ["connect", "datagram"] {
        assert!(matches(yaml(&both), kind, "DestinationIp: 1.1.1.1"), "{both:#?}");
        assert!(!matches(yaml(&both), kind, "DestinationIp: 1.1.1.2"), "{both:#?}");
    }
}
