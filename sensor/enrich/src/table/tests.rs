//! Given events, who is who.
use super::*;
use guardbee_model::{
    container::Configuration,
    event::{Data, Direction, Exit},
    id::ConnectionId,
    process::{Environment, Fd, File},
    system::{Change, System},
};
use proptest::prelude::*;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(super) fn key(tgid: u32, exec_number: u32) -> ProcessKey {
    ProcessKey { tgid, start: BootTime(u64::from(tgid)), exec_number }
}

pub(super) fn header(process: ProcessKey, time: u64) -> Header {
    Header {
        time: BootTime(time),
        process: Some(process),
        tid: process.tgid,
        cgroup_id: 7,
        scope: 0,
        user: None,
        compat: false,
        kthread: false,
        stamp_lost: false,
        hook: Hook::Tracepoint6_3,
        serving: None,
        origin: None,
    }
}

fn fork_in(cgroup: &str, parent: ProcessKey, child: ProcessKey, time: u64) -> Event {
    let fork = Fork {
        child,
        child_origin: None,
        child_ns_tgid: 2,
        comm: b"forked"[..].into(),
        cgroup: cgroup.as_bytes().into(),
        unified: Box::default(),
    };
    Event { header: header(parent, time), body: Body::Fork(Arc::new(fork)) }
}

pub(super) fn fork(parent: ProcessKey, child: ProcessKey, time: u64) -> Event {
    fork_in("", parent, child, time)
}

pub(super) fn described(parent: ProcessKey, exe: &str, cgroup: &str) -> Exec {
    Exec {
        parent: Some(parent),
        exe: exe.as_bytes().into(),
        filename: exe.as_bytes().into(),
        cwd: b"/"[..].into(),
        args: crate::cmdline(exe.as_bytes()),
        environment: Environment::default(),
        comm: b"comm"[..].into(),
        cgroup: cgroup.as_bytes().into(),
        unified: Box::default(),
        file: File::default(),
        credentials: Credentials { uid: 33, ..Credentials::default() },
        fds: [Fd::Closed; 3],
        pid_ns: 0,
        mnt_ns: 0,
        net_ns: 0,
        ns_tgid: 1,
        session: 0,
        tty: 0,
        login: None,
        secure: false,
        outside: false,
        cwd_outside: false,
    }
}

fn exec_in(cgroup: &str, process: ProcessKey, parent: ProcessKey, exe: &str, time: u64) -> Event {
    Event { header: header(process, time), body: Body::Exec(Arc::new(described(parent, exe, cgroup))) }
}

fn exec(process: ProcessKey, parent: ProcessKey, exe: &str, time: u64) -> Event {
    exec_in("", process, parent, exe, time)
}

/// What the iterator says; it has no command line.
fn snapshot(process: ProcessKey, parent: ProcessKey, exe: &str) -> Event {
    let mut body = described(parent, exe, "");
    body.args = Args::default();
    let header = Header { hook: Hook::Iterator, ..header(process, 1) };
    Event { header, body: Body::Process(Arc::new(body)) }
}

fn exit(process: ProcessKey, time: u64) -> Event {
    Event { header: header(process, time), body: Body::Exit(Exit { code: 0 }) }
}

fn data(process: ProcessKey, time: u64) -> Event {
    let data = Data {
        connection: ConnectionId(1),
        direction: Direction::Sent,
        position: 0,
        length: 0,
        bytes: Box::default(),
    };
    Event { header: header(process, time), body: Body::Data(data) }
}

fn changed(process: ProcessKey, after: Credentials, time: u64) -> Event {
    let deed = Deed::Credentials(Change {
        before: None,
        after,
        user: None,
        groups: 0,
        user_ns: 0,
        unexplained: false,
    });
    let system = System { call: None, comm: Box::default(), deed };
    Event { header: header(process, time), body: Body::System(Arc::new(system)) }
}

fn table(events: impl IntoIterator<Item = Event>) -> Table {
    let mut table = Table::new(Limits { keep_ns: 30, ..Limits::default() });
    events.into_iter().for_each(|event| table.observe(&event));
    table
}

fn cgroup_wants(table: &mut Table) -> Vec<ProcessKey> {
    table.wants().filter(|want| want.thing == Thing::Cgroup).map(|want| want.key).collect()
}

fn exe(table: &Table, key: ProcessKey) -> String {
    table.process(key).map_or_else(String::new, |process| String::from_utf8_lossy(&process.exe).into_owned())
}

#[test]
fn lineage_from_fork_and_exec() {
    let (web, shell, id) = (key(10, 1), key(11, 2), key(12, 3));
    let mut table = table([
        exec(web, key(1, 1), "/usr/bin/python3", 1),
        fork(web, key(11, 1), 2),
        exec(shell, web, "/bin/sh", 3),
        fork(shell, key(12, 2), 4),
        // The shell is gone: the reaper is what the kernel calls the parent now.
        exec(id, key(1, 1), "/usr/bin/id", 5),
    ]);
    let forked = table.process(key(11, 1)).unwrap();
    assert_eq!((&*forked.exe, &*forked.comm, forked.ns_tgid), (&b"/usr/bin/python3"[..], &b"forked"[..], 2));
    // What a process executed before: nothing, then what its parent does, then what it became itself.
    table.observe(&exec(key(12, 4), shell, "/usr/bin/env", 6));
    let previous =
        [web, key(11, 1), shell, key(12, 4)].map(|key| table.process(key).unwrap().previous.clone());
    let shown = previous.each_ref().map(|exe| str::from_utf8(exe).unwrap());
    assert_eq!(shown, ["", "", "/usr/bin/python3", "/usr/bin/id"]);
    // An exec that comes late was not before what is known.
    table.observe(&exec(key(30, 3), shell, "/bin/c", 7));
    table.observe(&exec(key(30, 2), shell, "/bin/b", 6));
    assert!(table.process(key(30, 2)).unwrap().previous.is_empty());
    let names: Vec<_> = table.ancestors(id, 16).iter().map(|process| process.name().into_owned()).collect();
    assert_eq!(names, ["sh", "python3"]);
    assert_eq!(table.ancestors(id, 1).len(), 1);
    assert!(!table.process(id).unwrap().recovered);
}

#[test]
fn who_is_not_known_is_recovered() {
    let mut table = table([data(key(10, 1), 1), fork(key(20, 1), key(21, 1), 2)]);
    let stranger = table.process(key(10, 1)).unwrap();
    assert!(stranger.recovered && stranger.exe.is_empty());
    assert_eq!(table.process(key(21, 1)).unwrap().parent, Some(key(20, 1)));
    let wants: Vec<_> = table.wants().collect();
    assert!(wants.contains(&Want { key: key(10, 1), thing: Thing::Cmdline }));
    table.provide(key(10, 1), Thing::Cmdline, b"nginx: worker\0\0");
    assert_eq!(table.process(key(10, 1)).unwrap().args.display(), "nginx: worker");
    table.observe(&snapshot(key(10, 1), key(9, 1), "/usr/sbin/nginx"));
    let found = table.process(key(10, 1)).unwrap();
    assert_eq!(
        (found.args.display().as_str(), found.parent, found.recovered),
        ("nginx: worker", Some(key(9, 1)), true)
    );
    assert_eq!(exe(&table, key(10, 1)), "/usr/sbin/nginx");
}

#[test]
fn live_data_stands_over_a_snapshot_whichever_came_first() {
    let (p, parent) = (key(10, 2), key(9, 1));
    for events in [
        [exec(p, parent, "/live", 1), snapshot(p, parent, "/found")],
        [snapshot(p, parent, "/found"), exec(p, parent, "/live", 1)],
    ] {
        let table = table(events);
        assert_eq!(exe(&table, p), "/live");
        assert!(!table.process(p).unwrap().recovered);
    }
    // A snapshot of an image that was replaced before the snapshot was read.
    let mut table = table([exec(p, parent, "/new", 1), snapshot(key(10, 1), parent, "/old")]);
    assert_eq!(exe(&table, p), "/new");
    table.observe(&data(key(50, 1), 100));
    assert!(table.process(key(10, 1)).is_none());
}

#[test]
fn who_ended_is_kept_a_while_and_while_needed() {
    let (parent, child) = (key(10, 1), key(11, 1));
    let mut table = table([
        exec(parent, key(1, 1), "/bin/sh", 1),
        fork(parent, child, 2),
        exit(parent, 3),
        exit(child, 10),
    ]);
    table.observe(&data(key(50, 1), 35));
    assert!(table.process(child).is_some() && table.process(parent).is_some());
    let held = table.process(child);
    table.observe(&data(key(50, 1), 50));
    assert!(table.process(child).is_some(), "somebody holds it");
    drop(held);
    table.observe(&data(key(50, 1), 90));
    assert!(table.process(child).is_none());
    table.observe(&data(key(50, 1), 130));
    assert!(table.process(parent).is_none());
    assert_eq!(table.losses(BootTime(1)), vec![]);
}

#[test]
fn a_fork_that_only_execs_leaves_nothing_behind() {
    let limits = Limits { keep_ns: 30_000_000_000, ..Limits::default() };
    let (shell, second) = (key(10, 1), 1_000_000_000);
    let mut table = Table::new(limits);
    table.observe(&exec(shell, key(1, 1), "/bin/sh", 1));
    // The second acts between fork and exec.
    for tgid in [11, 12] {
        table.observe(&fork(shell, key(tgid, 0), 2));
        if tgid == 12 {
            table.observe(&data(key(tgid, 0), 3));
        }
        table.observe(&exec(key(tgid, 1), shell, "/bin/id", 4));
        assert_eq!(table.ancestors(key(tgid, 1), 1).first().map(|parent| parent.key), Some(shell));
    }
    let known = |table: &Table| [11, 12].map(|tgid| table.process(key(tgid, 0)).is_some());
    table.observe(&data(shell, second / 2));
    assert_eq!(known(&table), [true, true], "events may come late");
    table.observe(&data(shell, 2 * second));
    assert_eq!(known(&table), [false, true]);
    table.observe(&data(shell, 40 * second));
    assert_eq!(known(&table), [false, false]);
    assert_eq!(table.losses(BootTime(1)), vec![]);
}

#[test]
fn a_storm_of_execs_leaves_no_more_than_its_last_seconds() {
    let mut table = Table::new(Limits::default());
    let shell = key(10, 1);
    table.observe(&exec(shell, key(1, 1), "/bin/sh", 1));
    let mut most = 0;
    for number in 0..24_000 {
        // 4,000 a second.
        let (tgid, time) = (100 + number, u64::from(number) * 250_000);
        table.observe(&fork(shell, key(tgid, 0), time));
        table.observe(&exec(key(tgid, 1), shell, "/bin/true", time));
        table.observe(&exit(key(tgid, 1), time));
        most = most.max(table.len());
    }
    assert!((8_000..15_000).contains(&most), "{most}");
    assert_eq!(table.losses(BootTime(1)), vec![]);
}

#[test]
fn the_ended_make_room_first_then_the_silent() {
    let processes = NonZeroUsize::new(3).unwrap();
    let mut table = Table::new(Limits { processes, ..Limits::default() });
    for event in [
        data(key(1, 1), 1),
        data(key(2, 1), 1),
        data(key(3, 1), 1),
        exit(key(2, 1), 2),
        data(key(1, 1), 3),
        data(key(4, 1), 4),
    ] {
        table.observe(&event);
    }
    assert!(table.process(key(2, 1)).is_none());
    table.observe(&data(key(5, 1), 5));
    assert!(table.process(key(3, 1)).is_none() && table.process(key(1, 1)).is_some());
    let losses = table.losses(BootTime(9));
    assert_eq!(
        losses.iter().map(|l| (l.cause, l.kind, l.count)).collect::<Vec<_>>(),
        [("processes_full", "process", 2)]
    );
}

#[test]
fn containers_by_leaf_then_by_path_and_by_lineage() {
    let scope = format!("docker-{ID}.scope");
    let forged = format!("docker-{}.scope", "b".repeat(64));
    let (init, child) = (key(10, 2), key(11, 3));
    let mut table = table([
        exec_in(&scope, init, key(1, 1), "/sbin/init", 1),
        fork_in(&forged, init, key(11, 2), 2),
        exec_in(&forged, child, init, "/bin/sh", 3),
    ]);
    for key in [init, key(11, 2), child] {
        assert_eq!(&*table.process(key).unwrap().container.as_ref().unwrap().id, ID, "{key}");
    }
    assert_eq!(cgroup_wants(&mut table), [init, key(11, 2), child], "until one is answered");
    // The path tells that the leaf was forged by a process older than the sensor.
    table.provide(init, Thing::Cgroup, format!("0::/docker-{}.scope/{scope}\n", "c".repeat(64)).as_bytes());
    for key in [init, child] {
        assert_eq!(&*table.process(key).unwrap().container.as_ref().unwrap().id, "c".repeat(64), "{key}");
    }
    table.observe(&exec_in(&scope, key(30, 1), key(1, 1), "/bin/ls", 4));
    assert_eq!(&*table.process(key(30, 1)).unwrap().container.as_ref().unwrap().id, "c".repeat(64));
    assert_eq!(cgroup_wants(&mut table), []);
}

#[test]
fn a_whole_path_by_its_names_needs_no_question() {
    let scope = format!("/system.slice/docker-{ID}.scope");
    let mut table = table([exec_in(&scope, key(10, 2), key(1, 1), "/bin/sh", 1)]);
    assert_eq!(cgroup_wants(&mut table), []);
    let process = table.process(key(10, 2)).unwrap();
    assert_eq!(&*process.container.as_ref().unwrap().id, ID);
    assert_eq!(&*process.cgroup.as_ref().unwrap().path, scope.as_bytes());
}

#[test]
fn a_pod_by_the_path_reaches_who_knew_the_container_by_its_name() {
    let uid = "0fa2b6e4-96ac-4a5c-8c0e-1df7a2b9c3d1";
    let (init, child) = (key(10, 2), key(11, 2));
    let mut table = table([
        exec_in(&format!("crio-{ID}/a/b"), init, key(1, 1), "/sbin/init", 1),
        fork_in("x/y/forged", init, child, 2),
    ]);
    let pod = |table: &Table, key| {
        let container = table.process(key).unwrap().container.clone().unwrap();
        container.pod.as_ref().map(|pod| pod.uid.to_string())
    };
    assert_eq!(pod(&table, init), None);
    table.provide(init, Thing::Cgroup, format!("0::/kubepods/burstable/pod{uid}/crio-{ID}/a/b\n").as_bytes());
    for key in [init, child] {
        assert_eq!(pod(&table, key).as_deref(), Some(uid));
    }
}

#[test]
fn who_moves_is_where_it_went() {
    let shell = key(10, 1);
    let mut table = table([exec_in("/system.slice/a.service", shell, key(1, 1), "/bin/sh", 1)]);
    let mut moved = fork(shell, key(11, 1), 2);
    moved.header.cgroup_id = 9;
    table.observe(&moved);
    assert_eq!(cgroup_wants(&mut table), [shell, key(11, 1)]);
    table.provide(shell, Thing::Cgroup, format!("0::/docker/{ID}\n").as_bytes());
    for key in [shell, key(11, 1)] {
        let process = table.process(key).unwrap();
        assert_eq!(&*process.container.as_ref().unwrap().runtime, "docker", "{key}");
        assert!(process.cgroup.as_ref().unwrap().path.starts_with(b"/docker/"));
    }
}

/// It was seen first by something without names, which are known by the time that the question is answered: when it ends.
#[test]
fn who_ends_keeps_its_container() {
    let (init, path) = (key(10, 1), format!("/docker/{ID}"));
    let mut table = table([exec_in("/system.slice/a.service", key(1, 1), key(1, 1), "/bin/sh", 1)]);
    let mut nameless = data(init, 1);
    nameless.header.cgroup_id = 9;
    table.observe(&nameless);
    assert!(cgroup_wants(&mut table).contains(&init));
    let mut named = exec_in(&path, key(10, 2), key(1, 1), "/bin/true", 2);
    named.header.cgroup_id = 9;
    table.observe(&named);
    table.provide(init, Thing::Cgroup, b"8:memory:/\n0::/\n");
    table.provide(key(10, 2), Thing::Cgroup, b"8:memory:/\n0::/\n");
    let process = table.process(key(10, 2)).unwrap();
    assert_eq!(process.container.as_ref().map(|one| &*one.id), Some(ID));
    assert_eq!(&*process.cgroup.as_ref().unwrap().path, path.as_bytes());
}

#[test]
fn what_changes_is_told_and_nothing_else() {
    let shell = key(10, 1);
    let mut table = table([exec(shell, key(1, 1), "/bin/sh", 1)]);
    assert!(table.take_changed());
    table.observe(&data(shell, 2));
    assert!(!table.take_changed(), "it acts as it is known");
    let mut moved = data(shell, 3);
    moved.header.cgroup_id += 1;
    table.observe(&moved);
    assert!(table.take_changed() && !table.take_changed());
    table.observe(&data(key(11, 1), 4));
    assert!(table.take_changed(), "it was not known");
}

#[test]
fn units_of_the_other_hierarchy() {
    let mut event = exec_in("/", key(10, 1), key(1, 1), "/usr/sbin/sshd", 1);
    if let Body::Exec(exec) = &mut event.body {
        Arc::make_mut(exec).unified = b"/system.slice/ssh.service"[..].into();
    }
    let table = table([event]);
    let cgroup = table.process(key(10, 1)).unwrap().cgroup.clone().unwrap();
    assert_eq!((&*cgroup.unit, &*cgroup.slice), ("ssh.service", "system.slice"));
}

#[test]
fn users_of_host_and_container_are_told_apart() {
    use guardbee_model::process::UserTable::{Container, Host};
    let scope = format!("docker-{ID}.scope");
    let mut inside = exec_in(&scope, key(10, 1), key(1, 1), "/bin/sh", 2);
    inside.header.cgroup_id = 8;
    let mut table = table([
        snapshot(key(1, 1), key(0, 0), "/sbin/init"),
        exec(key(5, 1), key(1, 1), "/bin/sh", 2),
        inside,
    ]);
    let user = |table: &Table, tgid| {
        let user = table.process(key(tgid, 1)).unwrap().user.clone();
        user.map(|user| (user.name.to_string(), user.table))
    };
    let named = |name: &str, table| Some((name.to_owned(), table));
    table.settle_host();
    let wants: Vec<_> =
        table.wants().filter(|want| !matches!(want.thing, Thing::Cgroup | Thing::Cmdline)).collect();
    let want = |tgid, thing| Want { key: key(tgid, 1), thing };
    assert_eq!(wants, [want(10, Thing::UidMap), want(10, Thing::Passwd), want(1, Thing::Passwd)]);
    table.provide(key(1, 1), Thing::Passwd, b"root:x:0:0\nwww-data:x:33:33\n");
    assert_eq!((user(&table, 5), user(&table, 10)), (named("www-data", Host), named("www-data", Host)));
    // Which of the container's users it is can't be said without the map.
    table.provide(key(10, 1), Thing::Passwd, b"root:x:0:0\nnginx:x:33:33\n");
    assert_eq!(user(&table, 10), named("www-data", Host));
    table.provide(key(10, 1), Thing::UidMap, b"0 33 1\n");
    assert_eq!((user(&table, 5), user(&table, 10)), (named("www-data", Host), named("root", Container)));
    table.provide(key(10, 1), Thing::UidMap, b"0 0 4294967295\n");
    assert_eq!(user(&table, 10), named("nginx", Container));
    table.provide(key(5, 1), Thing::Passwd, b"forged:x:33:33\n");
    assert_eq!(user(&table, 5), named("www-data", Host));
    // Whom they become: by the same lists.
    let becomes = |process: Option<ProcessKey>| {
        let after = Credentials { uid: 1, euid: 33, ..Credentials::default() };
        let Body::System(system) = changed(key(5, 1), after, 9).body else { panic!() };
        let Deed::Credentials(change) = &table.named(process, system).deed else { panic!() };
        change.user.as_ref().map(|user| (user.name.to_string(), user.table))
    };
    let known = [Some(key(5, 1)), Some(key(10, 1)), Some(key(99, 1)), None];
    assert_eq!(known.map(becomes), [named("www-data", Host), named("nginx", Container), None, None]);
}

fn image(table: &Table, tgid: u32) -> String {
    let configured = table.process(key(tgid, 1)).unwrap().configured.clone();
    let image = configured.and_then(|configured| configured.image.clone());
    image.map_or_else(String::new, |image| image.reference.into())
}

fn of_image(reference: &str) -> Configuration {
    let image = Some(guardbee_model::container::Image::new(reference));
    Configuration { image, ..Configuration::default() }
}

#[test]
fn a_container_is_asked_for_once_and_told_of_all_in_it() {
    let path = format!("/docker/{ID}");
    let mut outside = exec_in("/system.slice/x.service", key(20, 1), key(1, 1), "/bin/sh", 4);
    outside.header.cgroup_id = 8;
    let inside = exec_in(&path, key(10, 1), key(1, 1), "/bin/sh", 2);
    let mut table = table([inside, fork(key(10, 1), key(11, 1), 3), outside]);
    let sought: Vec<_> = table.sought().collect();
    let [one] = sought.as_slice() else { panic!("{sought:?}") };
    assert_eq!((one.name().as_str(), one.records.len()), (ID, 3));
    table.homes_changed();
    table.configure(one, Some(of_image("nginx:1.25")));
    table.observe(&fork(key(11, 1), key(12, 1), 5));
    assert_eq!(
        [10, 11, 12, 20].map(|tgid| image(&table, tgid)),
        ["nginx:1.25", "nginx:1.25", "nginx:1.25", ""]
    );
    assert_eq!(table.sought().count(), 0);
    // Policies may look at it: where its cgroup's path is known it is told of anew.
    let homes = table.homes_changed();
    let [(7, Some(home))] = homes.as_slice() else { panic!("{homes:?}") };
    assert!(home.configured.as_ref().is_some_and(|one| one.image.is_some()));
}

#[test]
fn who_had_no_time_is_asked_again_and_not_for_ever() {
    let path = format!("/docker/{ID}");
    let mut table = table([exec_in(&path, key(10, 1), key(1, 1), "/bin/sh", 2)]);
    for asked in 1..=3 {
        let sought = table.sought().next().unwrap();
        table.seek_again(&sought);
        table.observe(&fork(key(10, 1), key(10 + asked, 1), 3));
    }
    assert_eq!(table.sought().count(), 0);
    assert_eq!(image(&table, 13), "");
}

/// A user's cgroup may have any name: what root's container is called says nothing of it.
#[test]
fn a_users_cgroup_is_no_container_of_roots() {
    let scope = format!("libpod-{ID}.scope");
    let own = format!("user@1000.service/user.slice/{scope}");
    let mut table = table([exec_in(&format!("/machine.slice/{scope}"), key(10, 1), key(1, 1), "/bin/sh", 2)]);
    let sought = table.sought().next().unwrap();
    table.configure(&sought, Some(of_image("trusted")));
    let mut event = exec_in(&own, key(20, 1), key(1, 1), "/bin/sh", 3);
    event.header.cgroup_id = 8;
    table.observe(&event);
    assert_eq!(table.process(key(20, 1)).unwrap().container.as_ref().map(|one| &*one.id), Some(ID));
    assert_eq!([10, 20].map(|tgid| image(&table, tgid)), ["trusted", ""]);
}

/// Last names alone may lie: with the whole path the image of another is gone.
#[test]
fn an_image_goes_with_the_container_that_it_was_thought_to_be() {
    let other = "b".repeat(64);
    let mut table = table([exec_in(&format!("/docker/{other}"), key(10, 1), key(1, 1), "/bin/sh", 2)]);
    let sought = table.sought().next().unwrap();
    table.configure(&sought, Some(of_image("trusted")));
    let mut event = exec_in(&format!("c/docker/{other}"), key(20, 1), key(1, 1), "/bin/sh", 3);
    event.header.cgroup_id = 8;
    table.observe(&event);
    assert_eq!(image(&table, 20), "trusted", "that is all that is known");
    table.provide(key(20, 1), Thing::Cgroup, format!("0::/docker/{ID}/b/c/docker/{other}\n").as_bytes());
    assert_eq!(table.process(key(20, 1)).unwrap().container.as_ref().map(|one| &*one.id), Some(ID));
    assert_eq!([10, 20].map(|tgid| image(&table, tgid)), ["trusted", ""]);
}

#[test]
fn who_changes_its_user_without_an_exec_is_told_as_whom_it_is() {
    let worker = key(10, 1);
    let mut table =
        table([snapshot(key(1, 1), key(0, 0), "/sbin/init"), exec(worker, key(1, 1), "/bin/x", 2)]);
    table.settle_host();
    table.provide(key(1, 1), Thing::Passwd, b"root:x:0:0\nwww-data:x:33:33\nweb:x:34:34\n");
    let shown = |table: &Table, key| {
        let process = table.process(key).unwrap();
        let Credentials { uid, euid, egid, .. } = process.credentials;
        (uid, euid, egid, process.user.as_ref().map(|user| user.name.to_string()).unwrap_or_default())
    };
    assert_eq!(shown(&table, worker), (33, 0, 0, "www-data".to_owned()));
    let acting = |mut event: Event, real, effective| {
        event.header.user = Some(UserIds { real, effective });
        event
    };
    table.observe(&acting(data(worker, 3), 34, 35));
    assert_eq!(shown(&table, worker), (34, 35, 0, "web".to_owned()));
    // Softirq doesn't know; a child is who its parent is; a stranger is who the event says.
    table.observe(&data(worker, 4));
    table.observe(&acting(fork(worker, key(11, 1), 5), 34, 34));
    table.observe(&acting(data(key(12, 1), 5), 33, 33));
    assert_eq!(shown(&table, worker), (34, 34, 0, "web".to_owned()));
    assert_eq!(shown(&table, key(11, 1)), (34, 34, 0, "web".to_owned()));
    assert_eq!(shown(&table, key(12, 1)), (33, 33, 0, "www-data".to_owned()));
    // What the header doesn't say is told by the change, if it is that of the first thread.
    let after = Credentials { uid: 33, euid: 33, egid: 33, ..Credentials::default() };
    let mut other = changed(worker, after, 6);
    other.header.tid += 1;
    table.observe(&other);
    assert_eq!(shown(&table, worker).2, 0);
    table.observe(&changed(worker, after, 7));
    assert_eq!(shown(&table, worker), (33, 33, 33, "www-data".to_owned()));
}

proptest! {
    /// Whatever order events come in: bounded, no cycle is walked for ever, every acting process is known.
    #[test]
    fn any_order(steps in prop::collection::vec((0u8..6, 1u32..8, 1u32..4, 1u32..8, 0u64..100), 0..200)) {
        let processes = NonZeroUsize::new(10).unwrap();
        let mut table = Table::new(Limits { processes, wants: 4, keep_ns: 30, ..Limits::default() });
        for (what, a, number, b, time) in steps {
            let (actor, other) = (key(a, number), key(b, number));
            let event = match what {
                0 => fork(actor, other, time),
                1 => exec(actor, other, "/x", time),
                2 => exit(actor, time),
                3 => snapshot(actor, other, "/y"),
                _ => data(actor, time),
            };
            table.observe(&event);
            prop_assert!(table.len() <= 10);
            prop_assert!(table.ancestors(actor, 16).len() <= 16);
            prop_assert!(table.wants.len() <= 4);
            table.provide(other, Thing::Cgroup, b"0::/");
        }
    }
}
