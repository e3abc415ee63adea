//! Falco's rules, imported: what they match, what can't be said, and what is wrong with them.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_rules::{
    RuleSet, Severity,
    falco::{self, Exclusions, Import, Imported, Obstacle, Outcome},
};
use std::{collections::BTreeMap, env, fmt::Write as _, fs, sync::Arc};

fn import(text: &str) -> Import {
    falco::import(&[("rules.yaml", text)], Exclusions::Needed)
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A rule with this condition.
fn rule(condition: &str) -> Imported {
    let quoted = condition.replace('\'', "''");
    let text = format!("- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: '{quoted}'\n");
    import(&text).rules.pop().unwrap()
}

/// Whether the imported rule matches `event`, of which the YAML is given.
fn matches(yaml: &str, action: &str, event: &str) -> bool {
    let document = yaml.split("---\n").find(|one| match action {
        "exec" => one.contains("process_creation"),
        _ => one.contains(&format!("service: {action}")),
    });
    let document = document.unwrap_or_else(|| panic!("nothing about {action} in\n{yaml}"));
    let test = format!("{document}guardbee: {{tests: [{{name: t, expect: match, event: {{{event}}}}}]}}\n");
    let set =
        Arc::new(RuleSet::load(&[("r", &test)]).unwrap_or_else(|problems| panic!("{problems:#?}\n{test}")));
    set.run_tests().iter().all(|result| result.failure().is_none())
}

fn yaml(rule: &Imported) -> &str {
    match &rule.outcome {
        Outcome::Written { yaml, .. } => yaml,
        other => panic!("{} is not imported: {other:#?}", rule.name),
    }
}

fn obstacles(rule: &Imported) -> &[Obstacle] {
    match &rule.outcome {
        Outcome::Refused(obstacles) => obstacles,
        other => panic!("{} is imported: {other:#?}", rule.name),
    }
}

const SH: &str = "Image: /bin/sh, comm: sh, CommandLine: sh -c id";

/// Condition on an exec, an event that matches, and one that is near.
const EXECS: &[(&str, &str, &str)] = &[
    ("proc.name = sh", SH, "comm: SH"),
    ("proc.name != sh", "comm: bash", SH),
    (
        "proc.aname[3] = sshd and proc.aexe[2] endswith java",
        "guardbee.ancestor.3.executable.name: sshd, guardbee.ancestor.2.command_line: /opt/java -x",
        "guardbee.ancestor.2.executable.name: sshd, guardbee.ancestor.2.command_line: /opt/java -x",
    ),
    ("proc.name in (sh, bash)", SH, "comm: dash"),
    ("proc.name intersects (sh, bash)", SH, "comm: dash"),
    ("proc.name startswith ba", "comm: bash", "comm: dabash"),
    ("proc.name endswith sh", "comm: bash", "comm: bashx"),
    ("proc.name contains as", "comm: bash", "comm: sh"),
    ("proc.name icontains AS", "comm: bash", "comm: sh"),
    ("proc.name bcontains 6173", "comm: bash", "comm: sh"),
    ("proc.name bstartswith 6261", "comm: bash", "comm: sh"),
    ("proc.name glob b*h", "comm: bash", "comm: bashx"),
    ("proc.name glob [bd]ash", "comm: dash", "comm: cash"),
    ("proc.name iglob B?SH", "comm: bash", "comm: bsh"),
    ("proc.name regex '(b|d)ash'", "comm: dash", "comm: dashx"),
    ("proc.name contains anyof (x, as)", "comm: bash", "comm: sh"),
    ("proc.name contains allof (b, s)", "comm: bash", "comm: dash"),
    // Names end after 15 bytes.
    ("proc.name = dpkg-preconfigu", "comm: dpkg-preconfigu", "comm: dpkg-pre"),
    ("proc.name in (a, dpkg-preconfigu)", "comm: dpkg-preconfigu", "comm: dpkg"),
    ("proc.name endswith preconfigu", "comm: dpkg-preconfigu", "comm: preconfigure"),
    ("proc.name = a-name-of-sixteen or user.uid = 0", "euid: 0", "comm: a-name-of-sixte"),
    ("proc.name in ('<NA>', 'N/A', sh)", SH, "comm: dash"),
    ("not proc.name in ('<NA>', 'N/A')", SH, "CommandLine: sh"),
    ("toupper(proc.name) = SH", "comm: sH", "comm: shx"),
    ("tolower(proc.name) in (sh, Bash)", "comm: SH", "comm: bash"),
    ("basename(proc.exepath) = sh", SH, "Image: /sh/x"),
    ("basename(proc.exepath) startswith s", SH, "Image: /bin/s/x"),
    ("proc.exepath = /bin/sh", SH, "Image: /usr/bin/sh"),
    ("proc.exepath pmatch (/opt/a, /usr)", "Image: /usr/bin/x", "Image: /usrx/bin"),
    ("proc.exepath pmatch (/home/*/bin)", "Image: /home/me/bin/x", "Image: /home/me/x/bin"),
    ("proc.exepath contains '*'", "'Image': '/bin/a*b'", SH),
    ("proc.pname = sshd", "ParentImage: /usr/sbin/sshd", "ParentImage: /usr/sbin/xsshd"),
    ("proc.pname in (cron, sshd)", "ParentImage: /usr/sbin/cron", "ParentImage: /cron/x"),
    (
        "proc.pname = containerd-shim",
        "ParentImage: /bin/containerd-shim-runc-v2",
        "ParentImage: /bin/containerd",
    ),
    ("proc.pname startswith ss", "ParentImage: /usr/sbin/sshd", "ParentImage: /ss/d"),
    ("proc.pname contains sh", "ParentImage: /usr/sbin/sshd", "ParentImage: /sshd/d"),
    ("proc.pname glob ss*", "ParentImage: /usr/sbin/sshd", "ParentImage: /ssh/d"),
    ("proc.pname exists", "ParentImage: /x", SH),
    ("not proc.pname exists", SH, "ParentImage: /x"),
    ("proc.pname != sshd", "ParentImage: /x", SH),
    ("proc.aname = sshd", "process.ancestors.executable: [/x, /usr/sbin/sshd]", "ParentImage: /x"),
    ("proc.aname in (sshd, cron)", "ParentImage: /usr/sbin/cron", SH),
    ("proc.aname[1] = sshd", "ParentImage: /usr/sbin/sshd", SH),
    ("proc.aname[0] = sh", SH, "ParentImage: /bin/sh"),
    ("proc.cmdline = 'sh -c id'", "CommandLine: /bin/sh -c id", "CommandLine: sh -c id x"),
    ("proc.cmdline startswith 'sh -c'", "CommandLine: /bin/sh -c x", "CommandLine: bash -c sh -c"),
    ("proc.cmdline endswith ' id'", SH, "CommandLine: sh -c idx"),
    ("proc.cmdline contains ' -c '", SH, "CommandLine: sh -C id"),
    ("proc.cmdline icontains ' -C '", SH, "CommandLine: sh -x id"),
    ("proc.cmdline in ('sh -c x', 'sh -c id')", SH, "CommandLine: sh -c y"),
    ("proc.cmdline glob 'sh -? id'", SH, "CommandLine: sh -cc id"),
    ("proc.cmdline regex 'sh -[cx] id'", SH, "CommandLine: sh -d id"),
    ("proc.args = '-c id'", SH, "CommandLine: sh -c id x"),
    ("proc.args = ''", "CommandLine: sh", SH),
    ("proc.args startswith -c", SH, "CommandLine: sh x -c"),
    ("proc.args contains d", SH, "CommandLine: dash -c ls"),
    ("proc.args endswith id", SH, "CommandLine: id"),
    ("proc.args icontains ID", SH, "CommandLine: id -c"),
    ("proc.exe = sh", SH, "CommandLine: /bin/sh -c id"),
    ("proc.exe startswith ./", "CommandLine: ./x", "CommandLine: sh ./x"),
    ("proc.exe endswith ssh", "CommandLine: /usr/bin/ssh h", "CommandLine: sshd ssh"),
    ("proc.exe contains shm", "CommandLine: /dev/shm/x", "CommandLine: sh /dev/shm/x"),
    ("proc.pexe endswith java", "ParentCommandLine: /opt/java -jar x", "ParentCommandLine: x java"),
    ("proc.pcmdline contains ' -jar a'", "ParentCommandLine: java -jar a.jar", "ParentCommandLine: java"),
    ("proc.cwd startswith /dev/shm/", "CurrentDirectory: /dev/shm", "CurrentDirectory: /dev/shmx"),
    ("proc.cwd = /tmp/", "CurrentDirectory: /tmp", "CurrentDirectory: /tmp/x"),
    ("proc.cwd = /", "CurrentDirectory: /", "CurrentDirectory: /tmp"),
    ("proc.tty != 0", "process.interactive: true", "process.interactive: false"),
    ("proc.tty = 0", "process.interactive: false", "process.interactive: true"),
    ("proc.is_exe_upper_layer = true", "process.executable.overlay_upper: true", SH),
    ("proc.is_exe_from_memfd != false", "process.executable.memfd: true", SH),
    ("proc.pid = 7", "ProcessId: 7", "ProcessId: 8"),
    ("proc.ppid > 0x10 and proc.ppid <= 20", "ParentProcessId: 20", "ParentProcessId: 16"),
    ("user.uid = 0", "euid: 0", "euid: 1"),
    ("user.loginuid = 1000", "auid: 1000", "auid: 0"),
    ("user.loginuid != -1", "auid: 0", "auid: 4294967295"),
    ("user.uid < 1000 and user.uid >= 10", "euid: 999", "euid: 9"),
    ("user.name = root", "User: root", "User: me"),
    ("user.name != root", "User: me", "User: root"),
    ("container.id != host", "container.id: abc", SH),
    ("container.id = host", SH, "container.id: abc"),
    ("container.type = cri-o", "container.runtime: cri-o", "container.runtime: docker"),
    ("k8s.pod.uid = 0fa2", "k8s.pod.uid: 0fa2", "k8s.pod.uid: 0fa3"),
    ("k8s.pod.name startswith web-", "k8s.pod.name: web-0", "k8s.pod.name: db-0"),
    ("k8s.ns.name in (kube-system, shop)", "k8s.namespace.name: shop", "k8s.namespace.name: till"),
    ("container.name = web", "container.name: web", "container.name: db"),
    ("container.image = 'nginx:1.25'", "container.image: 'nginx:1.25'", "container.image: 'nginx:1.26'"),
    (
        "container.image.repository endswith /web",
        "container.image.name: shop/web",
        "container.image.name: shop/db",
    ),
    ("container.image.tag = latest", "container.image.tag: latest", "container.image.tag: '1'"),
    ("container.privileged = true", "container.privileged: true", "container.privileged: false"),
    ("not container.privileged = true", "container.id: abc", "container.privileged: true"),
    ("proc.vpid = 1", "process.vpid: 1", "process.vpid: 2"),
    ("container.id = 0123456789ab", "container.id: 0123456789abcdef", "container.id: 0123456789ac"),
    ("proc.exepath = val(proc.pexepath)", "Image: /x/y, ParentImage: /x/y", "Image: /x/y, ParentImage: /x/Y"),
    (
        "proc.exepath startswith val(proc.pexepath)",
        "Image: /x/yz, ParentImage: /x/y",
        "Image: /y, ParentImage: /x",
    ),
    ("proc.pid != val(proc.ppid)", "ProcessId: 1, ParentProcessId: 2", "ProcessId: 1, ParentProcessId: 1"),
    // What the kind of event decides.
    ("proc.name = sh and evt.res = SUCCESS", SH, "comm: x"),
    ("proc.name = sh and evt.rawres >= 0 and evt.failed = false", SH, "comm: x"),
    ("(proc.name = sh or fd.name = x) and not fd.name exists", SH, "comm: x"),
    ("proc.name = sh and evt.is_open_write = false and evt.num >= 0 and evt.source = syscall", SH, "comm: x"),
    // Shapes of conditions.
    ("(proc.name = sh and user.name = a) or (proc.name = sh and user.uid = 0)", "comm: sh, euid: 0", SH),
    ("not (proc.name = sh and (user.uid = 0 or not user.uid = 5))", "comm: sh, euid: 5", "comm: sh, euid: 6"),
    ("proc.cmdline contains a and proc.cmdline contains b", "CommandLine: x ba", "CommandLine: x a"),
    ("proc.name startswith a and proc.name startswith ab", "comm: abc", "comm: ac"),
    (
        "proc.name = sh and not (user.uid = 0 or (user.uid = 1 and proc.pname = x))",
        "comm: sh, euid: 1",
        "comm: sh, euid: 0",
    ),
    ("not proc.name in (sh) and not not user.uid = 0", "comm: x, euid: 0", "comm: sh, euid: 0"),
];

#[test]
fn execs_match_as_in_falco() {
    for (condition, event, near) in EXECS {
        let imported = rule(&format!("evt.type in (execve, execveat) and ({condition})"));
        let yaml = yaml(&imported);
        assert!(matches(yaml, "exec", event), "`{condition}` misses {event}:\n{yaml}");
        assert!(!matches(yaml, "exec", near), "`{condition}` takes {near}:\n{yaml}");
    }
}

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

/// Log source, event and condition, an event that matches, and one that is near.
const DEEDS: &[(&str, &str, &str, &str)] = &[
    (
        "file_modify",
        "evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.typechar = 'f' and fd.num >= 0 \
         and fd.name startswith /etc/cron",
        "file.path: /etc/cron.d/x, guardbee.file.flags: O_WRONLY",
        "file.path: /etc/cron.d/x, guardbee.file.flags: O_RDONLY",
    ),
    (
        "file_create",
        "evt.type in (open, openat) and evt.arg.flags contains O_CREAT and fd.directory = /dev",
        "file.path: /dev/x",
        "file.path: /dev/shm/x",
    ),
    (
        "file_modify",
        "evt.type in (open, openat) and evt.arg.flags contains O_TRUNC and fd.filename in (a.log, b.log)",
        "file.path: /x/b.log, guardbee.file.flags: [O_WRONLY, O_TRUNC]",
        "file.path: /x/b.log, guardbee.file.flags: O_WRONLY",
    ),
    // truncate(2) is no open.
    (
        "file_modify",
        "evt.type in (open, openat) and fd.name = /x",
        "file.path: /x, guardbee.file.flags: O_WRONLY",
        "file.path: /x",
    ),
    (
        "file_open",
        "evt.type in (open, openat) and evt.is_open_read = true and fd.name glob /proc/*/environ",
        "file.path: /proc/7/environ",
        "file.path: /proc/7/maps",
    ),
    (
        "file_modify",
        "evt.type in (open, openat) and evt.is_open_read = true and fd.name = /x",
        "file.path: /x, guardbee.file.flags: O_RDWR",
        "file.path: /x, guardbee.file.flags: O_WRONLY",
    ),
    (
        "file_rename",
        "evt.type in (rename, renameat) and evt.arg.oldpath endswith ash_history",
        "guardbee.file.source: /root/.bash_history",
        "file.path: /root/.bash_history",
    ),
    (
        "file_delete",
        "evt.type in (unlink, unlinkat) and (evt.arg.name endswith .x or evt.arg.path endswith .x)",
        "file.path: /a.x",
        "file.path: /a.y",
    ),
    ("folder_delete", "evt.type = rmdir and fs.path.name = /a", "file.path: /a", "file.path: /b"),
    (
        "file_symlink",
        "evt.type in (symlink, symlinkat) and evt.arg.target in (/etc, /root)",
        "guardbee.file.source: /etc, file.path: /tmp/x",
        "guardbee.file.source: /tmp/x, file.path: /etc",
    ),
    (
        "file_link",
        "evt.type in (link, linkat) and fs.path.source = /etc/shadow",
        "guardbee.file.source: /etc/shadow",
        "file.path: /etc/shadow",
    ),
    (
        "file_attribute",
        "evt.type in (chmod, fchmod, fchmodat) and (evt.arg.mode contains S_ISUID or evt.arg.mode contains S_ISGID)",
        "guardbee.file.attribute: mode, file.mode: '2755'",
        "guardbee.file.attribute: mode, file.mode: '0755'",
    ),
    (
        "file_attribute",
        "evt.type in (chown, fchown) and evt.arg.uid = root",
        "guardbee.file.attribute: owner, file.owner.id: 0",
        "guardbee.file.attribute: owner, file.owner.id: 1",
    ),
    (
        "access",
        "evt.type = ptrace and evt.arg.request contains PTRACE_SETREGS",
        "SYSCALL: ptrace, a0: '4205'",
        "SYSCALL: ptrace, a0: '10'",
    ),
    (
        "access",
        "evt.type = ptrace and evt.arg.request = PTRACE_TRACEME",
        "SYSCALL: ptrace, a0: '0'",
        "SYSCALL: ptrace, a0: '10'",
    ),
    (
        "namespace",
        "evt.type = setns and proc.name = x",
        "SYSCALL: setns, comm: x",
        "SYSCALL: unshare, comm: x",
    ),
    (
        "namespace",
        "evt.type = unshare and not thread.cap_permitted contains CAP_SYS_ADMIN",
        "SYSCALL: unshare",
        "SYSCALL: unshare, process.thread.capabilities.permitted: CAP_SYS_ADMIN",
    ),
    (
        "mount",
        "evt.type = mount and evt.arg.dir = /mnt",
        "SYSCALL: mount, guardbee.mount.place: /mnt",
        "SYSCALL: move_mount, guardbee.mount.place: /mnt",
    ),
    (
        "extension",
        "evt.type = bpf and (evt.arg.cmd = 5 or evt.arg.cmd = BPF_PROG_LOAD)",
        "SYSCALL: bpf, a0: '5'",
        "SYSCALL: bpf, a0: '8'",
    ),
    (
        "extension",
        "evt.type in (init_module, finit_module) and thread.cap_effective icontains sys_module",
        "SYSCALL: finit_module, process.thread.capabilities.effective: CAP_SYS_MODULE",
        "SYSCALL: finit_module",
    ),
    (
        "socket_change",
        "evt.type = socket and evt.arg.domain contains AF_PACKET",
        "SYSCALL: socket, guardbee.socket.family: packet",
        "SYSCALL: socket, guardbee.socket.family: alg",
    ),
    (
        "socket_change",
        "evt.type in (dup, dup2, dup3) and evt.rawres in (0, 1, 2) and fd.type in (ipv4, ipv6)",
        "SYSCALL: dup2, exit: 2, guardbee.socket.family: inet6",
        "SYSCALL: dup2, exit: 2, guardbee.socket.family: vsock",
    ),
    (
        "socket_change",
        "evt.type = dup3 and evt.rawres = 0 and fd.type = ipv4",
        "SYSCALL: dup3, exit: 0",
        "SYSCALL: dup2, exit: 0",
    ),
    (
        "credentials",
        "evt.type = setuid and evt.arg.uid = root",
        "SYSCALL: setuid, a0: '0'",
        "SYSCALL: setuid, a0: '1'",
    ),
    (
        "memory",
        "evt.type = memfd_create and proc.name = x",
        "SYSCALL: memfd_create, comm: x",
        "SYSCALL: mprotect, comm: x",
    ),
    (
        "control",
        "evt.type = userfaultfd and user.uid = 7",
        "SYSCALL: userfaultfd, euid: 7",
        "SYSCALL: reboot, euid: 7",
    ),
    (
        "control",
        "evt.type = userfaultfd and proc.tty = 0 and proc.is_exe_from_memfd = true",
        "SYSCALL: userfaultfd, process.interactive: false, process.executable.memfd: true",
        "SYSCALL: userfaultfd, process.interactive: true, process.executable.memfd: true",
    ),
    (
        "io_uring",
        "evt.type = io_uring_setup and proc.name = x",
        "guardbee.io_uring: setup, comm: x",
        "guardbee.io_uring: openat, comm: x",
    ),
    (
        "file_open",
        "evt.type in (open, openat) and fd.name = /x and not proc.duration <= 5000000000",
        "file.path: /x, guardbee.process.age: 5000000001",
        "file.path: /x, guardbee.process.age: 5000000000",
    ),
];

#[test]
fn deeds_match_as_in_falco() {
    for (event, condition, hit, near) in DEEDS {
        let imported = rule(condition);
        let yaml = yaml(&imported);
        assert!(matches(yaml, event, hit), "`{condition}` misses {hit}:\n{yaml}");
        assert!(!matches(yaml, event, near), "`{condition}` takes {near}:\n{yaml}");
    }
}

/// What can't be said, and part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("evt.type = creat and fd.name = /etc/shadow", "not told apart from other opens"),
    ("evt.type in (execve, sendto) and proc.name = x", "data sent"),
    ("evt.type = openat and evt.is_open_read = true and fd.typechar = 'd'", "folders that are opened"),
    ("evt.type = openat and fd.name = /x and fd.num = -1", "calls that fail"),
    ("evt.type = openat and fd.name = /x and evt.res startswith E", "calls that fail"),
    ("evt.type = openat and fd.nameraw contains x", "as it was written"),
    ("evt.type = openat and evt.arg.flags contains O_PATH", "`O_PATH` is not recorded"),
    ("evt.type = openat and evt.arg.flags = O_RDONLY", "`contains` can"),
    ("evt.type = unlink and evt.failed = true", "calls that fail"),
    ("evt.type = mkdir and evt.arg.mode contains x", "of chmod only"),
    ("evt.type = symlink and fs.path.target = /x", "not documented"),
    ("evt.type = socket and proc.name = x", "sockets of common families"),
    ("evt.type = socket and evt.arg.domain contains AF_INET", "`AF_INET` is not recorded"),
    ("evt.type = socket and not evt.arg.domain = AF_PACKET", "sockets of common families"),
    ("evt.type = ptrace and proc.name = x", "neither attach nor write"),
    ("evt.type = ptrace and evt.arg.request contains PEEK", "`PTRACE_PEEKTEXT` is not recorded"),
    ("evt.type = dup2 and evt.rawres in (0, 1)", "files and local sockets"),
    ("evt.type = dup2 and fd.type = ipv4", "descriptors beyond standard error"),
    ("evt.type = bpf and proc.name = x", "neither load nor attach"),
    ("evt.type = setuid and evt.arg.uid = nobody", "only `root` is known"),
    ("evt.type = setns and fd.name = /x", "the descriptor of this call"),
    ("evt.type = sendto and fd.sip = 1.1.1.1", "data sent"),
    ("evt.type = sendmsg and fd.l4proto = tcp", "data sent"),
    ("evt.type = recvfrom and fd.l4proto = udp", "data received"),
    ("proc.name = sh", "every event"),
    ("evt.type != execve and proc.name = sh", "every event"),
    ("evt.type = execve and evt.num = 0", "it never holds"),
    ("evt.type = execve and proc.name = sh and proc.name != sh", "it never holds"),
    ("evt.type = execve and proc.aname[8] = sshd", "up to the seventh"),
    ("evt.type = execve and container.image.id = x", "images"),
    ("evt.type = execve and not container.image.id = x", "images"),
    ("evt.type = execve and k8s.rc.id = x", "pods"),
    ("evt.type = execve and proc.env contains X", "environment"),
    ("evt.type = execve and proc.nmae = x", "did you mean `proc.name`"),
    ("evt.type = execve and nothing.at_all = x", "no such field"),
    ("evt.type = execve and proc.name = val(proc.pname)", "not comparable"),
    ("evt.type = execve and proc.name > val(user.name)", "of two fields"),
    ("evt.type = execve and proc.name = toupper(user.name)", "transformed"),
    ("evt.type = execve and b64(proc.args) contains x", "`b64`"),
    ("evt.type = execve and len(proc.args) > 5", "`len`"),
    ("evt.type = execve and proc.name glob '@(a|b)'", "extended patterns"),
    ("evt.type = execve and proc.name > 5", "compares numbers"),
    ("evt.type = execve and user.uid = x", "no whole number"),
    ("evt.type = execve and proc.name contains oneof (a, b)", "oneof"),
    ("evt.type = execve and proc.tty = 34816", "terminal"),
    ("evt.type = listen and fd.sip = nowhere", "no address"),
    ("evt.type = execve and user.loginuid > 0", "who logged in"),
    ("evt.type = execve and user.loginname = bob", "only the id"),
    ("evt.type = accept and fd.rip.name = x.example", "only of connect"),
    ("evt.type = execve and proc.name bcontains ff", "no UTF-8"),
];

#[test]
fn what_cant_be_said_is_refused_whole_and_says_why() {
    for (condition, why) in REFUSED {
        let imported = rule(condition);
        let obstacles = obstacles(&imported);
        let said = |one: &Obstacle| one.why.contains(why) || one.what.contains(why);
        assert!(obstacles.iter().any(said), "{condition}: {obstacles:#?}");
        for one in obstacles {
            assert!(one.file == "rules.yaml" && one.line > 0 && one.column > 0, "{one:#?}");
        }
    }
}

#[test]
fn a_rule_about_every_event_of_a_kind_says_so() {
    assert!(matches(yaml(&rule("evt.type = execve or evt.type = execveat")), "exec", SH));
}

#[test]
fn a_part_that_never_holds_needs_nothing() {
    let imported = rule("evt.type = execve and (proc.name = sh or (evt.num = 0 and k8s.ns.name = x))");
    assert!(matches(yaml(&imported), "exec", SH));
}

#[test]
fn imported_rules_are_readable_and_always_the_same() {
    let files = [
        ("rules/base.yaml", include_str!("falco/base.yaml")),
        ("rules/local.yaml", include_str!("falco/local.yaml")),
    ];
    for (name, files) in [("base", &files[..1]), ("changed", &files[..])] {
        let import = falco::import(files, Exclusions::Needed).unwrap();
        let mut out = String::new();
        for rule in &import.rules {
            writeln!(out, "=== {}:{} {}", rule.file, rule.line, rule.name).unwrap();
            match &rule.outcome {
                Outcome::Written { file, yaml, .. } => writeln!(out, "--> {file}\n{yaml}").unwrap(),
                other => writeln!(out, "{other:#?}\n").unwrap(),
            }
        }
        insta::assert_snapshot!(name, out);
    }
}

#[test]
fn exceptions_and_overrides_change_what_matches() {
    let base = ("base.yaml", include_str!("falco/base.yaml"));
    let local = ("local.yaml", include_str!("falco/local.yaml"));
    let before = falco::import(&[base], Exclusions::Needed).unwrap();
    let after = falco::import(&[base, local], Exclusions::Needed).unwrap();
    let at = "container.id: abc, process.interactive: true";
    for (event, was, is) in [
        ("Image: /bin/sh, comm: sh, CommandLine: sh", true, true),
        ("comm: fish, CommandLine: fish", false, true),
        ("comm: zsh, CommandLine: zsh", false, false),
        ("comm: bash, CommandLine: bash -l", false, false),
        ("Image: /bin/sh, comm: sh, CommandLine: sh -l", true, true),
        ("Image: /bin/sh, comm: sh, CommandLine: sh -c /opt/health check", false, false),
        ("Image: /bin/sh, comm: sh, User: deploy", false, false),
        ("Image: /bin/sh, comm: sh, CommandLine: sh, User: operator", true, false),
        ("Image: /opt/tools/x/sh, comm: sh, CommandLine: sh", true, false),
        ("Image: /bin/sh, comm: sh, ParentImage: /usr/bin/nano", false, false),
        ("Image: /bin/sh, comm: sh, CurrentDirectory: /srv/quiet/x", true, false),
    ] {
        let event = format!("{at}, {event}");
        assert_eq!(matches(yaml(&before.rules[0]), "exec", &event), was, "before: {event}");
        assert_eq!(matches(yaml(&after.rules[0]), "exec", &event), is, "after: {event}");
    }
}

#[test]
fn each_wrong_file_gets_a_helpful_answer() {
    let mut answers = String::new();
    let cases: Vec<_> = include_str!("falco/wrong.txt").split("### ").skip(1).collect();
    for case in &cases {
        let (name, text) = case.split_once('\n').unwrap();
        let problems = match falco::import(&[("rules.yaml", text)], Exclusions::Needed) {
            Ok(import) => import.warnings,
            Err(problems) => {
                assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{name}");
                problems
            }
        };
        assert!(!problems.is_empty(), "`{name}` was accepted");
        writeln!(answers, "### {name}").unwrap();
        for problem in problems {
            assert!(
                problem.line > 0 && problem.column > 0 && &*problem.file == "rules.yaml",
                "{name}: {problem}"
            );
            assert!(usize::try_from(problem.line).unwrap() <= text.lines().count() + 1, "{name}: {problem}");
            assert!(!problem.remedy.is_empty() && !problem.message.ends_with('.'), "{name}");
            writeln!(answers, "{problem}").unwrap();
        }
    }
    assert!(cases.len() >= 45, "{} cases", cases.len());
    insta::assert_snapshot!("wrong", answers);
    println!("cases: {}", cases.len());
}

#[test]
fn exclusions_that_cant_be_said_are_left_out_where_that_is_asked_for() {
    let import = |condition: &str| {
        let text = format!("- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: {condition}\n");
        let import = falco::import(&[("rules.yaml", text)], Exclusions::LeftOut);
        import.unwrap_or_else(|problems| panic!("{problems:#?}")).rules.pop().unwrap()
    };
    let wider =
        import("evt.type = execve and proc.name = a and not (proc.name = b or container.image.id in (x, y))");
    let Outcome::Written { yaml: written, left_out, .. } = &wider.outcome else { panic!("{wider:#?}") };
    assert!(matches(written, "exec", "process.thread.name: a"), "{written}");
    assert!(!matches(written, "exec", "process.thread.name: b"), "{written}");
    assert!(
        written.contains("It finds more than Falco's: what that excludes by container.image.id"),
        "{written}"
    );
    let [one] = left_out.as_slice() else { panic!("{left_out:#?}") };
    assert_eq!((one.field.as_str(), one.line), ("container.image.id", 5));
    // Values are a stranger's: none ends the comment that names it.
    let odd = import("\"evt.type = openat and fd.name = /a and not evt.arg.flags contains 'b\\nlevel: c'\"");
    assert!(yaml(&odd).contains("# It finds more than Falco's"), "{odd:#?}");
    assert!(RuleSet::load(&[("r", yaml(&odd))]).is_ok(), "{odd:#?}");
    // Without what it asks for a rule would find less, or nothing that it is about.
    for asked in [
        "container.image.id = x",
        "(proc.name = a or container.image.id = x)",
        "not not container.image.id = x",
    ] {
        let refused = import(&format!("evt.type = execve and {asked}"));
        assert!(matches!(refused.outcome, Outcome::Refused(_)), "{refused:#?}");
    }
    // What can be said whole is.
    let whole = import("evt.type = execve and not proc.name = b");
    assert!(matches!(&whole.outcome, Outcome::Written { left_out, .. } if left_out.is_empty()), "{whole:#?}");
}

/// Public rules: the files that `GUARDBEE_FALCO_CORPUS` names, separated by `:`, are imported and counted.
#[test]
fn public_rules_are_imported_and_counted() {
    let Some(paths) = env::var_os("GUARDBEE_FALCO_CORPUS") else { return };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut written, mut events) = (Vec::new(), 0);
    let files: Vec<_> = env::split_paths(&paths)
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let import = falco::import(&files, Exclusions::Needed).unwrap_or_else(|problems| panic!("{problems:#?}"));
    for rule in &import.rules {
        match &rule.outcome {
            Outcome::Written { file, yaml, .. } => written.push((file, yaml)),
            Outcome::Disabled => {}
            Outcome::Refused(obstacles) => {
                events += usize::from(obstacles.iter().all(|one| one.event));
                let said =
                    |one: &Obstacle| if one.event { format!("needs {}", one.what) } else { one.why.clone() };
                let mut why: Vec<_> = obstacles.iter().map(said).collect();
                why.sort();
                why.dedup();
                for why in why {
                    *reasons.entry(why).or_default() += 1;
                }
            }
        }
    }
    for (why, rules) in &reasons {
        println!("{rules:4} {why}");
    }
    // All of them together, as they would be used.
    let set = RuleSet::load(&written).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(set.warnings().is_empty(), "{:#?}", set.warnings());
    println!("{} rules, {} written, {events} need events only", import.rules.len(), written.len());
}
