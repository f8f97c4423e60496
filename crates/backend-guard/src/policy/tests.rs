//! Which rule decides, which subtrees are checked, and what is offered at all.

use backend_core::{Command, VirtualPath};

use super::Policy;
use crate::{Action, Operation, Permissions, Preset, Rule};

fn p(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn policy(permissions: &Permissions) -> Policy {
    Policy::new(permissions, VirtualPath::root())
}

fn paths(action: Action, patterns: &[&str]) -> Rule {
    Rule::new(action).paths(patterns).unwrap()
}

fn commands(action: Action, patterns: &[&str]) -> Rule {
    Rule::new(action).commands(patterns).unwrap()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = Permissions::all(Action::Ask)
        .with_rule(paths(Action::Allow, &["/a/b"]))
        .with_rule(paths(Action::Deny, &["/a"]))
        .with_rule(paths(Action::Allow, &["/a/c"]));
    let policy = policy(&rules);
    let judge = |path: &str| {
        let verdict = policy.judge(Operation::Read, &p(path));
        (verdict.action, verdict.rule)
    };
    assert_eq!(judge("/a/b/x"), (Action::Allow, Some(0)));
    assert_eq!(judge("/a/c"), (Action::Deny, Some(1)));
    assert_eq!(judge("/b"), (Action::Ask, None));
}

#[test]
fn without_rules_everything_is_denied() {
    let policy = policy(&Permissions::default());
    for operation in Operation::ALL {
        assert!(!policy.offers(operation, true), "{operation}");
        assert_eq!(policy.judge(operation, &p("/a")).action, Action::Deny);
    }
    let verdict = policy.judge_command(Operation::Execute, &Command::Shell("true".into()), false);
    assert_eq!(verdict.action, Action::Deny);
}

#[test]
fn a_directory_is_checked_if_a_rule_may_apply_in_it() {
    let rules = Permissions::all(Action::Allow)
        .with_rule(paths(Action::Allow, &["/open"]))
        .with_rule(
            paths(Action::Deny, &["/shut/in", "*.pem"])
                .except(["/pub"])
                .unwrap(),
        );
    let policy = policy(&rules);
    let minds = |path: &str| policy.minds_below(Operation::Read, &p(path));
    assert!(minds("/"));
    assert!(minds("/shut"));
    assert!(minds("/shut/in"));
    assert!(minds("/else"));
    assert!(!minds("/open/x"));
    assert!(!minds("/pub"));
    assert!(policy.minds(Operation::Read));
    assert!(!policy.minds(Operation::Execute));
}

#[test]
fn paths_without_rules_are_free() {
    let open = policy(&Permissions::all(Action::Allow));
    for operation in Operation::ALL {
        assert!(!open.minds(operation), "{operation}");
    }
    let rules = Permissions::all(Action::Allow).with_rule(
        Rule::new(Action::Deny)
            .operations([Operation::Stop])
            .unwrap(),
    );
    assert!(policy(&rules).minds(Operation::Stop));
    assert!(!policy(&rules).minds(Operation::List));
}

#[test]
fn operations_that_no_rule_allows_are_not_offered() {
    let read_only = policy(&Permissions::preset(Preset::ReadOnly));
    for (operation, offered) in [
        (Operation::List, true),
        (Operation::Read, true),
        (Operation::Write, false),
        (Operation::Edit, false),
        (Operation::Delete, false),
        (Operation::Execute, false),
        (Operation::Control, false),
        (Operation::Stop, true),
    ] {
        assert_eq!(read_only.offers(operation, true), offered, "{operation}");
    }
    // One directory is enough.
    let rules = Permissions::preset(Preset::ReadOnly).with_rule(paths(Action::Allow, &["/notes"]));
    assert!(policy(&rules).offers(Operation::Write, false));
    assert!(!policy(&rules).offers(Operation::Execute, false));
    // There is no approver.
    let asks = policy(&Permissions::preset(Preset::Strict));
    assert!(asks.offers(Operation::Write, true));
    assert!(!asks.offers(Operation::Write, false));
    // A rule that denies everything comes before one that allows something.
    let rules = Permissions::all(Action::Allow)
        .with_rule(paths(Action::Deny, &["/**"]))
        .with_rule(paths(Action::Allow, &["/a"]));
    assert!(!policy(&rules).offers(Operation::Write, true));
}

#[track_caller]
fn judges(rules: &Permissions, line: &str, want: Action) {
    let verdict =
        policy(rules).judge_command(Operation::Execute, &Command::Shell(line.into()), false);
    assert_eq!(verdict.action, want, "{line}");
}

#[test]
fn a_line_is_judged_by_the_strictest_of_its_commands() {
    let rules = Permissions::all(Action::Ask)
        .with_rule(commands(Action::Deny, &["rm -rf", "curl"]))
        .with_rule(commands(Action::Allow, &["git diff", "cargo", "env"]));
    judges(&rules, "git diff", Action::Allow);
    judges(&rules, "git diff && cargo test", Action::Allow);
    judges(&rules, "git diff; make", Action::Ask);
    judges(&rules, "git diff; rm -rf ~", Action::Deny);
    judges(&rules, "git diff | /usr/bin/curl -d @- x", Action::Deny);
    judges(&rules, "git diff > /etc/passwd", Action::Ask);
    judges(&rules, "PAGER=x git diff", Action::Ask);
    judges(&rules, "/tmp/git diff", Action::Ask);
    judges(&rules, "sh -c 'rm -rf x'", Action::Deny);
    judges(&rules, "sudo -u x rm -rf /", Action::Deny);
    judges(&rules, "env rm -rf /", Action::Deny);
    judges(&rules, "xargs curl", Action::Deny);
    // An unknown command may be anything.
    judges(&rules, "$(echo rm) -rf x", Action::Deny);
    judges(&rules, "$X", Action::Deny);
    judges(&rules, "for f in *; do cargo test; done", Action::Deny);
    judges(&rules, "make $X", Action::Ask);
    judges(&rules, "cargo test $X", Action::Allow);
}

#[test]
fn an_unknown_line_is_allowed_where_nothing_could_refuse_it() {
    judges(
        &Permissions::preset(Preset::Permissive),
        "$(x) | (y)",
        Action::Allow,
    );
    judges(&Permissions::preset(Preset::Default), "$(x)", Action::Ask);
    judges(&Permissions::preset(Preset::ReadOnly), "true", Action::Deny);
    let rules = Permissions::all(Action::Deny).with_rule(commands(Action::Allow, &["*"]));
    judges(&rules, "$(x)", Action::Allow);
}
