//! Records of connections, and of the bytes of a request and its answer.
use crate::{
    deed::Actor,
    record::{self, Tail, address, record},
};
use guardbee_model::{
    event::{Connect, Listen},
    request::{Request, Response},
    socket::{Endpoint, Role, Socket},
};
use guardbee_wire::{
    ConnectEvent, DataEvent, Direction, DnsEvent, EventKind, ListenEvent, SocketEvent, SocketInfo,
    SocketRole, StringId,
};
use std::net::SocketAddr;

/// Bytes of one data record.
const DATA: usize = 4096;

fn info(from: &Socket, role: Role) -> SocketInfo {
    let mut info = SocketInfo {
        connection: from.connection.0,
        inode: from.inode,
        opened_ns: from.opened.0,
        net_ns: from.net_ns,
        role: match role {
            Role::Unknown => SocketRole::Unknown,
            Role::Accepted => SocketRole::Accepted,
            Role::Connected => SocketRole::Connected,
            Role::Listening => SocketRole::Listening,
        } as u8,
        ..SocketInfo::default()
    };
    match (&from.local, &from.remote) {
        (Endpoint::Ip(local), Endpoint::Ip(remote)) => {
            info.family = if local.is_ipv6() || remote.is_ipv6() { 10 } else { 2 };
            (info.local_address, info.local_port) = address(*local);
            (info.remote_address, info.remote_port) = address(*remote);
        }
        _ => info.family = 1,
    }
    info
}

/// Of a unix socket the path of the listening side.
fn tail(from: &Socket) -> Tail {
    let path = [&from.local, &from.remote].into_iter().find_map(|end| match end {
        Endpoint::Unix(path) if !path.is_empty() => Some(&**path),
        _ => None,
    });
    Tail::default().with(StringId::UnixPath, path.unwrap_or_default())
}

pub(crate) fn accept(actor: Actor, socket: &Socket) -> Vec<u8> {
    let event = SocketEvent { header: actor.header(EventKind::Accept), socket: info(socket, Role::Accepted) };
    record(&event, &tail(socket))
}

pub(crate) fn connect(actor: Actor, kind: EventKind, connect: &Connect) -> Vec<u8> {
    let event = ConnectEvent {
        header: actor.header(kind),
        socket: info(&connect.socket, Role::Connected),
        begun_ns: connect.begun.0,
        result: if connect.error > 1 { -connect.error } else { connect.error },
        pad: 0,
    };
    record(&event, &tail(&connect.socket))
}

pub(crate) fn listen(actor: Actor, listen: &Listen) -> Vec<u8> {
    let event = ListenEvent {
        header: actor.header(EventKind::Listen),
        socket: info(&listen.socket, Role::Listening),
        listening: listen.listening.into(),
        pad: 0,
    };
    record(&event, &Tail::default())
}

/// Question and answer that give the address of who is connected to its name.
pub(crate) fn lookup(actor: Actor, connect: &Connect) -> Option<Vec<Vec<u8>>> {
    let Endpoint::Ip(SocketAddr::V4(remote)) = &connect.socket.remote else { return None };
    // What a name must end with is no whole one.
    let name = [if connect.name.starts_with(b".") { &b"host"[..] } else { b"" }, &connect.name].concat();
    let mut question = Vec::new();
    for label in name.split(|byte| *byte == b'.') {
        question.push(u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?);
        question.extend_from_slice(label);
    }
    question.extend([0, 0, 1, 0, 1]);
    let message = |direction, flags: u16, record: &[u8]| {
        let answers = u16::from(!record.is_empty());
        let head: Vec<u8> = [7, flags, 1, answers, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
        let bytes = [&head, &question, record].concat();
        let event = DnsEvent {
            header: actor.header(EventKind::Dns),
            socket: 8,
            server: address("192.0.2.53:53".parse().unwrap()).0,
            length: u32::try_from(bytes.len()).unwrap(),
            direction: direction as u8,
            ..DnsEvent::default()
        };
        record::record(&event, &Tail::default().with(StringId::Message, &bytes))
    };
    let answer = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &remote.ip().octets()].concat();
    Some(vec![message(Direction::Sent, 0x0100, &[]), message(Direction::Received, 0x8180, &answer)])
}

/// The connection, the request as a client would send it, and the answer: what the payload ring has of an exchange.
pub(crate) fn exchange(actor: Actor, request: &Request, response: Option<&Response>) -> Option<Vec<Vec<u8>>> {
    let (Endpoint::Ip(client), Endpoint::Ip(server)) = (&request.client, &request.server) else {
        return None;
    };
    let (local_address, local_port) = address(*server);
    let (remote_address, remote_port) = address(*client);
    let socket = SocketInfo {
        connection: 7,
        inode: 7,
        opened_ns: actor.now,
        local_address,
        local_port,
        remote_address,
        remote_port,
        family: if server.is_ipv6() { 10 } else { 2 },
        role: SocketRole::Accepted as u8,
        ..SocketInfo::default()
    };
    let header = actor.header(EventKind::Socket);
    let mut out = vec![record(&SocketEvent { header, socket }, &Tail::default())];
    let asked = head(request);
    out.extend(data(actor, Direction::Received, &asked));
    let status = response.map_or(200, |response| response.status);
    let body = response.and_then(|response| response.response_body_bytes).unwrap_or_default();
    let body = vec![b'x'; usize::try_from(body).ok().filter(|length| *length < 1 << 20)?];
    let answer = format!("HTTP/1.1 {status} OK\r\nContent-Length: {}\r\n\r\n", body.len());
    out.extend(data(actor, Direction::Sent, &[answer.as_bytes(), &body].concat()));
    Some(out)
}

/// In pieces, each where the one before ended.
fn data(actor: Actor, direction: Direction, bytes: &[u8]) -> Vec<Vec<u8>> {
    let records = bytes.chunks(DATA).enumerate().map(|(nth, piece)| {
        let length = u32::try_from(piece.len()).unwrap();
        let event = DataEvent {
            header: actor.header(EventKind::Data),
            connection: 7,
            position: (nth * DATA) as u64,
            length,
            captured: length,
            direction: direction as u8,
            ..DataEvent::default()
        };
        let mut all = [zerocopy::IntoBytes::as_bytes(&event), piece].concat();
        all.resize(all.len().next_multiple_of(8), 0);
        let size = u32::try_from(all.len()).unwrap();
        let at = std::mem::offset_of!(guardbee_wire::EventHeader, size);
        all[at..at + 4].copy_from_slice(&size.to_ne_bytes());
        all
    });
    records.collect()
}

/// As a client says it, with some password.
fn authorization(user: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if user.is_empty() {
        return Vec::new();
    }
    let credentials = [user, b":secret"].concat();
    let mut out = b"Basic ".to_vec();
    for three in credentials.chunks(3) {
        let mut bytes = [0; 4];
        bytes[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(bytes);
        let digits = [18, 12, 6, 0].map(|shift| DIGITS[bits as usize >> shift & 63]);
        out.extend_from_slice(&digits[..=three.len()]);
        out.resize(out.len() + 3 - three.len(), b'=');
    }
    out
}

fn head(request: &Request) -> Vec<u8> {
    let query = request.query.as_deref().map(|query| [b"?", query].concat()).unwrap_or_default();
    let minor = request.minor_version;
    let mut out = [&request.method, &b" "[..], &request.path, &query].concat();
    out.extend(format!(" HTTP/1.{minor}\r\n").into_bytes());
    let host: &[u8] = if request.host.is_empty() { b"shop.example" } else { &request.host };
    for (name, value) in [
        ("Host", host),
        ("User-Agent", &request.user_agent),
        ("Referer", &request.referer),
        ("X-Forwarded-For", &request.forwarded_for),
        ("Content-Type", &request.content_type),
        ("Authorization", &authorization(&request.user)),
    ] {
        if !value.is_empty() {
            out.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
    }
    out.extend(b"\r\n");
    out
}
