//! Servers that run one request on one thread from its first byte to its last: what such a thread does in between is
//! done for that request.
//!
//! Only what is positively identified counts, since links are proven by it. Identified here, by executable and name:
//! Apache's httpd (a worker of every MPM keeps the request while it is handled) and PHP-FPM (a process serves one
//! request at a time). Both must be where packages put programs, which a workload can't write to without being root,
//! and must not have renamed themselves. Tomcat and Puma are known by what they have mapped, which isn't looked at here.
use guardbee_model::process::Process;

/// How a server maps requests to threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionModel {
    /// Not identified: nothing follows.
    Unknown,
    /// One request on one thread to its end; by the name of the server.
    OneRequestPerThread(&'static str),
}

/// Where packages and images put programs.
const PREFIXES: [&[u8]; 2] = [b"/usr/", b"/opt/"];
/// `task_struct.comm` without its NUL.
const COMM_BYTES: usize = 15;

/// The execution model of a process, by its executable.
pub fn execution_model(process: &Process) -> ExecutionModel {
    let exe = &*process.exe;
    let name = exe.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let comm = name.get(..name.len().min(COMM_BYTES)).unwrap_or_default();
    if *process.comm != *comm || !PREFIXES.iter().any(|prefix| exe.starts_with(prefix)) {
        return ExecutionModel::Unknown;
    }
    match name {
        b"apache2" | b"httpd" => ExecutionModel::OneRequestPerThread("apache"),
        _ if is_php_fpm(name) => ExecutionModel::OneRequestPerThread("php-fpm"),
        _ => ExecutionModel::Unknown,
    }
}

/// `php-fpm`, with the version that distributions add: `php-fpm8.2`, `php-fpm82`.
fn is_php_fpm(name: &[u8]) -> bool {
    name.strip_prefix(b"php-fpm")
        .is_some_and(|version| version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::blank;
    use guardbee_model::process::ProcessKey;

    #[test]
    fn only_what_is_known() {
        use ExecutionModel::{OneRequestPerThread as One, Unknown};
        for (exe, comm, expected) in [
            ("/usr/sbin/apache2", "apache2", One("apache")),
            ("/usr/local/apache2/bin/httpd", "httpd", One("apache")),
            ("/usr/sbin/php-fpm8.2", "php-fpm8.2", One("php-fpm")),
            ("/usr/sbin/php-fpm82", "php-fpm82", One("php-fpm")),
            ("/usr/local/sbin/php-fpm", "php-fpm", One("php-fpm")),
            ("/tmp/apache2", "apache2", Unknown),
            ("/usr/sbin/apache2", "renamed", Unknown),
            ("/usr/bin/busybox", "httpd", Unknown),
            ("/usr/sbin/php-fpm-exporter", "php-fpm-exporte", Unknown),
            ("/usr/sbin/nginx", "nginx", Unknown),
            ("/usr/bin/node", "node", Unknown),
            ("", "", Unknown),
        ] {
            let mut process = blank(ProcessKey::default());
            process.exe = exe.as_bytes().into();
            process.comm = comm.as_bytes().into();
            assert_eq!(execution_model(&process), expected, "{exe} {comm}");
        }
    }
}
