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

const GROUPS: [Group; 11] = [
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
];

/// What the first group tells.
const OPENED: &str = "open";

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

/// Functions that are given the path first, and how many arguments they have: the programs find the result behind them.
const BY_PATH: [(&str, usize); 4] =
    [("chmod_common", 2), ("chown_common", 3), ("vfs_utimes", 2), ("vfs_truncate", 2)];

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
            None => known.get(function).is_some_and(|prototype| gives_path(&kernel, function, prototype)),
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
        self.only(|group| group.programs.iter().all(|(name, _)| loaded(name)))
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
        self.opener.filter(|_| self.groups().any(|group| group.tells == OPENED))
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
        for name in FUNCTIONS {
            let found = known.get(name).and_then(|function| arguments(&kernel, name, function)).unwrap();
            assert!(found.dentry < found.result && found.result < 6, "{name} {found:?}");
        }
        assert!(OPENERS.iter().any(|name| known.contains_key(name)));
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
        let kind = guardbee_wire::FileWants::bit(guardbee_wire::EventKind::FileDelete);
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
