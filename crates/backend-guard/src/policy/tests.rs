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
    let evaluate = |path: &str| {
        let verdict = policy.evaluate(Operation::Read, &p(path));
        (verdict.action, verdict.rule)
    };
    assert_eq!(evaluate("/a/b/x"), (Action::Allow, Some(0)));
    assert_eq!(evaluate("/a/c"), (Action::Deny, Some(1)));
    assert_eq!(evaluate("/b"), (Action::Ask, None));
}

#[test]
fn without_rules_everything_is_denied() {
    let policy = policy(&Permissions::default());
    for operation in Operation::ALL {
        assert!(!policy.offers(operation, true), "{operation}");
        assert_eq!(policy.evaluate(operation, &p("/a")).action, Action::Deny);
    }
    let verdict =
        policy.evaluate_command(Operation::Execute, &Command::Shell("true".into()), false);
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
    let has_rules = |path: &str| policy.has_rules_below(Operation::Read, &p(path));
    assert!(has_rules("/"));
    assert!(has_rules("/shut"));
    assert!(has_rules("/shut/in"));
    assert!(has_rules("/else"));
    assert!(!has_rules("/open/x"));
    assert!(!has_rules("/pub"));
    assert!(policy.has_rules_for(Operation::Read));
    assert!(!policy.has_rules_for(Operation::Execute));
}

#[test]
fn paths_without_rules_are_free() {
    let open = policy(&Permissions::all(Action::Allow));
    for operation in Operation::ALL {
        assert!(!open.has_rules_for(operation), "{operation}");
    }
    let rules = Permissions::all(Action::Allow).with_rule(
        Rule::new(Action::Deny)
            .operations([Operation::Stop])
            .unwrap(),
    );
    assert!(policy(&rules).has_rules_for(Operation::Stop));
    assert!(!policy(&rules).has_rules_for(Operation::List));
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
fn check_line(rules: &Permissions, line: &str, want: Action) {
    let verdict =
        policy(rules).evaluate_command(Operation::Execute, &Command::Shell(line.into()), false);
    assert_eq!(verdict.action, want, "{line}");
}

#[test]
fn a_line_is_decided_by_the_strictest_of_its_commands() {
    let rules = Permissions::all(Action::Ask)
        .with_rule(commands(Action::Deny, &["rm -rf", "curl"]))
        .with_rule(commands(Action::Allow, &["git diff", "cargo", "env"]));
    check_line(&rules, "git diff", Action::Allow);
    check_line(&rules, "git diff && cargo test", Action::Allow);
    check_line(&rules, "git diff; make", Action::Ask);
    check_line(&rules, "git diff; rm -rf ~", Action::Deny);
    check_line(&rules, "git diff | /usr/bin/curl -d @- x", Action::Deny);
    check_line(&rules, "git diff > /etc/passwd", Action::Ask);
    check_line(&rules, "PAGER=x git diff", Action::Ask);
    check_line(&rules, "/tmp/git diff", Action::Ask);
    check_line(&rules, "sh -c 'rm -rf x'", Action::Deny);
    check_line(&rules, "sudo -u x rm -rf /", Action::Deny);
    check_line(&rules, "env rm -rf /", Action::Deny);
    check_line(&rules, "xargs curl", Action::Deny);
    // An unknown command may be anything.
    check_line(&rules, "$(echo rm) -rf x", Action::Deny);
    check_line(&rules, "$X", Action::Deny);
    check_line(&rules, "for f in *; do cargo test; done", Action::Deny);
    check_line(&rules, "make $X", Action::Ask);
    check_line(&rules, "cargo test $X", Action::Allow);
}

#[test]
fn an_unknown_line_is_allowed_where_nothing_could_refuse_it() {
    check_line(
        &Permissions::preset(Preset::Permissive),
        "$(x) | (y)",
        Action::Allow,
    );
    check_line(&Permissions::preset(Preset::Default), "$(x)", Action::Ask);
    check_line(&Permissions::preset(Preset::ReadOnly), "true", Action::Deny);
    let rules = Permissions::all(Action::Deny).with_rule(commands(Action::Allow, &["*"]));
    check_line(&rules, "$(x)", Action::Allow);
}
