//! Programs whose short options or operands are secrets: no name says so.
use std::{collections::HashMap, ops::Range, sync::LazyLock};

/// What a program takes.
#[derive(Debug)]
pub(super) struct Tool {
    names: &'static [&'static str],
    /// Only behind this word.
    behind: &'static str,
    /// The next word is the secret.
    values: &'static [&'static str],
    /// What follows these in the same word is the secret.
    attached: &'static [&'static str],
    /// The next word is `user:secret`, `user%secret` or `user,secret`.
    pairs: &'static [&'static str],
    /// The operand that is the secret, from 1.
    operand: usize,
    /// The first operand is `user/secret@place`.
    logon: bool,
}

const NONE: Tool =
    Tool { names: &[], behind: "", values: &[], attached: &[], pairs: &[], operand: 0, logon: false };

const TOOLS: &[Tool] = &[
    Tool {
        names: &[
            "mysql",
            "mariadb",
            "mysqldump",
            "mariadb-dump",
            "mysqladmin",
            "mariadb-admin",
            "mysqlimport",
            "mysqlcheck",
            "mysqlshow",
            "mysqlslap",
            "mysqlbinlog",
        ],
        attached: &["-p"],
        ..NONE
    },
    Tool { names: &["sshpass"], values: &["-p"], attached: &["-p"], ..NONE },
    Tool {
        names: &["curl"],
        values: &["-b", "--pass"],
        attached: &["-b"],
        pairs: &["-u", "--user", "-U", "--proxy-user"],
        ..NONE
    },
    Tool { names: &["http", "https", "xh"], pairs: &["-a", "--auth"], ..NONE },
    Tool { names: &["redis-cli", "valkey-cli", "keydb-cli"], values: &["-a"], ..NONE },
    Tool {
        names: &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat"],
        values: &["-p"],
        attached: &["-p"],
        ..NONE
    },
    Tool {
        names: &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldapwhoami",
            "ldappasswd",
            "ldapmodrdn",
            "ldapcompare",
        ],
        values: &["-w", "-s", "-a"],
        attached: &["-w"],
        ..NONE
    },
    Tool {
        names: &["smbclient", "rpcclient", "smbget", "smbcacls", "smbmap", "net", "winexe"],
        pairs: &["-U", "--user"],
        ..NONE
    },
    Tool { names: &["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"], values: &["-P"], ..NONE },
    Tool {
        names: &["ipmitool", "sqlcmd", "bcp", "isql", "tsql"],
        values: &["-P"],
        attached: &["-P"],
        ..NONE
    },
    Tool {
        names: &["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk", "snmpgetnext", "snmptrap", "snmptable"],
        values: &["-A", "-X", "-c"],
        ..NONE
    },
    Tool { names: &["zip", "unzip"], values: &["-P"], ..NONE },
    Tool { names: &["7z", "7za", "7zr", "rar", "unrar"], attached: &["-p", "-hp"], ..NONE },
    Tool { names: &["openssl"], values: &["-k", "-K", "-pass"], ..NONE },
    Tool { names: &["useradd", "usermod", "groupmod", "groupadd"], values: &["-p"], ..NONE },
    Tool { names: &["xfreerdp", "wlfreerdp", "xfreerdp3"], attached: &["/p:", "/gp:"], ..NONE },
    Tool { names: &["rdesktop"], values: &["-p"], ..NONE },
    Tool {
        names: &["skopeo", "podman", "buildah"],
        pairs: &["--creds", "--src-creds", "--dest-creds"],
        ..NONE
    },
    Tool {
        names: &["docker", "nerdctl", "helm", "az", "oc", "cf", "ibmcloud"],
        behind: "login",
        values: &["-p"],
        ..NONE
    },
    Tool {
        names: &["cadaver", "lftp", "ncftp", "ncftpput", "ncftpget"],
        values: &["-p"],
        pairs: &["-u"],
        ..NONE
    },
    Tool {
        names: &["wpa_passphrase", "nmcli"],
        values: &["password", "wifi-sec.psk", "802-11-wireless-security.psk"],
        ..NONE
    },
    Tool { names: &["htpasswd"], operand: 3, ..NONE },
    Tool { names: &["sqlplus", "expdp", "impdp", "sqlldr", "rman"], logon: true, ..NONE },
    Tool { names: &["crackmapexec", "nxc", "hydra", "evil-winrm"], values: &["-p", "-H"], ..NONE },
];

/// [`TOOLS`] by each of their names: any word may be one.
static BY_NAME: LazyLock<HashMap<&[u8], &Tool>> = LazyLock::new(|| {
    let named = |tool: &'static Tool| tool.names.iter().map(move |name| (name.as_bytes(), tool));
    TOOLS.iter().flat_map(named).collect()
});

/// Programs that read a secret from their standard input.
const READERS: &[&str] = &["chpasswd", "passwd", "smbpasswd", "cryptsetup", "kinit"];
/// Options by which a program reads one from there.
const READING: &[&str] =
    &["-S", "--stdin", "--password-stdin", "--passphrase-fd", "--token-stdin", "--with-token"];
/// Programs that say what they are given.
const SAYERS: &[&str] = &["echo", "printf"];

impl Tool {
    /// What is known of the program; `path` may have folders. Another word than the first may name a program too, as behind `sudo`
    /// or `docker exec`; with folders, those that programs are in.
    pub(super) fn of(path: &[u8], first: bool) -> Option<&'static Self> {
        let folder = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at));
        if !first && folder.is_some_and(|folder| !folder.ends_with(b"bin")) {
            return None;
        }
        BY_NAME.get(base(path)).copied()
    }

    /// The words that it only counts behind have come.
    pub(super) fn holds(&self, seen: bool) -> bool {
        self.behind.is_empty() || seen
    }

    pub(super) fn is_behind(&self, word: &[u8]) -> bool {
        !self.behind.is_empty() && self.behind.as_bytes() == word
    }

    pub(super) fn takes_value(&self, word: &[u8]) -> bool {
        is_one_of(self.values, word)
    }

    pub(super) fn takes_pair(&self, word: &[u8]) -> bool {
        is_one_of(self.pairs, word)
    }

    /// The word is an operand; `-n` of htpasswd stands for one, the file.
    pub(super) fn counts(&self, word: &[u8]) -> bool {
        let stands_for_one = self.operand > 0 && word.starts_with(b"-") && word.contains(&b'n');
        !word.starts_with(b"-") || stands_for_one
    }

    /// What of the operand with this number, from 1, is secret.
    pub(super) fn operand(&self, word: &[u8], number: usize) -> Option<Range<usize>> {
        if self.logon && number == 1 {
            let begin = word.iter().position(|byte| *byte == b'/')? + 1;
            let end = word.iter().rposition(|byte| *byte == b'@').filter(|end| *end > begin);
            return Some(begin..end.unwrap_or(word.len()));
        }
        (self.operand == number).then_some(0..word.len())
    }

    /// Where in the word the secret begins.
    pub(super) fn attached(&self, word: &[u8]) -> Option<usize> {
        let is = |option: &&&str| word.len() > option.len() && word.starts_with(option.as_bytes());
        self.attached.iter().find(is).map(|option| option.len())
    }

    /// The same of `-uuser:secret`.
    pub(super) fn attached_pair(&self, word: &[u8]) -> Option<usize> {
        let is = |option: &&&str| {
            option.len() == 2 && word.len() > option.len() && word.starts_with(option.as_bytes())
        };
        self.pairs.iter().find(is).map(|option| option.len())
    }
}

pub(super) fn is_sayer(path: &[u8]) -> bool {
    is_one_of(SAYERS, base(path))
}

/// The word says that what is piped to its program is a secret.
pub(super) fn reads_secret(word: &[u8]) -> bool {
    is_one_of(READING, word) || is_one_of(READERS, base(word))
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn is_one_of(all: &[&str], word: &[u8]) -> bool {
    all.iter().any(|one| one.as_bytes() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_that_of_two_tools() {
        assert_eq!(BY_NAME.len(), TOOLS.iter().map(|tool| tool.names.len()).sum::<usize>());
    }
}
