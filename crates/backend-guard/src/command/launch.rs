//! The commands that a command starts: those of a shell line, of a shell's `-c`, and of programs that run others.

use backend_core::Command;

use super::line;
use super::words::{Part, SimpleCommand, Word};

/// How deep nested shells are inspected.
const MAX_DEPTH: usize = 4;

/// How many commands of one request are distinguished. Beyond that the request counts as unknown.
const MAX_COMMANDS: usize = 256;

/// Programs that run a text as a shell.
const SHELLS: &[&str] = &["ash", "bash", "dash", "fish", "ksh", "mksh", "sh", "zsh"];

/// Words that run an unknown text.
const EVALUATORS: &[&str] = &[".", "eval", "source", "trap"];

/// Programs that run the command in their arguments.
const LAUNCHERS: &[&str] = &[
    "busybox", "builtin", "chroot", "chrt", "command", "doas", "env", "exec", "find", "flock",
    "ionice", "nice", "nohup", "nsenter", "parallel", "setpriv", "setsid", "stdbuf", "strace",
    "su", "sudo", "taskset", "time", "timeout", "unshare", "watch", "xargs",
];

/// Returns the simple commands of a command. A part that cannot be analysed is an unknown one.
pub(crate) fn simple_commands(command: &Command) -> Vec<SimpleCommand> {
    let mut commands = Vec::new();
    match command {
        Command::Shell(line) => add_line(line, 0, &mut commands),
        Command::Argv(argv) => add(SimpleCommand::of_words(argv), 0, &mut commands),
        _ => commands.push(SimpleCommand::unknown()),
    }
    if commands.len() > MAX_COMMANDS {
        commands.truncate(MAX_COMMANDS);
        commands.push(SimpleCommand::unknown());
    }
    commands
}

/// Returns the commands that a launcher may start: every suffix of its arguments. They may not be commands, so rules
/// that allow do not apply to them.
pub(crate) fn started_by(command: &SimpleCommand) -> impl Iterator<Item = Part<'_>> {
    let launches = command
        .program()
        .is_some_and(|program| LAUNCHERS.contains(&program));
    let count = if launches { command.words.len() } else { 0 };
    (1..count).map(|from| Part {
        words: command.words.get(from..).unwrap_or_default(),
        does_more: command.does_more,
    })
}

fn add_line(line: &str, depth: usize, commands: &mut Vec<SimpleCommand>) {
    match line::split(line) {
        Some(found) if found.is_empty() => commands.push(SimpleCommand::default()),
        Some(found) => {
            for command in found {
                if commands.len() > MAX_COMMANDS {
                    return;
                }
                add(command, depth, commands);
            }
        }
        None => commands.push(SimpleCommand::unknown()),
    }
}

fn add(command: SimpleCommand, depth: usize, commands: &mut Vec<SimpleCommand>) {
    let script = script_of(&command);
    let evaluates = command
        .program()
        .is_some_and(|program| EVALUATORS.contains(&program));
    commands.push(command);
    match script {
        Some(Word::Known(script)) if depth < MAX_DEPTH => add_line(&script, depth + 1, commands),
        None if !evaluates => {}
        _ => commands.push(SimpleCommand::unknown()),
    }
}

/// Returns the text that a shell gets with `-c`, even if another program starts that shell.
fn script_of(command: &SimpleCommand) -> Option<Word> {
    let shell = command.words.iter().position(|word| match word {
        Word::Known(word) => word
            .rsplit('/')
            .next()
            .is_some_and(|name| SHELLS.contains(&name)),
        Word::Unknown => false,
    })?;
    let is_program = shell == 0;
    let is_launched = command
        .program()
        .is_some_and(|program| LAUNCHERS.contains(&program));
    if !is_program && !is_launched {
        return None;
    }
    let mut rest = command.words.iter().skip(shell + 1);
    loop {
        match rest.next()? {
            Word::Unknown => return Some(Word::Unknown),
            Word::Known(flag) if flag.starts_with('-') && !flag.starts_with("--") => {
                if flag.contains('c') {
                    return Some(rest.next().cloned().unwrap_or(Word::Unknown));
                }
            }
            Word::Known(_) => {}
        }
    }
}
