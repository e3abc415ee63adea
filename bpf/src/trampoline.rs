//! Programs at functions of the kernel, in place of those at the ends of calls: which of them this kernel takes, and what they must
//! be told of it.
use crate::{Program, program::PROGRAMS as TABLE};
use guardbee_wire::HookList;
use libbpf_rs::btf::{
    Btf, BtfKind, BtfType, ReferencesType as _,
    types::{Func, FuncProto},
};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};
use std::{collections::HashMap, ffi::OsStr, os::fd::OwnedFd};
use zerocopy::{Immutable, IntoBytes};

/// Programs that tell by trampolines what one at the ends of calls tells: all of them or none.
struct Group {
    /// The program of the calls.
    instead: &'static str,
    /// The calls that are left to it.
    left: &'static [&'static str],
    /// With the functions that they are attached to.
    programs: &'static [(&'static str, &'static str)],
}

impl Group {
    fn has(&self, program: &str) -> bool {
        self.programs.iter().any(|(name, _)| *name == program)
    }
}

const GROUPS: [Group; 6] = [
    Group { instead: "file_open", left: &["open_by_handle_at"], programs: &[("file_opened", OPENER)] },
    Group {
        instead: "file_rename",
        left: &[],
        programs: &[("file_rename_before", "security_path_rename"), ("file_rename_after", "vfs_rename")],
    },
    Group {
        instead: "file_link",
        left: &[],
        programs: &[("file_link_before", "security_path_link"), ("file_link_after", "vfs_link")],
    },
    Group {
        instead: "file_symlink",
        left: &[],
        programs: &[("file_symlink_before", "security_path_symlink"), ("file_symlink_after", "vfs_symlink")],
    },
    Group {
        instead: "file_delete",
        left: &[],
        programs: &[
            ("file_delete_before", "security_path_unlink"),
            ("file_delete_after", "vfs_unlink"),
            ("folder_delete_before", "security_path_rmdir"),
            ("folder_delete_after", "vfs_rmdir"),
        ],
    },
    Group {
        instead: "file_make",
        left: &[],
        programs: &[
            ("folder_create_before", "security_path_mkdir"),
            ("folder_create_after", "vfs_mkdir"),
            ("file_node_before", "security_path_mknod"),
            ("file_node_after", "vfs_mknod"),
            ("file_node_regular", "vfs_create"),
        ],
    },
];

/// The one function of `fs/namei.c` through which whoever opens by a name comes; 6.18 has it by the first name, 7.2 by the second.
const OPENERS: [&str; 2] = [OPENER, "do_file_open"];
const OPENER: &str = "do_filp_open";

/// `enum vfs_function` of file/deed.bpf.c.
const FUNCTIONS: [&str; 8] = [
    "vfs_rename",
    "vfs_link",
    "vfs_symlink",
    "vfs_unlink",
    "vfs_rmdir",
    "vfs_mkdir",
    "vfs_mknod",
    "vfs_create",
];

/// `struct vfs_arguments` of file/deed.bpf.c.
#[derive(Clone, Copy, Debug, Default, Immutable, IntoBytes)]
#[repr(C)]
pub(crate) struct Arguments {
    dentry: u32,
    result: u32,
}

/// What trampolines do on this kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trampolines {
    groups: [bool; GROUPS.len()],
    opener: Option<&'static str>,
    functions: [Arguments; FUNCTIONS.len()],
}

impl Trampolines {
    /// Those whose functions this kernel has, with arguments that the programs know. Whether it takes them is seen when they are attached.
    pub(crate) fn find() -> Self {
        let Ok(kernel) = Btf::from_vmlinux() else { return Self::default() };
        let known = prototypes(&kernel);
        let functions = FUNCTIONS.map(|name| arguments(&kernel, name, known.get(name)?));
        let opener = OPENERS.into_iter().find(|name| known.contains_key(name));
        let all = Self {
            groups: [true; GROUPS.len()],
            opener,
            functions: functions.map(Option::unwrap_or_default),
        };
        let is_there = |function: &str| match FUNCTIONS.iter().position(|name| *name == function) {
            Some(place) => functions.get(place).is_some_and(Option::is_some),
            None if function == OPENER => opener.is_some(),
            None => known.contains_key(function),
        };
        all.only(|group| group.programs.iter().all(|(_, function)| is_there(function)))
    }

    fn only(mut self, wanted: impl Fn(&Group) -> bool) -> Self {
        for (taken, group) in self.groups.iter_mut().zip(&GROUPS) {
            *taken &= wanted(group);
        }
        self
    }

    fn groups(&self) -> impl Iterator<Item = &'static Group> {
        self.groups.into_iter().zip(&GROUPS).filter(|(taken, _)| *taken).map(|(_, group)| group)
    }

    /// Is this one of the programs?
    pub(crate) fn takes(&self, program: &Program) -> bool {
        self.groups().any(|group| group.has(program.name))
    }

    /// The calls that are left to this program, whose work they do otherwise; [`None`]: all of them.
    pub(crate) fn left(&self, program: &Program) -> Option<&'static [&'static str]> {
        self.groups().find(|group| group.instead == program.name).map(|group| group.left)
    }

    /// Has this program nothing to do, as others do its work?
    pub(crate) fn idle(&self, program: &Program) -> bool {
        match program.hooks {
            Some(HookList::Trampoline) => !self.takes(program),
            _ => self.left(program).is_some_and(<[_]>::is_empty),
        }
    }

    /// Of these the ones that need no other programs than these.
    pub(crate) fn among(self, programs: &[u8]) -> Self {
        let loaded =
            |name: &str| TABLE.iter().any(|program| program.name == name && programs.contains(&program.id));
        self.only(|group| group.programs.iter().all(|(name, _)| loaded(name)))
    }

    /// Gives up those that this program belongs to: the name of the one that does their work then.
    pub(crate) fn give_up(&mut self, program: &Program) -> Option<&'static str> {
        let group = self.groups().find(|group| group.has(program.name))?;
        *self = self.only(|other| other.instead != group.instead);
        Some(group.instead)
    }

    /// Do they tell what this program of calls tells otherwise?
    pub(crate) fn tell(&self, instead: &str) -> bool {
        self.groups().any(|group| group.instead == instead)
    }

    /// Do they tell any change of names?
    pub(crate) fn tell_names(&self) -> bool {
        self.groups().any(|group| group.instead != "file_open")
    }

    /// The function at which opened files are looked at.
    pub(crate) fn opener(&self) -> Option<&'static str> {
        self.opener.filter(|_| self.tell("file_open"))
    }

    /// The function that a program is attached to, if its section doesn't say it.
    pub(crate) fn target(&self, program: &str) -> Option<&'static str> {
        self.opener.filter(|_| program == "file_opened")
    }

    /// `vfs` of file/deed.bpf.c.
    pub(crate) fn constants(&self) -> &[u8] {
        self.functions.as_bytes()
    }
}

/// Those functions of this kernel that are asked for, in one walk over all its types.
fn prototypes<'a>(kernel: &'a Btf<'_>) -> HashMap<&'static str, FuncProto<'a>> {
    let of_groups = || GROUPS.iter().flat_map(|group| group.programs).map(|(_, function)| *function);
    let wanted = || of_groups().chain(OPENERS);
    let of = |function: Func<'a>| {
        let name = wanted().find(|name| function.name() == Some(OsStr::new(name)))?;
        Some((name, FuncProto::try_from(function.referenced_type()).ok()?))
    };
    kernel.type_by_kind::<Func<'_>>().filter_map(of).collect()
}

/// Where the function gets the dentry of the name, and answers. 5.10 has no other argument before it than the folder, later ones have
/// those of the mount, and not all of them the folder.
fn arguments(kernel: &Btf<'_>, name: &str, function: &FuncProto<'_>) -> Option<Arguments> {
    let structure = if name == "vfs_rename" { "renamedata" } else { "dentry" };
    let points = |ty| {
        let pointer = kernel.type_by_id::<BtfType<'_>>(ty)?;
        let target = (pointer.kind() == BtfKind::Ptr).then(|| pointer.next_type()).flatten()?;
        Some(target.skip_mods_and_typedefs().name() == Some(OsStr::new(structure)))
    };
    let parameters: Vec<_> = function.iter().map(|parameter| parameter.ty).collect();
    let place = parameters.iter().rposition(|ty| points(*ty) == Some(true))?;
    // The programs take these for the first.
    if name == "vfs_rename" && place != 0 {
        return None;
    }
    Some(Arguments { dentry: place.try_into().ok()?, result: parameters.len().try_into().ok()? })
}

/// A small file system that nobody else sees: where names may be changed so that the programs fire.
pub(crate) fn folder() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("size", "64k"), ("nr_inodes", "64"), ("mode", "700")] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_create(&context)?;
    let hardened = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, hardened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_says_where_its_functions_get_names() {
        let kernel = Btf::from_vmlinux().unwrap();
        let known = prototypes(&kernel);
        for name in FUNCTIONS {
            let found = known.get(name).and_then(|function| arguments(&kernel, name, function)).unwrap();
            assert!(found.dentry < found.result && found.result < 6, "{name} {found:?}");
        }
        assert!(OPENERS.iter().any(|name| known.contains_key(name)));
    }

    #[test]
    fn every_program_of_a_group_is_one() {
        let hooks = crate::hooks().unwrap();
        for (name, function) in GROUPS.iter().flat_map(|group| group.programs) {
            let program = TABLE.iter().find(|program| program.name == *name).unwrap();
            assert_eq!(program.hooks, Some(HookList::Trampoline), "{name}");
            assert!(hooks.contains(&((*name).to_owned(), format!("fexit/{function}"))), "{name}");
        }
        let told = |program: &Program| GROUPS.iter().any(|group| group.has(program.name));
        let of_none = |program: &&Program| program.hooks == Some(HookList::Trampoline) && !told(program);
        assert_eq!(TABLE.iter().find(of_none), None);
    }
}
