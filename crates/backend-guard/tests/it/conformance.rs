//! The laws of every backend, behind rules that allow what they do: nothing else changes.

use backend_conformance::{Subject, populate};
use backend_core::Backend;
use backend_guard::{Action, Answer, Guarded, Operation, Permissions, Preset, Rule};
use backend_state::StateBackend;
use sandbox_local::LocalSandbox;
use std::sync::Arc;

use crate::support::{far_away, fs, subject_of};

backend_conformance::file_laws!(open_state, || async {
    Guarded::new(StateBackend::new(), Permissions::all(Action::Allow))
});

backend_conformance::file_laws!(guarded_state, || async {
    Guarded::new(StateBackend::new(), far_away())
});

backend_conformance::file_laws!(guarded_fs, || async {
    let (dir, backend) = fs();
    subject_of(dir, Guarded::new(backend, far_away()))
});

backend_conformance::file_laws!(guarded_dyn, || async {
    let inner: Arc<dyn Backend> = Arc::new(StateBackend::new());
    Subject::new(Guarded::new(inner, far_away())).shared()
});

// Nearly everything is asked, and allowed: the same again. Nothing about the target of a link is revealed that would be
// asked.
backend_conformance::file_laws!(asked_fs, || async {
    let (dir, backend) = fs();
    let rules = Permissions::all(Action::Ask).with_default(Operation::List, Action::Allow);
    let guarded = Guarded::new(backend, rules);
    subject_of(dir, guarded.with_approver(|_: &_| Answer::Allow))
});

backend_conformance::read_only_laws!(read_only_state, || async {
    let backend = StateBackend::new();
    populate(&backend).await.unwrap();
    Guarded::new(backend, Preset::ReadOnly)
});

backend_conformance::read_only_laws!(read_only_fs, || async {
    let (dir, backend) = fs();
    populate(&backend).await.unwrap();
    subject_of(dir, Guarded::new(backend, Preset::ReadOnly))
});

backend_conformance::sandbox_laws!(commands, || async {
    let (dir, backend) = fs();
    let sandbox = LocalSandbox::without_isolation(backend, dir.path()).unwrap();
    // Lines that cannot be analysed are asked about, which is nearly everything that these laws run.
    let rules = far_away().with_rule(Rule::new(Action::Ask).commands(["never-run-this"]).unwrap());
    let guarded = Guarded::new(sandbox, rules).with_approver(|_: &_| Answer::Allow);
    Subject::sandbox(guarded).keep(dir)
});
