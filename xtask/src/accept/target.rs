//! The servers that are attacked: how each is started, and what may be demanded of links to it.
use super::{
    http::Connection,
    lab::Lab,
    process::{self, Process},
};
use anyhow::{Context as _, bail};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The slowest start here is Apache's with a hundred processes, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a server takes before it acts and answers: a hundred requests are sent meanwhile.
const DELAY_MS: &str = "100";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Server {
    Fork,
    Timer,
    Pool,
    Reuse,
    GunicornSync,
    GunicornGthread,
    Flask,
    Apache,
    PhpFpm,
    NginxTcp,
    NginxUnix,
    Node,
    Go,
    UvicornDef,
    UvicornAsync,
    Axum,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fork => "forking C server",
            Self::Timer => "C server with a timer",
            Self::Pool => "C server with a pool",
            Self::Reuse => "C server, pids reused",
            Self::GunicornSync => "gunicorn sync",
            Self::GunicornGthread => "gunicorn gthread",
            Self::Flask => "Flask development server",
            Self::Apache => "Apache prefork + CGI",
            Self::PhpFpm => "nginx, FastCGI, PHP-FPM",
            Self::NginxTcp => "nginx, TCP, gunicorn",
            Self::NginxUnix => "nginx, unix socket, gunicorn",
            Self::Node => "Node",
            Self::Go => "Go net/http",
            Self::UvicornDef => "uvicorn def",
            Self::UvicornAsync => "uvicorn async def",
            Self::Axum => "axum",
        }
    }
}

/// A server that answers; dropped, it is ended.
pub(crate) struct Target {
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
    processes: Vec<Process>,
}

impl Target {
    pub(crate) fn start(lab: &Lab, server: Server) -> anyhow::Result<Self> {
        let maker = Maker { lab, port: lab.port(), dir: lab.folder(&format!("{server:?}").to_lowercase())? };
        let mut target = Self { port: maker.port, processes: Vec::new() };
        // Whoever stands in front comes last, so that it is ended last too: the order of `processes` is that of dropping.
        for (name, command) in maker.commands(server)? {
            let log = maker.dir.join(format!("{name}.log"));
            target.processes.push(Process::start(name, command, log)?);
        }
        let port = target.port;
        let last = target.processes.last_mut().context("a target without a process")?;
        last.wait_until("ready", START_LIMIT, || answers(port))?;
        Ok(target)
    }

    /// What was started first (the application, where something stands in front of it), and all that descends from it.
    pub(crate) fn application(&self) -> Vec<u32> {
        self.processes.first().map(|first| process::family(first.pid())).unwrap_or_default()
    }

    /// The process that holds the other end of a connection; it must be one of the target's, and only one.
    pub(crate) fn server_of(&self, connection: &Connection) -> anyhow::Result<u32> {
        let client = connection.own_port()?;
        let mut holders = Vec::new();
        for pid in self.processes.iter().flat_map(|process| process::family(process.pid())) {
            if process::serves(pid, client) {
                holders.push(pid);
            }
        }
        let [holder] = holders[..] else {
            bail!("processes {holders:?} hold the other end of port {client}")
        };
        Ok(holder)
    }
}

fn answers(port: u16) -> bool {
    let answer = Connection::open(port).and_then(|mut connection| connection.get("/harmless?nonce=ready"));
    answer.is_ok_and(|answer| answer.status == 200)
}

/// What the commands are made of.
struct Maker<'a> {
    lab: &'a Lab,
    port: u16,
    dir: PathBuf,
}

impl Maker<'_> {
    fn commands(&self, server: Server) -> anyhow::Result<Vec<(&'static str, Command)>> {
        let own = |path: &str| Command::new(self.lab.built.join(path));
        let bind = format!("127.0.0.1:{}", self.port);
        let mut commands = match server {
            Server::Fork => vec![("fork", own("c/fork"))],
            Server::Timer => vec![("timer", own("c/timer"))],
            Server::Pool => vec![("pool", own("c/pool"))],
            Server::Reuse => vec![("reuse", own("c/reuse"))],
            Server::Go => vec![("go", own("go/server"))],
            Server::Axum => vec![("axum", own("axum/server"))],
            Server::GunicornSync => vec![("gunicorn", self.gunicorn(&bind, &["-k", "sync", "-w", "4"]))],
            Server::GunicornGthread => vec![("gunicorn", self.gthread(&bind))],
            Server::Flask => vec![("flask", self.python(&["flask_app.py"]))],
            Server::UvicornDef => vec![("uvicorn", self.uvicorn("asgi_app:plain"))],
            Server::UvicornAsync => vec![("uvicorn", self.uvicorn("asgi_app:app"))],
            Server::Node => {
                let mut node = Command::new("node");
                node.arg(self.source("node/server.js"));
                vec![("node", node)]
            }
            Server::Apache => vec![("apache", self.apache()?)],
            Server::PhpFpm => {
                let upstream = format!("unix:{}", self.dir.join("fpm.sock").display());
                vec![("php-fpm", self.php_fpm()?), ("nginx", self.nginx("nginx/fastcgi.conf", &upstream)?)]
            }
            Server::NginxTcp => {
                let upstream = format!("127.0.0.1:{}", self.lab.port());
                vec![
                    ("gunicorn", self.gthread(&upstream)),
                    ("nginx", self.nginx("nginx/nginx.conf", &upstream)?),
                ]
            }
            Server::NginxUnix => {
                let upstream = format!("unix:{}", self.dir.join("app.sock").display());
                vec![
                    ("gunicorn", self.gthread(&upstream)),
                    ("nginx", self.nginx("nginx/nginx.conf", &upstream)?),
                ]
            }
        };
        for (_, command) in &mut commands {
            command
                .env("PORT", self.port.to_string())
                .env("DELAY_MS", DELAY_MS)
                .env("PYTHONDONTWRITEBYTECODE", "1");
        }
        Ok(commands)
    }

    fn source(&self, path: &str) -> PathBuf {
        self.lab.root.join("tests/targets").join(path)
    }

    fn python(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.lab.built.join("python/venv/bin/python"));
        command.args(args).current_dir(self.source("python"));
        command
    }

    fn gunicorn(&self, bind: &str, kind: &[&str]) -> Command {
        let mut command = self.python(&["-m", "gunicorn", "--no-control-socket", "--bind", bind]);
        command.args(kind).args(["--backlog", "256", "flask_app:app"]);
        command
    }

    fn gthread(&self, bind: &str) -> Command {
        self.gunicorn(bind, &["-k", "gthread", "-w", "2", "--threads", "64", "--keep-alive", "10"])
    }

    fn uvicorn(&self, app: &str) -> Command {
        let port = self.port.to_string();
        self.python(&[
            "-m",
            "uvicorn",
            app,
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
            "--timeout-keep-alive",
            "10",
        ])
    }

    fn apache(&self) -> anyhow::Result<Command> {
        let script = self.dir.join("cgi.sh");
        fs::copy(self.source("apache/cgi.sh"), &script)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        let mut command = Command::new("/usr/sbin/apache2");
        command.args(["-DFOREGROUND", "-f"]).arg(self.filled("apache/apache.conf", "")?);
        Ok(command)
    }

    /// The package names the program by its version.
    fn php_fpm(&self) -> anyhow::Result<Command> {
        let installed = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("php-fpm");
        let found = fs::read_dir("/usr/sbin")?.filter_map(Result::ok).find(installed);
        let program = found.context("no php-fpm in /usr/sbin: scripts/setup-system.sh --targets")?.path();
        fs::copy(self.source("php/app.php"), self.dir.join("app.php"))?;
        let mut command = Command::new(program);
        command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]);
        command.arg(self.filled("php/fpm.conf", "")?);
        Ok(command)
    }

    fn nginx(&self, config: &str, upstream: &str) -> anyhow::Result<Command> {
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-c").arg(self.filled(config, upstream)?);
        Ok(command)
    }

    /// A configuration with its places filled in.
    fn filled(&self, path: &str, upstream: &str) -> anyhow::Result<PathBuf> {
        let source = self.source(path);
        let text = fs::read_to_string(&source).with_context(|| format!("read {}", source.display()))?;
        let text = text
            .replace("@PORT@", &self.port.to_string())
            .replace("@DIR@", &self.dir.display().to_string())
            .replace("@UPSTREAM@", upstream);
        let made = self.dir.join(Path::new(path).file_name().unwrap_or_default());
        fs::write(&made, text)?;
        Ok(made)
    }
}
