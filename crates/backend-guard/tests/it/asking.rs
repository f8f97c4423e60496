//! Questions: when one is asked, what it names, and how the answer is used.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_core::{
    Backend, BackendExt, DeleteRequest, Error, ErrorKind, GrepRequest, ReadRequest, RenameRequest,
    Result, Truncation,
};
use backend_guard::{
    Action, Answer, Approver, Guarded, MAX_SHOWN_ASKS, Method, Operation, Permissions, Preset,
    Question, Rule,
};
use backend_state::StateBackend;

use crate::support::{fs, link, p};

/// Records its questions, and gives the same answer to all.
#[derive(Clone)]
struct Scribe {
    answer: Answer,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Scribe {
    fn new(answer: Answer) -> Self {
        Self {
            answer,
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Approver for Scribe {
    async fn ask(&self, question: &Question) -> Result<Answer> {
        self.asked.lock().unwrap().push(question.clone());
        Ok(self.answer.clone())
    }
}

async fn workspace() -> StateBackend {
    let backend = StateBackend::new();
    for path in ["/a/one.txt", "/a/two.txt", "/b/three.txt"] {
        backend.write(path, "needle\n").await.unwrap();
    }
    backend
}

fn ask(operation: Operation, paths: &[&str]) -> Rule {
    let rule = Rule::new(Action::Ask).operations([operation]).unwrap();
    rule.paths(paths).unwrap().reason("because")
}

fn asks(operation: Operation, paths: &[&str]) -> Permissions {
    Permissions::all(Action::Allow).with_rule(ask(operation, paths))
}

#[tokio::test]
async fn a_question_names_the_pending_operations() {
    let scribe = Scribe::new(Answer::Allow);
    let guarded = Guarded::new(workspace().await, asks(Operation::Write, &["/a"]))
        .with_approver(scribe.clone());
    guarded.write("/a/new.txt", "x").await.unwrap();
    let asked = scribe.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].method, asked[0].path.as_str()),
        (Method::Write, "/a/new.txt")
    );
    assert_eq!(asked[0].asks.len(), 1);
    let ask = &asked[0].asks[0];
    assert_eq!(
        (
            ask.operation,
            ask.path.as_ref().map(|path| path.as_str()),
            ask.rule
        ),
        (Operation::Write, Some("/a/new.txt"), Some(0))
    );
    assert_eq!(ask.reason.as_deref(), Some("because"));
    assert_eq!(asked[0].to_string(), "write /a/new.txt (because)");
    guarded.write("/b/new.txt", "x").await.unwrap();
    assert!(scribe.asked().is_empty());
    // Once is once.
    guarded.write("/a/new.txt", "y").await.unwrap();
    assert_eq!(scribe.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_can_be_for_good() {
    let scribe = Scribe::new(Answer::AllowAlways);
    let guarded = Guarded::new(workspace().await, asks(Operation::Read, &["/a"]))
        .with_approver(scribe.clone());
    for _ in 0..3 {
        guarded.read("/a/one.txt").await.unwrap();
    }
    assert_eq!(scribe.asked().len(), 1);
    guarded.read("/a/two.txt").await.unwrap();
    assert_eq!(scribe.asked().len(), 1);
    // It is about reading.
    guarded
        .grep_with(&GrepRequest::new("needle"))
        .await
        .unwrap();
    assert!(scribe.asked().is_empty());
    guarded.forget();
    guarded.read("/a/one.txt").await.unwrap();
    assert_eq!(scribe.asked().len(), 1);
}

#[tokio::test]
async fn one_call_is_one_question() {
    let scribe = Scribe::new(Answer::Allow);
    let rules = Permissions::all(Action::Allow)
        .with_rule(ask(Operation::Delete, &["*"]))
        .with_rule(ask(Operation::Write, &["*"]));
    let guarded = Guarded::new(workspace().await, rules).with_approver(scribe.clone());
    guarded
        .rename_with(&RenameRequest::new(p("/a"), p("/c")))
        .await
        .unwrap();
    let asked = scribe.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].target, Some(p("/c")));
    let named: Vec<String> = asked[0]
        .asks
        .iter()
        .map(|ask| format!("{} {}", ask.operation, ask.path.as_ref().unwrap()))
        .collect();
    assert_eq!(
        named,
        [
            "delete /a",
            "delete /a/one.txt",
            "delete /a/two.txt",
            "write /c",
            "write /c/one.txt",
            "write /c/two.txt",
        ]
    );
    guarded
        .delete_with(&DeleteRequest::new(p("/c")).recursive())
        .await
        .unwrap();
    assert_eq!(scribe.asked().len(), 1);
}

#[tokio::test]
async fn a_search_asks_once_for_all_that_it_reads() {
    let scribe = Scribe::new(Answer::Allow);
    let guarded = Guarded::new(workspace().await, asks(Operation::Read, &["/a"]))
        .with_approver(scribe.clone());
    let found = guarded.grep("needle").await.unwrap();
    assert_eq!(found.matches.len(), 3);
    let asked = scribe.asked();
    assert_eq!((asked.len(), asked[0].asks.len()), (1, 2));
    assert_eq!(
        asked[0].to_string(),
        "grep /\n- read /a/one.txt (because)\n- read /a/two.txt (because)"
    );

    let scribe = Scribe::new(Answer::deny());
    let guarded = Guarded::new(workspace().await, asks(Operation::Read, &["/a"]))
        .with_approver(scribe.clone());
    let found = guarded.grep("needle").await.unwrap();
    assert_eq!(found.matches.len(), 1);
    assert_eq!(
        (found.skipped.unreadable, found.truncated),
        (2, Some(Truncation::Unreadable))
    );
    // If nothing is left, it is refused rather than empty.
    let error = guarded
        .grep_with(&GrepRequest::new("needle").path(p("/a")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_listing_asks_once_for_all_that_it_names() {
    let scribe = Scribe::new(Answer::Allow);
    let guarded = Guarded::new(workspace().await, asks(Operation::List, &["*.txt"]))
        .with_approver(scribe.clone());
    assert_eq!(guarded.ls("/a").await.unwrap().items.len(), 2);
    assert_eq!(scribe.asked()[0].asks.len(), 2);
    assert_eq!(guarded.glob("**").await.unwrap().items.len(), 3);
    assert_eq!(scribe.asked()[0].asks.len(), 3);
}

#[tokio::test]
async fn a_long_question_is_cut_and_says_so() {
    let backend = StateBackend::new();
    for number in 0..MAX_SHOWN_ASKS + 20 {
        backend
            .write(format!("/a/{number}.txt"), "needle\n")
            .await
            .unwrap();
    }
    let scribe = Scribe::new(Answer::Allow);
    let guarded =
        Guarded::new(backend, asks(Operation::Read, &["/a"])).with_approver(scribe.clone());
    assert_eq!(
        guarded.grep("needle").await.unwrap().matches.len(),
        MAX_SHOWN_ASKS + 20
    );
    let asked = scribe.asked();
    assert_eq!((asked[0].asks.len(), asked[0].more), (MAX_SHOWN_ASKS, 20));
    assert!(asked[0].to_string().ends_with("\n- and 20 more"));
}

#[tokio::test]
async fn a_denial_comes_before_a_question() {
    let scribe = Scribe::new(Answer::Allow);
    let rules = asks(Operation::Read, &["/a/one.txt"])
        .with_rule(Rule::new(Action::Deny).paths(["/a/two.txt"]).unwrap());
    let guarded = Guarded::new(workspace().await, rules).with_approver(scribe.clone());
    assert!(guarded.rename("/a", "/c").await.is_err());
    assert!(guarded.read("/a/two.txt").await.is_err());
    assert!(scribe.asked().is_empty());
}

#[tokio::test]
async fn in_a_batch_each_item_is_asked_about() {
    let scribe = Scribe::new(Answer::deny_because("take three"));
    let guarded = Guarded::new(workspace().await, asks(Operation::Read, &["/a"]))
        .with_approver(scribe.clone());
    let requests = ["/a/one.txt", "/b/three.txt", "/a/two.txt", "/none"];
    let pages = guarded
        .read_many_with(&requests.map(|path| ReadRequest::new(p(path))))
        .await;
    let kinds: Vec<Option<ErrorKind>> = pages
        .iter()
        .map(|page| page.as_ref().err().map(Error::kind))
        .collect();
    let denied = Some(ErrorKind::PermissionDenied);
    assert_eq!(kinds, [denied, None, denied, Some(ErrorKind::NotFound)]);
    assert!(
        pages[0]
            .as_ref()
            .unwrap_err()
            .to_string()
            .ends_with(": take three")
    );
    assert_eq!(scribe.asked().len(), 2);
}

#[tokio::test]
async fn without_an_approver_it_is_refused() {
    let guarded = Guarded::new(workspace().await, Preset::Default);
    let error = guarded.write("/a/new.txt", "x").await.unwrap_err();
    assert_eq!(
        error.for_model(),
        "/a/new.txt: permission denied: writing it needs approval, but there is no approver\n\
         Do not try to work around this; tell the user what you need."
    );
    assert!(guarded.capabilities().read_only);
    assert!(!guarded.offers(Operation::Write));
    let guarded = guarded.with_approver(|_: &Question| Answer::Allow);
    assert!(!guarded.capabilities().read_only);
    assert!(guarded.offers(Operation::Write));
}

/// Fails.
struct Broken;

#[async_trait]
impl Approver for Broken {
    async fn ask(&self, _: &Question) -> Result<Answer> {
        Err(Error::unsupported("a dialogue here"))
    }
}

#[tokio::test]
async fn a_failing_approver_is_a_refusal() {
    let guarded = Guarded::new(workspace().await, Preset::Default).with_approver(Broken);
    let error = guarded.write("/a/new.txt", "x").await.unwrap_err();
    assert!(
        error.to_string().ends_with("but asking for it failed"),
        "{error}"
    );
    assert!(!guarded.inner().exists("/a/new.txt").await.unwrap());
}

/// Never answers, and records when it is dropped.
struct Silent(Arc<Mutex<u32>>);

struct Dropped(Arc<Mutex<u32>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[async_trait]
impl Approver for Silent {
    async fn ask(&self, _: &Question) -> Result<Answer> {
        let _dropped = Dropped(Arc::clone(&self.0));
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_a_refusal() {
    let dropped = Arc::default();
    let guarded = Guarded::new(workspace().await, Preset::Default)
        .with_approver(Silent(Arc::clone(&dropped)));
    let error = guarded.write("/a/new.txt", "x").await.unwrap_err();
    assert!(
        error.to_string().ends_with("but no answer came in time"),
        "{error}"
    );
    assert_eq!(*dropped.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_its_question() {
    let dropped = Arc::default();
    let guarded = Guarded::new(workspace().await, Preset::Default)
        .with_approver(Silent(Arc::clone(&dropped)))
        .with_answer_timeout(None);
    let call = guarded.write("/a/new.txt", "x");
    assert!(
        tokio::time::timeout(Duration::from_secs(3600), call)
            .await
            .is_err()
    );
    assert_eq!(*dropped.lock().unwrap(), 1);
    assert!(!guarded.inner().exists("/a/new.txt").await.unwrap());
}

#[tokio::test]
async fn a_question_shows_the_target_of_a_link_and_the_refusal_does_not() {
    let (dir, backend) = fs();
    backend.write("/vault/word.txt", "x").await.unwrap();
    link(dir.path(), "/link", "vault/word.txt");
    let scribe = Scribe::new(Answer::deny());
    let guarded =
        Guarded::new(backend, asks(Operation::Read, &["/vault"])).with_approver(scribe.clone());
    let error = guarded.read("/link").await.unwrap_err();
    assert!(!error.to_string().contains("vault"), "{error}");
    assert_eq!(
        scribe.asked()[0].to_string(),
        "read /link\n- read /vault/word.txt (because)"
    );
}

/// Replaces a link while it is asked, and allows.
struct Swapping(std::path::PathBuf);

#[async_trait]
impl Approver for Swapping {
    async fn ask(&self, _: &Question) -> Result<Answer> {
        std::fs::remove_file(self.0.join("link")).unwrap();
        link(&self.0, "/link", "vault/word.txt");
        Ok(Answer::Allow)
    }
}

#[tokio::test]
async fn a_change_while_a_question_is_open_is_not_allowed() {
    let (dir, backend) = fs();
    backend.write("/vault/word.txt", "x").await.unwrap();
    backend.write("/plain.txt", "x").await.unwrap();
    link(dir.path(), "/link", "plain.txt");
    let guarded = Guarded::new(backend, asks(Operation::Read, &["/plain.txt", "/vault"]))
        .with_approver(Swapping(dir.path().to_path_buf()));
    let error = guarded.read("/link").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("changed"), "{error}");
}
