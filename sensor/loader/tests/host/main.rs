//! The loader and a pipeline as they really run: two processes, root and not root. Needs root and BTF; fails without.
//!
//! This binary is its own loader, pipeline and self-test child: each role is an argument. libtest is not used, since its
//! threads would keep the capabilities that the loader's thread gives up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test without libtest, which clippy doesn't take for one"
)]

#[path = "../../../agent/src/rpc.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the pipeline's half of the socket, of which a test needs a part"
)]
mod rpc;
#[path = "../../../agent/src/sandbox.rs"]
#[expect(dead_code, unreachable_pub, reason = "likewise its cage")]
mod sandbox;
#[path = "../../../agent/src/sys.rs"]
#[expect(unreachable_pub, reason = "likewise")]
mod sys;

mod hostile;
mod life;
mod privileges;
mod roles;
mod served;
mod silent;
mod stage;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("hello_hands_over_rings_and_the_key_once", life::hello_hands_over_rings_and_the_key_once),
    ("every_attached_program_fires_in_the_self_test", life::every_attached_program_fires_in_the_self_test),
    ("things_of_processes", life::things_of_processes),
    ("a_killed_pipeline_leaves_its_last_word", life::a_killed_pipeline_leaves_its_last_word),
    ("a_killed_loader_is_seen_at_once", life::a_killed_loader_is_seen_at_once),
    ("a_stop_reaches_the_pipeline_and_leaves_nothing", life::a_stop_reaches_the_pipeline_and_leaves_nothing),
    ("a_reload_reaches_the_pipeline_and_ends_nothing", life::a_reload_reaches_the_pipeline_and_ends_nothing),
    ("a_pipeline_that_will_not_stop_is_killed", life::a_pipeline_that_will_not_stop_is_killed),
    (
        "the_loader_has_exactly_the_stated_capabilities",
        privileges::the_loader_has_exactly_the_stated_capabilities,
    ),
    ("the_pipeline_has_no_rights", privileges::the_pipeline_has_no_rights),
    ("what_the_pipeline_cannot_do", privileges::what_the_pipeline_cannot_do),
    ("what_can_not_be_confined_is_said", privileges::what_can_not_be_confined_is_said),
    ("every_spare_fires_in_the_self_test", privileges::every_spare_fires_in_the_self_test),
    ("doctor_says_what_works", privileges::doctor_says_what_works),
    ("everything_outside_the_enum_is_refused", hostile::everything_outside_the_enum_is_refused),
    ("mutated_messages_and_descriptor_floods", hostile::mutated_messages_and_descriptor_floods),
    ("a_pipeline_that_does_not_read_is_waited_for", hostile::a_pipeline_that_does_not_read_is_waited_for),
    ("who_is_silent_holds_up_nobody", silent::who_is_silent_holds_up_nobody),
    ("a_pipeline_that_cannot_end_is_left_behind", silent::a_pipeline_that_cannot_end_is_left_behind),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some(guardbee_loader::OPENER_COMMAND) => std::process::exit(guardbee_loader::opener()),
        Some("self-test") => std::process::exit(guardbee_loader::self_test_child()),
        Some("loader") => roles::loader(&args[1..]),
        Some("pipeline") => roles::pipeline(&args[1..]),
        _ => run(&args),
    }
}

/// Runs the tests whose name contains one of the words, one after another; a panic fails this binary.
fn run(args: &[String]) {
    let words: Vec<&String> = args.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let listing = args.iter().any(|word| word == "--list");
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        if listing {
            println!("{name}: test");
            continue;
        }
        assert!(nix::unistd::geteuid().is_root(), "host tests need root: the loader is a privileged process");
        println!("test {name} ...");
        test();
        println!("test {name} ok");
    }
}
