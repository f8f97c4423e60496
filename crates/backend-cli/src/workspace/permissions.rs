//! `--permissions PRESET|FILE`: rules around the workspace, and the approver for their questions.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use backend_core::{Backend, Error, Result as CoreResult};
use backend_guard::{Answer, Approver, Guarded, Operation, Permissions, Preset, Question};

use crate::failure::{Failure, Result};
use crate::host;

/// The terminal of the process, whatever its streams are.
const TERMINAL: &str = "/dev/tty";

/// Reads the rules that the option names: a preset, or a file in TOML or JSON.
///
/// # Errors
///
/// `Opening` for invalid rules, `Host` for a file that cannot be read.
pub(super) async fn load(option: &str) -> Result<Permissions> {
    let preset = Preset::ALL
        .into_iter()
        .find(|preset| preset.as_str() == option);
    if let Some(preset) = preset {
        return Ok(preset.into());
    }
    let file = PathBuf::from(option);
    let what = format!("--permissions {option}");
    let text = host::read_text(&file)
        .await
        .map_err(|failure| match failure {
            Failure::Host(_, error) if error.kind() == io::ErrorKind::NotFound => {
                let names = Preset::ALL.map(Preset::as_str).join(", ");
                Failure::Usage(format!("{what}: no such file, and the presets are {names}"))
            }
            other => other,
        })?;
    let is_json = file
        .extension()
        .is_some_and(|extension| extension == "json");
    let rules = if is_json {
        Permissions::from_json(&text)
    } else {
        Permissions::from_toml(&text)
    };
    rules.map_err(|error| Failure::Opening(what, error))
}

/// Puts rules around a backend. Questions of the rules are asked at the terminal.
pub(super) fn guard<B: Backend>(inner: B, rules: Permissions) -> Guarded<B> {
    let guarded = Guarded::new(inner, rules);
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        guarded.with_approver(Terminal::default())
    } else {
        guarded
    }
}

/// Returns the operations that the rules refuse everywhere.
pub(super) fn refused<B: Backend>(guarded: &Guarded<B>) -> Vec<Operation> {
    let all = Operation::ALL.into_iter();
    all.filter(|operation| !guarded.offers(*operation))
        .collect()
}

/// A person at the terminal.
#[derive(Debug, Default)]
struct Terminal {
    turn: std::sync::Arc<Mutex<()>>,
}

#[async_trait]
impl Approver for Terminal {
    async fn ask(&self, question: &Question) -> CoreResult<Answer> {
        let text = question.to_string();
        let turn = std::sync::Arc::clone(&self.turn);
        let asked = tokio::task::spawn_blocking(move || {
            // One question at a time, or it is unclear which one an answer belongs to.
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            ask(&text)
        });
        let answer = asked.await.unwrap_or_else(|error| Err(error.into()));
        answer.map_err(|error| Error::unavailable_from("asking at the terminal failed", error))
    }
}

fn ask(question: &str) -> io::Result<Answer> {
    let mut terminal = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(TERMINAL)?;
    write!(terminal, "allow {question}\n[y]es, [a]lways, [N]o? ")?;
    let mut line = String::new();
    BufReader::new(terminal).read_line(&mut line)?;
    Ok(match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Allow,
        "a" | "always" => Answer::AllowAlways,
        _ => Answer::deny_because("the person at the terminal said no"),
    })
}
