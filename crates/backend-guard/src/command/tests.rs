//! Lines are split as a shell does, or not at all; patterns are held against the words.

use backend_core::{Command, ErrorKind};

use super::{Certainty, CommandPattern, SimpleCommand, Word, line, simple_commands, started_by};

/// Shows commands: words in bars, `?` for an unknown one, a `+` for one that does more.
fn shown(commands: &[SimpleCommand]) -> Vec<String> {
    let word = |word: &Word| match word {
        Word::Known(text) => text.clone(),
        Word::Unknown => "?".to_owned(),
    };
    commands
        .iter()
        .map(|command| {
            let words: Vec<String> = command.words.iter().map(word).collect();
            let more = if command.does_more { "+" } else { "" };
            format!("{}{more}", words.join("|"))
        })
        .collect()
}

#[track_caller]
fn splits(text: &str, want: &[&str]) {
    let found = line::split(text).unwrap_or_else(|| panic!("{text} is not split"));
    assert_eq!(shown(&found), want, "{text}");
}

#[test]
fn a_line_is_split_into_simple_commands() {
    splits("git diff", &["git|diff"]);
    splits(
        "git diff; rm -rf ~/x && a || b & c | d\ne",
        &["git|diff", "rm|-rf|?", "a", "b", "c", "d", "e"],
    );
    splits("echo 'a; b' \"c | d\" e\\;f", &["echo|a; b|c | d|e;f"]);
    splits("echo a # b; c\nd", &["echo|a", "d"]);
    splits("r'm' -r\"f\" x", &["rm|-rf|x"]);
    splits("\\rm x", &["rm|x"]);
    splits("echo \"a\\\"b\\n\"", &["echo|a\"b\\n"]);
    splits("", &[]);
    splits("find . -exec rm {} \\;", &["find|.|-exec|rm|{}|;"]);
    splits("a\\\nb", &["ab"]);
    splits("echo ''", &["echo|"]);
}

#[test]
fn shell_expansions_are_unknown() {
    splits("echo $HOME *.rs {a,b} \"$X y\"", &["echo|?|?|?|?"]);
    splits("$CMD x", &["?|x"]);
    splits("echo a$ $", &["echo|a$|$"]);
    splits("cat ~/.ssh/id_rsa", &["cat|?"]);
}

#[test]
fn a_command_that_writes_or_sets_a_variable_does_more() {
    splits("git diff > /etc/x", &["git|diff+"]);
    splits("git diff >> x a", &["git|diff|a+"]);
    splits("git diff 2>&1 >/dev/null 2> /dev/null", &["git|diff"]);
    splits("git diff &> x", &["git|diff+"]);
    splits("git diff >& x", &["git|diff+"]);
    splits("cat < secret", &["cat+"]);
    splits("GIT_PAGER=x git diff", &["git|diff+"]);
    splits("X=1", &["+"]);
    splits("a=b=c make", &["make+"]);
    splits("make a=b", &["make|a=b"]);
    splits("> x", &["+"]);
}

#[test]
fn ambiguous_lines_are_not_split() {
    for text in [
        "echo $(rm x)",
        "echo `rm x`",
        "echo \"$(rm x)\"",
        "echo \"`rm x`\"",
        "(rm x)",
        "{ rm x; }",
        "if a; then b; fi",
        "for x in *; do rm $x; done",
        "cat <<EOF\nx\nEOF",
        "cat <<< x",
        "diff <(a) <(b)",
        "f() { rm x; }",
        "echo 'open",
        "echo \"open",
        "echo \\",
        "echo $'rm'",
        "echo ${x:-y}",
        "! a",
        "a >",
        "[[ -f x ]] && b",
    ] {
        assert_eq!(line::split(text), None, "{text}");
    }
}

fn about(pattern: &str, text: &str, allows: bool) -> Certainty {
    let pattern = CommandPattern::parse(pattern).unwrap();
    let commands = line::split(text).unwrap();
    pattern.is_about(commands[0].as_part(), allows)
}

#[track_caller]
fn check(pattern: &str, text: &str, want: Certainty) {
    for allows in [false, true] {
        assert_eq!(
            about(pattern, text, allows),
            want,
            "{pattern} {text} {allows}"
        );
    }
}

#[test]
fn a_pattern_is_about_commands_that_start_with_its_words() {
    check("git push", "git push origin main", Certainty::Yes);
    check("git push", "git push", Certainty::Yes);
    check("git push", "git pull", Certainty::No);
    check("git push", "git", Certainty::No);
    check("git push", "git pushy", Certainty::No);
    check("python *", "python src/app.py", Certainty::Yes);
    check("git diff *", "git diff", Certainty::Yes);
    check("rm -rf /*", "rm -rf /var/u", Certainty::Yes);
    check("rm -* /*", "rm -fr /", Certainty::Yes);
    check("*", "anything at all", Certainty::Yes);
    check("npm install $", "npm install", Certainty::Yes);
    check("npm install $", "npm install left-pad", Certainty::No);
    check("echo '*'", "echo x", Certainty::No);
    check("echo '*'", "echo '*'", Certainty::Yes);
    check("ma?e", "make", Certainty::Yes);
    check("echo 'a b' c", "echo a\\ b c", Certainty::Yes);
}

#[test]
fn a_program_is_known_by_its_name_to_rules_that_refuse() {
    assert_eq!(about("rm", "/bin/rm x", false), Certainty::Yes);
    assert_eq!(about("rm", "./rm x", false), Certainty::Yes);
    assert_eq!(about("git", "/tmp/evil/git diff", true), Certainty::No);
    assert_eq!(about("g*t", "./g/x/git diff", true), Certainty::No);
    assert_eq!(about("/bin/rm", "rm x", false), Certainty::No);
    assert_eq!(
        about("/usr/bin/git", "/usr/bin/git x", true),
        Certainty::Yes
    );
}

#[test]
fn a_doubt_is_not_a_match_for_a_rule_that_allows() {
    assert_eq!(about("git diff", "git diff > x", true), Certainty::Maybe);
    assert_eq!(about("git diff", "git diff > x", false), Certainty::Yes);
    check("git diff", "git $X", Certainty::Maybe);
    check("git diff", "$X", Certainty::Maybe);
    check("git diff", "rm $X", Certainty::No);
    check("git diff", "git diff $X", Certainty::Yes);
    check("git diff $", "git diff $X", Certainty::Maybe);
}

#[test]
fn a_malformed_pattern_is_an_error_when_it_is_made() {
    for text in ["", "  ", "'a", "\"a", "a\\", "$", "a $ b", "a\nb", "a\0"] {
        let error = CommandPattern::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPattern, "{text:?}");
    }
    assert!(CommandPattern::parse(&"a".repeat(5000)).is_err());
}

#[test]
fn a_shell_in_a_command_is_inspected() {
    let of = |line: &str| shown(&simple_commands(&Command::Shell(line.to_owned())));
    assert_eq!(
        of("sh -c 'rm -rf x; y'"),
        ["sh|-c|rm -rf x; y", "rm|-rf|x", "y"]
    );
    assert_eq!(of("sudo bash -lc 'rm x'").last().unwrap(), "rm|x");
    assert_eq!(of("sh -c \"$X\"").last().unwrap(), "?+");
    assert_eq!(of("sh -c").last().unwrap(), "?+");
    assert_eq!(of("eval rm").last().unwrap(), "?+");
    assert_eq!(of("sh script.sh"), ["sh|script.sh"]);
    assert_eq!(of("echo sh -c x"), ["echo|sh|-c|x"]);
    assert_eq!(of("a $(b)"), ["?+"]);
    let argv = ["sh", "-c", "rm x"].map(str::to_owned).to_vec();
    assert_eq!(
        shown(&simple_commands(&Command::Argv(argv))),
        ["sh|-c|rm x", "rm|x"]
    );
}

#[test]
fn shells_in_shells_end_somewhere() {
    let mut line = "rm x".to_owned();
    for _ in 0..6 {
        line = format!("sh -c '{}'", line.replace('\'', "'\\''"));
    }
    let commands = simple_commands(&Command::Shell(line));
    assert_eq!(commands.last(), Some(&SimpleCommand::unknown()));
    let many = "a;".repeat(100_000);
    let commands = simple_commands(&Command::Shell(many));
    assert_eq!(commands.last(), Some(&SimpleCommand::unknown()));
    assert!(commands.len() < 300, "{}", commands.len());
}

#[test]
fn a_launcher_may_start_any_rest_of_its_words() {
    let of = |line: &str| {
        let commands = line::split(line).unwrap();
        let started = started_by(&commands[0]).map(|part| SimpleCommand {
            words: part.words.to_vec(),
            does_more: part.does_more,
        });
        shown(&started.collect::<Vec<_>>())
    };
    assert_eq!(of("env -i rm x"), ["-i|rm|x", "rm|x", "x"]);
    assert!(of("git rm x").is_empty());
}
