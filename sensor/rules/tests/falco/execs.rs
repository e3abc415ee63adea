//! What conditions on execs match.
use super::{SH, matches, rule, yaml};

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
    (
        "proc.env icontains HTTP_PROXY",
        "process.env_vars: 'http_proxy=x'",
        "process.env_vars: 'HTTP_PROXYX=x'",
    ),
    ("proc.env contains A_B", "process.env_vars: [X=y, A_B=x]", "process.env_vars: a_b=x"),
    ("proc.env contains 'A=/x'", "process.env_vars: A=/xy", "process.env_vars: A=/"),
    ("proc.env contains 'A=/x '", "process.env_vars: A=/x", "process.env_vars: A=/xy"),
    ("proc.env[A] = x*", "process.env_vars: 'A=x*'", "process.env_vars: A=xy"),
    ("proc.env[A] exists", "process.env_vars: 'A='", "process.env_vars: B=A"),
    ("proc.env[A] contains y", "process.env_vars: A=xyz", "process.env_vars: A=Y"),
    ("proc.env[A] endswith .so", "process.env_vars: A=x.so", "process.env_vars: A=x.so.1"),
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

#[test]
fn a_rule_about_every_event_of_a_kind_says_so() {
    assert!(matches(yaml(&rule("evt.type = execve or evt.type = execveat")), "exec", SH));
}

#[test]
fn a_part_that_never_holds_needs_nothing() {
    let imported = rule("evt.type = execve and (proc.name = sh or (evt.num = 0 and k8s.ns.name = x))");
    assert!(matches(yaml(&imported), "exec", SH));
}
