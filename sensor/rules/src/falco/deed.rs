//! From Falco's checks to lines of ours, for what is done to files and to the system: arguments, descriptors, results.
use super::{
    fields,
    kinds::{Argument, Descriptor, Kind, Named, OPEN_FAILED},
    logic::{Line, Logic, Value},
    map::{equals, flag, holds, order, sign},
    network,
    syntax::Operator,
    text::{self, Comparison, Dialect},
    transform::Change,
};
use crate::field::{self, Found};
use guardbee_model::file::open_error;
use std::collections::BTreeSet;

/// Of calls that fail nothing is recorded.
pub(super) const FAILED: &str = "calls that fail are not recorded";
const FLAGS: &str = "guardbee.file.flags";

/// Errors of open(2), and what we call them.
const ERRORS: [(&str, &str); 12] = [
    ("EPERM", "not_permitted"),
    ("ENOENT", "not_found"),
    ("ENXIO", "no_device"),
    ("EACCES", "permission_denied"),
    ("EBUSY", "busy"),
    ("EEXIST", "exists"),
    ("ENOTDIR", "not_a_folder"),
    ("EISDIR", "is_a_folder"),
    ("ETXTBSY", "executable_in_use"),
    ("ENOSPC", "no_space"),
    ("EROFS", "read_only"),
    ("ELOOP", "too_many_links"),
];

/// A check of an event of `kind` that Falco calls `event`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) kind: &'static Kind,
    pub(super) event: &'a str,
    pub(super) name: &'a str,
    pub(super) change: Change,
    pub(super) operator: Operator,
    pub(super) value: &'a str,
}

impl Asked<'_> {
    /// What it says in our words. [`None`]: it is about the process, not about what was done.
    pub(super) fn said(self, notes: &mut BTreeSet<&'static str>) -> Option<Result<Logic, String>> {
        let Self { kind, name, .. } = self;
        let opened = kind.descriptor == Descriptor::Opened;
        if let Some(argument) = name.strip_prefix("evt.arg.") {
            if opened && argument == "flags" {
                notes.insert("Of `openat2`, `O_CREAT`, `O_EXCL` and `O_TRUNC` are not known.");
            }
            return Some(self.argument(argument));
        }
        match name {
            "evt.is_open_read" | "evt.is_open_write" | "evt.is_open_create" if opened => Some(self.access()),
            "evt.is_open_exec" if opened => {
                Some(Err("modes that an open was given are not recorded".to_owned()))
            }
            "evt.is_open_read" | "evt.is_open_write" | "evt.is_open_create" | "evt.is_open_exec" => {
                let wanted = flag(self.value).unwrap_or_default();
                Some(Ok(Logic::Constant(self.operator == Operator::Exists || !wanted)))
            }
            "evt.res" | "evt.rawres" | "evt.failed" => Some(self.result()),
            "fs.path.name" => Some(self.path(["name", "path", "filename", "pathname"])),
            "fs.path.source" => Some(self.path(["oldpath"])),
            "fs.path.target" => Some(self.path(["newpath"])),
            _ if name.starts_with("fd.") => {
                if name.starts_with("fd.name") && opened {
                    notes.insert("A path that is too deep has its first components missing.");
                }
                Some(self.descriptor())
            }
            _ if name.starts_with("fdlist.") => Some(Ok(Logic::Constant(false))),
            _ => None,
        }
    }

    /// `evt.arg.*`: what a call doesn't have is never equal to anything.
    fn argument(self, argument: &str) -> Result<Logic, String> {
        let Self { kind, event, .. } = self;
        let has = |events: &[&str]| events.is_empty() || events.contains(&event);
        let found = kind.arguments.iter().find(|(events, name, _)| has(events) && *name == argument);
        let Some((.., known)) = found else {
            // Of other events Falco knows it, so that it is no slip.
            return match argument {
                "res" => self.result(),
                _ => Ok(Logic::Constant(false)),
            };
        };
        if self.operator == Operator::Exists {
            return Ok(Logic::Constant(true));
        }
        match known {
            Argument::Text(field, dialect) => self.text(field, *dialect),
            Argument::Missing(why) => Err((*why).to_owned()),
            _ if self.change != Change::None => Err("this transformer is for texts".to_owned()),
            Argument::One(names) => self.one(names),
            Argument::Set(names) => self.set(names),
            Argument::User(number, name) => self.user(number, *name),
        }
    }

    /// What is a number here is compared as one.
    fn text(self, field: &'static str, dialect: Dialect) -> Result<Logic, String> {
        let Self { change, operator, value, .. } = self;
        if let Some(Found::Field(known)) = field::find(field)
            && known.row().kind == field::Type::Number
        {
            return network::number(field, operator, value);
        }
        change.compare(Comparison { field, dialect, ignore_case: false, operator, value })
    }

    /// One name of a few, as Falco shows it.
    fn one(self, names: &'static [Named]) -> Result<Logic, String> {
        let Self { operator, value, .. } = self;
        let lower = value.to_ascii_lowercase();
        let is = |name: &str| match operator {
            Operator::IContains => name.to_ascii_lowercase().contains(&lower),
            _ => holds(name, operator, value).unwrap_or_default(),
        };
        let matched: Vec<_> = names.iter().filter(|(name, ..)| is(name)).collect();
        if matched.is_empty() {
            return Err(format!("`{value}` is not recorded"));
        }
        match matched.iter().find(|(_, field, _)| field.is_empty()) {
            Some((name, ..)) => Err(format!("`{name}` is not recorded")),
            None => Ok(Logic::Or(matched.into_iter().map(|named| line(*named)).collect())),
        }
    }

    /// Several names together, of which one is asked for.
    fn set(self, names: &'static [Named]) -> Result<Logic, String> {
        let Self { kind, operator, value, .. } = self;
        if !matches!(operator, Operator::Contains | Operator::IContains) {
            return Err(format!("`{}` of several flags can't be said; `contains` can", operator.word()));
        }
        if kind.name == "file_create" && value == "O_CREAT" {
            return Ok(Logic::Constant(true));
        }
        if kind.descriptor == Descriptor::Opened && value == "O_F_CREATED" {
            return Ok(Logic::Constant(kind.name == "file_create"));
        }
        let known = names.iter().find(|(name, ..)| *name == value);
        known.map(|named| line(*named)).ok_or_else(|| format!("`{value}` is not recorded"))
    }

    /// Falco shows users by name, where it finds one.
    fn user(self, number: &'static str, name: Option<&'static str>) -> Result<Logic, String> {
        if equals(self.operator) && self.value == "root" {
            let register = number.starts_with("guardbee.audit.");
            let value = if register { Value::Text("0".to_owned()) } else { Value::Number(0) };
            return Ok(Line::new(number, "", value).into());
        }
        match name {
            Some(name) => self.text(name, Dialect::Same),
            None => Err("of users that this call names only `root` is known by name".to_owned()),
        }
    }

    /// `evt.is_open_*`.
    fn access(self) -> Result<Logic, String> {
        let Self { kind, name, operator, value, .. } = self;
        if operator == Operator::Exists {
            return Ok(Logic::Constant(true));
        }
        let Some(wanted) = flag(value).filter(|_| equals(operator)) else {
            return Err("it is true or false, and compared with something else".to_owned());
        };
        let flags = |names: [&str; 2]| {
            Logic::Or(names.map(|name| Line::new(FLAGS, "", Value::Text(name.to_owned())).into()).into())
        };
        let is = match (name, kind.name) {
            ("evt.is_open_create", kind) => Logic::Constant(kind == "file_create"),
            ("evt.is_open_write", "file_open" | "folder_open") => Logic::Constant(false),
            ("evt.is_open_write", _) => flags(["O_WRONLY", "O_RDWR"]),
            // What was opened for reading only.
            (_, "file_open" | "folder_open") => Logic::Constant(true),
            _ => flags(["O_RDONLY", "O_RDWR"]),
        };
        Ok(if wanted { is } else { Logic::not(is) })
    }

    /// `fs.path.*`, by the arguments that it stands for.
    fn path<const N: usize>(self, arguments: [&str; N]) -> Result<Logic, String> {
        let Self { kind, event, .. } = self;
        let has = |events: &[&str]| events.is_empty() || events.contains(&event);
        let argument =
            kind.arguments.iter().find(|(events, name, _)| has(events) && arguments.contains(name));
        match argument {
            Some((_, name, Argument::Text(..))) => self.argument(name),
            _ if kind.name == "symlink" => {
                Err("which path of a symbolic link is meant is not documented".to_owned())
            }
            _ => Ok(Logic::Constant(false)),
        }
    }

    fn descriptor(self) -> Result<Logic, String> {
        let Self { kind, event, name, operator, .. } = self;
        match kind.descriptor {
            Descriptor::None => Ok(Logic::Constant(false)),
            Descriptor::Unknown => Err("the descriptor of this call is not recorded".to_owned()),
            Descriptor::Attribute if !event.starts_with('f') || event.ends_with("at") => {
                Ok(Logic::Constant(false))
            }
            Descriptor::Attribute | Descriptor::Opened => self.file(),
            Descriptor::Standard => match name {
                _ if operator == Operator::Exists => Ok(Logic::Constant(true)),
                "fd.type" | "fd.typechar" | "fd.sockfamily" if equals(operator) => self.family(),
                "fd.rip" => network::address("guardbee.socket.address", operator, self.value),
                "fd.rport" => network::number("guardbee.socket.port", operator, self.value),
                _ => Err(fields::reason(name)),
            },
        }
    }

    fn file(self) -> Result<Logic, String> {
        let Self { kind, name, operator, value, .. } = self;
        if operator == Operator::Exists {
            return Ok(Logic::Constant(true));
        }
        match name {
            "fd.name" => self.text("file.path", Dialect::Same),
            "fd.directory" => self.text("file.directory", Dialect::Same),
            "fd.filename" => self.text("file.name", Dialect::Same),
            "fd.typechar" | "fd.type" if equals(operator) => match value {
                "f" | "file" => Ok(Logic::Constant(kind.name != "folder_open")),
                "d" | "directory" => Ok(Logic::Constant(kind.name == "folder_open")),
                _ => Ok(Logic::Constant(false)),
            },
            "fd.num" if kind.name == OPEN_FAILED => {
                let number = network::parsed(value).and_then(|value| order(operator, -1, value));
                number
                    .map(Logic::Constant)
                    .ok_or_else(|| "it is a number, and compared with something else".to_owned())
            }
            "fd.num" => match sign(operator, value) {
                Some(true) => Ok(Logic::Constant(true)),
                Some(false) if kind.descriptor == Descriptor::Opened => Ok(Logic::Constant(false)),
                Some(false) => Err(FAILED.to_owned()),
                None => Err("numbers of descriptors are not recorded".to_owned()),
            },
            "fd.nameraw" if kind.descriptor == Descriptor::Opened => {
                self.text("guardbee.file.given", Dialect::Same)
            }
            "fd.nameraw" => Err("of the path as it was written nothing is recorded".to_owned()),
            "fd.dev" | "fd.ino" | "fd.uid" | "fd.containername" | "fd.containerdirectory" => {
                Err("this is not recorded of files".to_owned())
            }
            // Sockets have them.
            _ => Ok(Logic::Constant(false)),
        }
    }

    fn family(self) -> Result<Logic, String> {
        let family =
            |name: &str| Line::new("guardbee.socket.family", "", Value::Text(name.to_owned())).into();
        match self.value {
            "4" | "ipv4" => Ok(family("inet")),
            "6" | "ipv6" => Ok(family("inet6")),
            "ip" => Ok(Logic::Or(vec![family("inet"), family("inet6")])),
            other => Err(format!("`{other}` as standard input or output is not recorded")),
        }
    }

    /// How a call failed.
    fn failure(self) -> Result<Logic, String> {
        let Self { name, operator, value, .. } = self;
        let number = network::parsed(value);
        let error = match name {
            _ if operator == Operator::Exists => return Ok(Logic::Constant(true)),
            "evt.failed" => {
                let failed = flag(value).filter(|_| equals(operator));
                return failed.map(Logic::Constant).ok_or_else(|| "it is true or false".to_owned());
            }
            // Whatever the error is, it is less.
            "evt.rawres" if number.is_some_and(|number| number >= 0) => {
                let is = number.and_then(|number| order(operator, -1, number));
                return is.map(Logic::Constant).ok_or_else(|| "it is a number".to_owned());
            }
            "evt.rawres" => {
                ERRORS.iter().find(|(_, word)| number == open_error(word).map(|error| -i64::from(error)))
            }
            _ if operator == Operator::StartsWith && value == "E" => return Ok(Logic::Constant(true)),
            _ if value == "SUCCESS" => return Ok(Logic::Constant(false)),
            _ => ERRORS.iter().find(|(error, _)| *error == value),
        };
        match error.filter(|_| equals(operator)) {
            Some((_, word)) => Ok(Line::new("error.type", "", Value::Text((*word).to_owned())).into()),
            None => Err("of errors only those that opens often have are told apart".to_owned()),
        }
    }

    /// How the call ended: of what else is recorded it succeeded.
    fn result(self) -> Result<Logic, String> {
        let Self { kind, name, operator, value, .. } = self;
        if kind.name == OPEN_FAILED {
            return self.failure();
        }
        let succeeded = match name {
            _ if operator == Operator::Exists => Some(true),
            "evt.failed" => flag(value).map(|failed| !failed),
            "evt.rawres" if kind.by_call && network::parsed(value).is_some_and(|value| value >= 0) => {
                return network::number("guardbee.audit.exit", operator, value);
            }
            "evt.rawres" if kind.descriptor == Descriptor::Opened => sign(operator, value),
            "evt.rawres" => network::parsed(value).and_then(|value| order(operator, 0, value)),
            _ => holds("SUCCESS", operator, value),
        };
        match succeeded {
            Some(true) => Ok(Logic::Constant(true)),
            Some(false) if kind.descriptor == Descriptor::Opened => Ok(Logic::Constant(false)),
            Some(false) => Err(FAILED.to_owned()),
            None => Err("this result of the system call is not recorded".to_owned()),
        }
    }
}

fn line((_, field, value): Named) -> Logic {
    let value = match value {
        "true" => Value::Flag(true),
        other => Value::Text(other.to_owned()),
    };
    Line::new(field, "", value).into()
}

/// What tells the kind from others of its log source, beyond what `logic` demands.
pub(super) fn lines(kind: &Kind, logic: &Logic) -> Vec<Logic> {
    let mut required = Vec::new();
    logic.required(&mut required);
    let there =
        |field: &str| required.iter().any(|part| matches!(part, Logic::Line(line) if line.field == field));
    let line = |(field, value): &(&'static str, &'static str)| match *value {
        "|exists" if there(field) => None,
        "|exists" => Some(Line::new(field, "|exists", Value::Flag(true)).into()),
        value => Some(Line::new(field, "", Value::Text(text::escaped(value))).into()),
    };
    kind.lines.iter().filter_map(line).collect()
}
