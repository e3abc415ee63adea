//! Programs at functions of the kernel, in place of those at the ends of calls: which of them this kernel takes, and what they must
//! be told of it.
use crate::{Program, program::PROGRAMS as TABLE};
use guardbee_wire::HookList;
use libbpf_rs::btf::{
    Btf, BtfKind, BtfType, ReferencesType as _, TypeId,
    types::{Func, FuncProto},
};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};
use std::{collections::HashMap, ffi::OsStr, os::fd::OwnedFd};
use zerocopy::{Immutable, IntoBytes};

/// Programs that tell by trampolines what one at the ends of calls tells, or a part of it: all of them or none.
struct Group {
    /// What they tell.
    tells: &'static str,
    /// The program of the calls.
    instead: &'static str,
    /// The calls whose work they do: what two groups do a part of is left to it until both do.
    calls: &'static [&'static str],
    /// With the functions that they are attached to.
    programs: &'static [(&'static str, &'static str)],
}

impl Group {
    fn has(&self, program: &str) -> bool {
        self.programs.iter().any(|(name, _)| *name == program)
    }
}

const GROUPS: [Group; 12] = [
    Group {
        tells: OPENED,
        instead: "file_open",
        calls: &["open", "openat", "openat2", "creat"],
        programs: &[("file_opened", OPENER)],
    },
    Group {
        tells: "rename",
        instead: "file_rename",
        calls: &["rename", "renameat", "renameat2"],
        programs: &[("file_rename_before", "security_path_rename"), ("file_rename_after", "vfs_rename")],
    },
    Group {
        tells: "link",
        instead: "file_link",
        calls: &["link", "linkat"],
        programs: &[("file_link_before", "security_path_link"), ("file_link_after", "vfs_link")],
    },
    Group {
        tells: "symlink",
        instead: "file_symlink",
        calls: &["symlink", "symlinkat"],
        programs: &[("file_symlink_before", "security_path_symlink"), ("file_symlink_after", "vfs_symlink")],
    },
    Group {
        tells: "unlink",
        instead: "file_delete",
        calls: &["unlink", "unlinkat"],
        programs: &[("file_delete_before", "security_path_unlink"), ("file_delete_after", "vfs_unlink")],
    },
    Group {
        tells: "rmdir",
        instead: "file_delete",
        calls: &["rmdir", "unlinkat"],
        programs: &[("folder_delete_before", "security_path_rmdir"), ("folder_delete_after", "vfs_rmdir")],
    },
    Group {
        tells: "mkdir and mknod",
        instead: "file_make",
        calls: &["mkdir", "mkdirat", "mknod", "mknodat"],
        programs: &[
            ("folder_create_before", "security_path_mkdir"),
            ("folder_create_after", "vfs_mkdir"),
            ("file_node_before", "security_path_mknod"),
            ("file_node_after", "vfs_mknod"),
            ("file_node_regular", "vfs_create"),
        ],
    },
    Group {
        tells: "truncate",
        instead: "file_truncate",
        calls: &["truncate"],
        programs: &[("file_truncated", "vfs_truncate")],
    },
    Group {
        tells: "chmod",
        instead: "file_attribute",
        calls: &["chmod", "fchmod", "fchmodat", "fchmodat2"],
        programs: &[("file_attribute_mode", "chmod_common")],
    },
    Group {
        tells: "chown",
        instead: "file_attribute",
        calls: &["chown", "fchown", "lchown", "fchownat"],
        programs: &[("file_attribute_owner", "chown_common")],
    },
    Group {
        tells: "utimes",
        instead: "file_attribute",
        calls: &["utime", "utimes", "futimesat", "utimensat"],
        programs: &[("file_attribute_times", "vfs_utimes")],
    },
    Group {
        tells: "setxattr",
        instead: "file_attribute",
        calls: &[
            "setxattr",
            "lsetxattr",
            "fsetxattr",
            "setxattrat",
            "removexattr",
            "lremovexattr",
            "fremovexattr",
            "removexattrat",
        ],
        programs: &[
            ("file_attribute_set", SETTER),
            ("file_attribute_removed", "vfs_removexattr"),
            (ACL, REMOVER),
            ("file_attribute_by_name", "mnt_drop_write"),
            ("file_attribute_by_file", "mnt_drop_write_file"),
        ],
    },
];

/// What the first group tells.
const OPENED: &str = "open";

/// Functions that some kernels have by another name. That of `fs/namei.c` through which whoever opens by a name comes: 6.18 has it by the first,
/// 7.2 by the second. That of `fs/xattr.c` through which whoever sets an extended attribute comes: kernels before 6.0 have the second alone.
const OTHER_NAMES: [(&str, &str); 2] = [(OPENER, "do_file_open"), (SETTER, "setxattr")];
const OPENER: &str = "do_filp_open";
const SETTER: &str = "do_setxattr";

/// The program at a function that kernels have from 6.2 on. Before, another one's function does that work.
const ACL: &str = "file_attribute_acl";
const REMOVER: &str = "vfs_remove_acl";

/// `enum vfs_function` of include/trampoline.h.
const FUNCTIONS: [&str; 11] = [
    "vfs_rename",
    "vfs_link",
    "vfs_symlink",
    "vfs_unlink",
    "vfs_rmdir",
    "vfs_mkdir",
    "vfs_mknod",
    "vfs_create",
    SETTER,
    "vfs_removexattr",
    REMOVER,
];

/// Functions that are given the path first, and how many arguments they have: the programs find the result behind them.
const BY_PATH: [(&str, usize); 4] =
    [("chmod_common", 2), ("chown_common", 3), ("vfs_utimes", 2), ("vfs_truncate", 2)];

/// `struct vfs_arguments` of include/trampoline.h.
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
    /// By which name this kernel has those of [`OTHER_NAMES`].
    names: [Option<&'static str>; OTHER_NAMES.len()],
    functions: [Arguments; FUNCTIONS.len()],
}

impl Trampolines {
    /// Those whose functions this kernel has, with arguments that the programs know. Whether it takes them is seen when they are attached.
    pub(crate) fn find() -> Self {
        let Ok(kernel) = Btf::from_vmlinux() else { return Self::default() };
        let known = prototypes(&kernel);
        let names =
            OTHER_NAMES.map(|(one, other)| [one, other].into_iter().find(|name| known.contains_key(name)));
        let all = Self { groups: [true; GROUPS.len()], names, functions: Default::default() };
        let functions =
            FUNCTIONS.map(|function| arguments(&kernel, function, known.get(all.name(function)?)?));
        let all = Self { functions: functions.map(Option::unwrap_or_default), ..all };
        let is_there = |function: &str| {
            let place = FUNCTIONS.iter().position(|name| *name == function);
            let prototype = all.name(function).and_then(|name| known.get(name));
            prototype.is_some_and(|prototype| gives_path(&kernel, function, prototype))
                && place.is_none_or(|place| functions.get(place).is_some_and(Option::is_some))
                || function == REMOVER
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

    /// By which name this kernel has the function.
    fn name<'a>(&self, function: &'a str) -> Option<&'a str> {
        let place = OTHER_NAMES.iter().position(|(name, _)| *name == function);
        place.map_or(Some(function), |place| self.names.get(place).copied().flatten())
    }

    /// Has the program its function on this kernel?
    fn needs(&self, program: &str) -> bool {
        let remover = FUNCTIONS.iter().zip(&self.functions).find(|(name, _)| **name == REMOVER);
        program != ACL || remover.is_some_and(|(_, arguments)| arguments.result != 0)
    }

    /// Is this one of the programs?
    pub(crate) fn takes(&self, program: &Program) -> bool {
        self.needs(program.name) && self.groups().any(|group| group.has(program.name))
    }

    /// The calls that are left to this program of calls, whose work they do otherwise; [`None`]: all of them.
    pub(crate) fn left(&self, program: &Program) -> Option<Vec<&'static str>> {
        self.groups().find(|group| group.instead == program.name)?;
        let left = |call: &&&str| {
            let does = |group: &&Group| group.instead == program.name && group.calls.contains(call);
            let taken = self.groups().filter(does).count();
            taken == 0 || taken < GROUPS.iter().filter(does).count()
        };
        Some(program.calls().iter().filter(left).copied().collect())
    }

    /// Has this program nothing to do, as others do its work?
    pub(crate) fn idle(&self, program: &Program) -> bool {
        match program.hooks {
            Some(HookList::Trampoline) => !self.takes(program),
            _ => self.left(program).is_some_and(|calls| calls.is_empty()),
        }
    }

    /// Of these the ones that need no other programs than these.
    pub(crate) fn among(self, programs: &[u8]) -> Self {
        let loaded =
            |name: &str| TABLE.iter().any(|program| program.name == name && programs.contains(&program.id));
        self.only(|group| group.programs.iter().all(|(name, _)| loaded(name) || !self.needs(name)))
    }

    /// Gives up those that this program belongs to: the name of the one that does their work then.
    pub(crate) fn give_up(&mut self, program: &Program) -> Option<&'static str> {
        let group = self.groups().find(|group| group.has(program.name))?;
        *self = self.only(|other| other.tells != group.tells);
        Some(group.instead)
    }

    /// What they tell, and what is left to calls.
    pub(crate) fn told(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let named = |wanted: bool| {
            let those = self.groups.iter().zip(&GROUPS).filter(move |(taken, _)| **taken == wanted);
            those.map(|(_, group)| group.tells).collect()
        };
        (named(true), named(false))
    }

    /// Do they tell anything that is done to files but opening them?
    pub(crate) fn tell_changes(&self) -> bool {
        self.groups().any(|group| group.tells != OPENED)
    }

    /// `told_by_trampoline` of file/name.bpf.c: kinds of events that they tell of a call that is left to a program of calls.
    pub(crate) fn kinds_of_left(&self) -> u32 {
        let parted = |group: &&Group| group.instead == "file_delete";
        let programs = self.groups().filter(parted).flat_map(|group| group.programs);
        let kinds = |name| TABLE.iter().find(|program| program.name == name).map_or(0, Program::file_kinds);
        programs.fold(0, |bits, (name, _)| bits | kinds(*name))
    }

    /// The function at which opened files are looked at.
    pub(crate) fn opener(&self) -> Option<&'static str> {
        self.name(OPENER).filter(|_| self.groups().any(|group| group.tells == OPENED))
    }

    /// The function that a program is attached to, if its section may not say it.
    pub(crate) fn target(&self, program: &str) -> Option<&'static str> {
        let mut programs = GROUPS.iter().flat_map(|group| group.programs);
        let (_, function) = programs.find(|(name, _)| *name == program)?;
        OTHER_NAMES.iter().find(|(name, _)| name == function).and_then(|(name, _)| self.name(name))
    }

    /// `vfs` of include/trampoline.h.
    pub(crate) fn constants(&self) -> &[u8] {
        self.functions.as_bytes()
    }
}

/// Those functions of this kernel that are asked for, in one walk over all its types.
fn prototypes<'a>(kernel: &'a Btf<'_>) -> HashMap<&'static str, FuncProto<'a>> {
    let of_groups = || GROUPS.iter().flat_map(|group| group.programs).map(|(_, function)| *function);
    let wanted = || of_groups().chain(OTHER_NAMES.map(|(_, other)| other));
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
    let parameters: Vec<_> = function.iter().map(|parameter| parameter.ty).collect();
    let place = parameters.iter().rposition(|ty| points_to(kernel, *ty, structure))?;
    // The programs take these for the first.
    if name == "vfs_rename" && place != 0 {
        return None;
    }
    Some(Arguments { dentry: place.try_into().ok()?, result: parameters.len().try_into().ok()? })
}

/// Are the arguments of a function that is given a path those that its program knows?
fn gives_path(kernel: &Btf<'_>, name: &str, function: &FuncProto<'_>) -> bool {
    BY_PATH.iter().find(|(known, _)| *known == name).is_none_or(|(_, count)| {
        let parameters: Vec<_> = function.iter().map(|parameter| parameter.ty).collect();
        parameters.len() == *count && parameters.first().is_some_and(|ty| points_to(kernel, *ty, "path"))
    })
}

/// Is the type a pointer to this structure?
fn points_to(kernel: &Btf<'_>, ty: TypeId, structure: &str) -> bool {
    let pointer = kernel.type_by_id::<BtfType<'_>>(ty).filter(|pointer| pointer.kind() == BtfKind::Ptr);
    let target = pointer.and_then(|pointer| pointer.next_type());
    target.is_some_and(|target| target.skip_mods_and_typedefs().name() == Some(OsStr::new(structure)))
}

/// A small file system that nobody else sees: where files may be changed so that the programs fire.
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
        let found = Trampolines::find();
        assert!(found.names.iter().all(Option::is_some), "{found:?}");
        for (name, arguments) in FUNCTIONS.iter().zip(found.functions) {
            assert!(arguments.dentry < arguments.result && arguments.result < 6, "{name} {arguments:?}");
        }
        for (name, _) in BY_PATH {
            assert!(gives_path(&kernel, name, &known[name]), "{name}");
        }
        // This one is given a path first too, but not as its only argument.
        assert!(!gives_path(&kernel, "chmod_common", &known["chown_common"]));
    }

    #[test]
    fn a_call_is_left_until_all_of_its_work_is_done_otherwise() {
        let without = |tells: &[&str]| {
            let all = Trampolines { groups: [true; GROUPS.len()], ..Trampolines::default() };
            all.only(|group| !tells.contains(&group.tells))
        };
        let left = |tells: &[&str], name: &str| {
            without(tells).left(TABLE.iter().find(|program| program.name == name).unwrap())
        };
        assert_eq!(left(&[], "file_open"), Some(vec!["open_by_handle_at"]));
        assert_eq!(left(&[OPENED], "file_open"), None);
        assert_eq!(left(&[], "file_delete"), Some(vec![]));
        assert_eq!(left(&["rmdir"], "file_delete"), Some(vec!["unlinkat", "rmdir"]));
        assert_eq!(left(&["unlink"], "file_delete"), Some(vec!["unlink", "unlinkat"]));
        assert_eq!(left(&["unlink", "rmdir"], "file_delete"), None);
        let kind = guardbee_wire::Wants::bit(guardbee_wire::EventKind::FileDelete);
        assert_eq!(without(&["rmdir"]).kinds_of_left(), kind);
    }

    #[test]
    fn every_program_of_a_group_is_one() {
        let hooks = crate::hooks().unwrap();
        for (name, function) in GROUPS.iter().flat_map(|group| group.programs) {
            let program = TABLE.iter().find(|program| program.name == *name).unwrap();
            assert_eq!(program.hooks, Some(HookList::Trampoline), "{name}");
            assert!(hooks.contains(&((*name).to_owned(), format!("fexit/{function}"))), "{name}");
        }
        for group in &GROUPS {
            let instead = TABLE.iter().find(|program| program.name == group.instead).unwrap();
            assert!(group.calls.iter().all(|call| instead.calls().contains(call)), "{}", group.tells);
        }
        let told = |program: &Program| GROUPS.iter().any(|group| group.has(program.name));
        let of_none = |program: &&Program| program.hooks == Some(HookList::Trampoline) && !told(program);
        assert_eq!(TABLE.iter().find(of_none), None);
    }
}
