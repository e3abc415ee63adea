//! Falco's `fd.*` fields of connections.
use super::{
    events::Class,
    logic::{Line, Logic, Value},
    syntax::Operator,
};
use crate::rule::Cidr;
use std::net::IpAddr;

const DESTINATION: &str = "destination.address";
const SOURCE: &str = "source.address";

/// Says `name operator value` of an event of `class`. [`None`]: it is no field of connections that we have.
pub(super) fn compare(
    class: Class,
    name: &str,
    operator: Operator,
    value: &str,
) -> Option<Result<Logic, String>> {
    if let Some(fields) = addresses(class, name) {
        // If one end has an address, so has the other.
        let fields = if operator == Operator::Exists { fields.get(..1).unwrap_or_default() } else { fields };
        return Some(either(fields, |field| address(field, operator, value)));
    }
    if let Some(fields) = ports(class, name) {
        let fields = if operator == Operator::Exists { fields.get(..1).unwrap_or_default() } else { fields };
        return Some(either(fields, |field| number(field, operator, value)));
    }
    let equal = matches!(operator, Operator::Equal | Operator::In | Operator::Intersects);
    Some(match name {
        "fd.l4proto" | "fd.type" | "fd.typechar" | "fd.sockfamily" if operator == Operator::Exists => {
            Ok(Logic::Constant(true))
        }
        "fd.l4proto" | "fd.type" | "fd.typechar" | "fd.sockfamily" if equal => Ok(kind(class, value)),
        "fd.is_server" if equal => Ok(Logic::Constant(class.outbound() != (value == "true"))),
        "fd.num" => super::map::sign(operator, value)
            .map(Logic::Constant)
            .ok_or_else(|| "numbers of descriptors are not recorded".to_owned()),
        _ => return None,
    })
}

fn either(
    fields: &[&'static str],
    one: impl Fn(&'static str) -> Result<Logic, String>,
) -> Result<Logic, String> {
    fields.iter().map(|field| one(field)).collect::<Result<_, _>>().map(Logic::Or)
}

/// The source is who connects, whichever end is here. A listening socket has one end.
fn addresses(class: Class, name: &str) -> Option<&'static [&'static str]> {
    Some(match (name, class) {
        ("fd.cip" | "fd.cnet" | "fd.rip" | "fd.rnet", Class::Listen) => &[],
        ("fd.rip" | "fd.rnet", _) => &["network.peer.address"],
        ("fd.cip" | "fd.cnet", _) => &[SOURCE],
        ("fd.lip" | "fd.lnet", class) if class.outbound() => &[SOURCE],
        ("fd.sip" | "fd.snet" | "fd.lip" | "fd.lnet", _) | ("fd.ip" | "fd.net", Class::Listen) => {
            &[DESTINATION]
        }
        ("fd.ip" | "fd.net", _) => &[DESTINATION, SOURCE],
        _ => return None,
    })
}

fn ports(class: Class, name: &str) -> Option<&'static [&'static str]> {
    const DESTINATION: &str = "destination.port";
    const SOURCE: &str = "source.port";
    Some(match (name, class) {
        ("fd.cport" | "fd.rport", Class::Listen) => &[],
        ("fd.rport", _) => &["network.peer.port"],
        ("fd.cport", _) => &[SOURCE],
        ("fd.lport", class) if class.outbound() => &[SOURCE],
        ("fd.sport" | "fd.lport", _) | ("fd.port", Class::Listen) => &[DESTINATION],
        ("fd.port", _) => &[DESTINATION, SOURCE],
        _ => return None,
    })
}

pub(super) fn address(field: &'static str, operator: Operator, value: &str) -> Result<Logic, String> {
    match operator {
        Operator::Exists => Ok(Line::new(field, "|exists", Value::Flag(true)).into()),
        Operator::Equal | Operator::In | Operator::Intersects => {
            if let Ok(address) = value.parse::<IpAddr>() {
                return Ok(Line::new(field, "", Value::Text(address.to_string())).into());
            }
            let block = Cidr::parse(value).map(|_| Line::new(field, "|cidr", Value::Text(value.to_owned())));
            block.map(Logic::from).ok_or_else(|| format!("`{value}` is no address and no block of them"))
        }
        other => Err(format!("`{}` of an address can't be said", other.word())),
    }
}

/// A comparison of numbers.
pub(super) fn number(field: &'static str, operator: Operator, value: &str) -> Result<Logic, String> {
    if operator == Operator::Exists {
        return Ok(Line::new(field, "|exists", Value::Flag(true)).into());
    }
    let number = parsed(value).ok_or_else(|| format!("`{value}` is no whole number"))?;
    let modifier = match operator {
        Operator::Equal | Operator::In | Operator::Intersects => "",
        Operator::Less => "|lt",
        Operator::LessOrEqual => "|lte",
        Operator::Greater => "|gt",
        Operator::GreaterOrEqual => "|gte",
        other => return Err(format!("`{}` of a number can't be said", other.word())),
    };
    Ok(Line::new(field, modifier, Value::Number(number)).into())
}

/// Decimal or hexadecimal.
pub(super) fn parsed(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// What kind of socket it is, in any of Falco's ways to say it.
fn kind(class: Class, value: &str) -> Logic {
    let transport = |kind: &str| Line::new("network.transport", "", Value::Text(kind.to_owned())).into();
    let family = |block: &str| Line::new(DESTINATION, "|cidr", Value::Text(block.to_owned())).into();
    let datagram = class == Class::Datagram;
    match value {
        "4" | "ipv4" => family("0.0.0.0/0"),
        "6" | "ipv6" => family("::/0"),
        "ip" | "udp" if datagram => Logic::Constant(true),
        "u" | "unix" if !datagram => transport("unix"),
        "tcp" | "ip" if !datagram => transport("tcp"),
        // Everything that is no socket, and the kinds of others.
        _ => Logic::Constant(false),
    }
}
