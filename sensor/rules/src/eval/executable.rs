//! What rules may know of an executable: of an exec's, else of the one that the acting process runs.
use super::view::Texts;
use crate::field::Field;
use guardbee_model::{
    clock::WallOffset,
    executable::{Package, Sha256},
    finding::{Action, Observation},
    process::File,
};

/// Of `st_mode`: what chmod sets.
const PERMISSIONS: u16 = 0o7777;
const SECOND_NS: u64 = 1_000_000_000;

/// Reads one field.
pub(super) fn field(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    match field {
        Field::ExecutableOwner => out.shown(known(o)?.uid),
        Field::ExecutableGroup => out.shown(known(o)?.gid),
        Field::ExecutableMode => out.shown(format_args!("{:04o}", known(o)?.mode & PERMISSIONS)),
        Field::ExecutableHash => out.shown(hash(o)?),
        Field::ExecutableHashes => out.shown(format_args!("SHA256={}", hash(o)?)),
        Field::ExecutablePackage => match &o.process.as_ref()?.executable.package {
            Package::Named(name) => out.known(name.as_bytes()),
            Package::None => out.put(b"none"),
            Package::Unknown => return None,
        },
        _ => return None,
    }
    Some(())
}

/// From the file's last change to its exec.
pub(super) fn age(o: &Observation, wall: Option<WallOffset>, out: &mut Texts) -> Option<()> {
    let executed = match &o.action {
        Action::Exec(_) => o.time,
        _ => o.process.as_ref()?.executed?,
    };
    out.shown(known(o)?.age_ns(wall?.wall(executed))? / SECOND_NS);
    Some(())
}

fn hash(o: &Observation) -> Option<&Sha256> {
    o.process.as_ref()?.executable.hash.sha256()
}

/// The file itself, of the exec or of who acts.
pub(super) fn file(o: &Observation) -> Option<&File> {
    match &o.action {
        Action::Exec(exec) => Some(&exec.file),
        _ => o.process.as_ref()?.file.as_ref(),
    }
}

/// Whatever was opened has an inode.
fn known(o: &Observation) -> Option<&File> {
    file(o).filter(|file| file.inode != 0)
}
