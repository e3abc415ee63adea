//! Secrets that people plant, and what is none.
use super::*;
use proptest::prelude::*;

/// Every secret in the examples has this in it; nothing else has.
const PLANTED: &str = "hunter2";

fn words(line: &str) -> Vec<Box<[u8]>> {
    line.split('\u{1f}').map(|word| word.as_bytes().into()).collect()
}

/// Words by blanks; those of a script in `«»` are one.
fn command(line: &str) -> String {
    let mut joined = String::new();
    let mut one = false;
    for character in line.chars() {
        match character {
            '«' | '»' => one = character == '«',
            ' ' if !one => joined.push('\u{1f}'),
            other => joined.push(other),
        }
    }
    String::from_utf8(args(&words(&joined)).join(&b' ')).unwrap()
}

fn shown(raw: &str) -> String {
    String::from_utf8(text(raw.as_bytes()).into_owned()).unwrap()
}

#[test]
fn queries() {
    for (raw, redacted) in [
        ("q=1&lang=de", "q=1&lang=de"),
        ("q=1&token=abc&x=2", "q=1&token=REDACTED&x=2"),
        ("X-Amz-Signature=abc;q", "X-Amz-Signature=REDACTED;q"),
        ("pass%77ord=abc", "pass%77ord=REDACTED"),
        ("sig=abc", "sig=REDACTED"),
        ("design=1", "design=1"),
        ("token=", "token="),
        ("token=a", "token=REDACTED"),
        ("a=b=c&api_key=d=e", "a=b=c&api_key=REDACTED"),
        ("status_code=200&zip_code=8000&sort_key=name", "status_code=200&zip_code=8000&sort_key=name"),
        ("next=https://u:hunter2@h/", "next=REDACTED"),
        ("data=%7B%22password%22%3A%22hunter2%22%7D", "data=REDACTED"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ0123", "REDACTED"),
        ("cmd=id", "cmd=id"),
    ] {
        assert_eq!(String::from_utf8_lossy(&query(raw.as_bytes())), redacted, "{raw}");
    }
}

#[test]
fn command_lines() {
    for (raw, redacted) in [
        ("sh -c id", "sh -c id"),
        ("mysql --password=hunter2 db", "mysql --password=REDACTED db"),
        ("tool --token hunter2 run", "tool --token REDACTED run"),
        ("tool --token --run", "tool --token --run"),
        ("tool --token:hunter2 run", "tool --token:REDACTED run"),
        ("env DB_PASSWORD=hunter2 run", "env DB_PASSWORD=REDACTED run"),
        ("curl https://u:hunter2@h/p?sig=x&a=1", "curl https://REDACTED@h/p?sig=REDACTED&a=1"),
        ("curl «'http://h/?token=x'» -s", "curl 'http://h/?token=REDACTED' -s"),
        ("/usr/bin/mysql -uroot -phunter2 shop", "/usr/bin/mysql -uroot -pREDACTED shop"),
        ("docker exec db mysql -phunter2", "docker exec db mysql -pREDACTED"),
        ("curl -u bob:hunter2 http://h/", "curl -u bob:REDACTED http://h/"),
        ("curl -ubob:hunter2 http://h/", "curl -ubob:REDACTED http://h/"),
        ("curl -H «Authorization: Bearer hunter2» h", "curl -H Authorization: Bearer REDACTED h"),
        ("curl -H «Cookie: a=b; c=hunter2» h", "curl -H Cookie: REDACTED h"),
        ("sh -c «mysql -phunter2 -e 'select 1'; ls»", "sh -c mysql -pREDACTED -e 'select 1'; ls"),
        ("sh -c «echo bob:hunter2 | chpasswd»", "sh -c echo REDACTED | chpasswd"),
        ("sh -c «export TOKEN=\"hunter2 and more\"; ls»", "sh -c export TOKEN=\"REDACTED\"; ls"),
        (
            "aws configure set aws_secret_access_key hunter2",
            "aws configure set aws_secret_access_key REDACTED",
        ),
        ("sqlplus scott/hunter2@db", "sqlplus scott/REDACTED@db"),
        ("htpasswd -nb bob hunter2", "htpasswd -nb bob REDACTED"),
    ] {
        assert_eq!(command(raw), redacted);
    }
}

#[test]
fn no_planted_secret_is_left() {
    let mut failed = Vec::new();
    for line in include_str!("planted.txt").lines().filter(|line| !line.starts_with('#')) {
        let (kind, raw) = line.split_once(' ').unwrap();
        let left = match kind {
            "args" => command(raw),
            "query" => String::from_utf8_lossy(&query(raw.as_bytes())).into_owned(),
            "text" => shown(&raw.replace("\\n", "\n")),
            other => panic!("{other}?"),
        };
        assert!(raw.contains(PLANTED), "{line}");
        if left.contains(PLANTED) || !left.contains(REDACTED) {
            failed.push(format!("{line}\n    {left}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_is_no_secret_stays() {
    for line in include_str!("harmless.txt").lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(command(line), line.replace(['«', '»'], ""));
        assert_eq!(shown(line), line);
    }
}

/// What is told to be plain at a glance has no form in it.
#[test]
fn plain_texts_have_no_room_for_a_form() {
    assert!(shape::shortest() >= shape::LEAST);
    assert!(is_plain(b"/usr/sbin/nginx") && !is_plain(b"/a/0123456789abcd") && !is_plain(b"a=b"));
}

/// What is one value to its end is looked into once, wherever the next one begins.
#[test]
fn values_within_values() {
    let nested = "a=1%".repeat(400) + "token%3Dhunter2";
    assert_eq!(query(nested.as_bytes()), &b"a=REDACTED"[..]);
    assert_eq!(shown(&("ghp_".repeat(900))), "ghp_".repeat(900));
    assert_eq!(shown("token=a=token=b"), "token=REDACTED");
}

proptest! {
    #[test]
    fn any_bytes(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let once = text(&raw).into_owned();
        query(&raw);
        args(&[raw.clone().into(), raw.into()]);
        prop_assert!(once.len() < 4096);
    }

    /// Whatever stands before and behind.
    #[test]
    fn within_anything(before in "[a-z /.-]{0,20}", behind in "[ a-z]{0,20}") {
        let raw = format!("{before} --password=hunter2 {behind}");
        prop_assert!(!shown(&raw).contains(PLANTED), "{}", raw);
    }
}
