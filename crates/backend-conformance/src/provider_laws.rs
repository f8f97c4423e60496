//! The laws of a provider of sandboxes, by topic: its lists, the life cycle of a sandbox, and its files.
//!
//! Each costs a few sandboxes. Whatever a law made is destroyed after it, whether or not it held.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use backend_core::{Error, Result, SandboxId, SandboxProvider, SandboxSpec, VolumeName};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::harness::{runtime, say};

#[expect(missing_docs, reason = "the name of a law says what it is")]
pub mod files;
#[expect(missing_docs, reason = "the name of a law says what it is")]
pub mod life;
#[expect(missing_docs, reason = "the name of a law says what it is")]
pub mod names;

/// A provider for one law, and what the suite may know about it. Others may use the provider at the same time.
pub struct ProviderSubject<P> {
    provider: P,
    workspaces: Option<PathBuf>,
    configure: Box<dyn Fn(&mut SandboxSpec) + Send + Sync>,
    remove_volume: Box<dyn Fn(&VolumeName) + Send + Sync>,
    minted: Mutex<Vec<SandboxId>>,
    volumes: Mutex<Vec<VolumeName>>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl<P: SandboxProvider> ProviderSubject<P> {
    /// Makes a subject of a provider.
    pub fn new(provider: P) -> Self {
        Self {
            provider,
            workspaces: None,
            configure: Box::new(|_| {}),
            remove_volume: Box::new(|_| {}),
            minted: Mutex::default(),
            volumes: Mutex::default(),
            kept: Vec::new(),
        }
    }

    /// Gives a directory of the host below which workspaces are made. Without one the laws about workspaces are skipped.
    #[must_use]
    pub fn workspaces(mut self, directory: impl Into<PathBuf>) -> Self {
        self.workspaces = Some(directory.into());
        self
    }

    /// Changes each specification before it is used: to give it a runtime, or labels for cleanup.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(&mut SandboxSpec) + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }

    /// Sets how a volume that a law made is removed after it: a provider never removes one. By default it stays.
    #[must_use]
    pub fn remove_volume(mut self, remove: impl Fn(&VolumeName) + Send + Sync + 'static) -> Self {
        self.remove_volume = Box::new(remove);
        self
    }

    /// Keeps a value, such as a temporary directory, until the law is done.
    #[must_use]
    pub fn keep(mut self, value: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(value));
        self
    }

    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    /// Makes a specification with an unused id.
    pub(crate) fn spec(&self) -> SandboxSpec {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let id = format!("law-{}-{number}", std::process::id());
        let id = SandboxId::parse(id).expect("an id");
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.push(id.clone());
        let mut spec = SandboxSpec::new(id);
        (self.configure)(&mut spec);
        spec
    }

    /// Makes a workspace, or says that there are none.
    pub(crate) fn workspace(&self) -> Option<PathBuf> {
        let root = self.workspaces.as_ref()?;
        let name = self.spec().id;
        let directory = root.join(name.as_str());
        std::fs::create_dir_all(&directory).expect("a workspace");
        open_to_all(&directory);
        Some(directory)
    }

    /// Makes the name of a volume that does not exist.
    pub(crate) fn volume(&self) -> VolumeName {
        let name = VolumeName::parse(format!("agent-backends-{}", self.spec().id));
        let name = name.expect("a name");
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        volumes.push(name.clone());
        name
    }

    /// Makes a sandbox with default settings.
    pub(crate) async fn create(&self) -> Result<Arc<P::Sandbox>> {
        self.provider.create(&self.spec()).await
    }

    /// Returns the sandboxes of this law that the provider lists.
    pub(crate) async fn listed(&self) -> Vec<SandboxId> {
        let mut listed = self.provider.list().await.expect("a list");
        let mut sorted = listed.clone();
        sorted.sort();
        assert_eq!(listed, sorted, "the list is in order");
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        listed.retain(|id| minted.contains(id));
        listed
    }

    async fn clear(&self) -> Vec<Error> {
        let minted = {
            let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *minted)
        };
        let mut failures = Vec::new();
        for id in minted {
            failures.extend(self.provider.destroy(&id).await.err());
        }
        let volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        volumes.iter().for_each(|name| (self.remove_volume)(name));
        drop(volumes);
        failures
    }
}

impl<P: std::fmt::Debug> std::fmt::Debug for ProviderSubject<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderSubject")
            .field("provider", &self.provider)
            .field("workspaces", &self.workspaces.is_some())
            .finish_non_exhaustive()
    }
}

/// Makes a workspace writable to every user, as the sandbox may run as any.
fn open_to_all(directory: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory, mode).expect("a mode");
    }
    #[cfg(not(unix))]
    let _ = directory;
}

/// Checks one law on a subject that the factory makes, or prints why it made none.
///
/// # Panics
///
/// Panics if the law does not hold, or if what it made cannot be destroyed.
pub fn run<P, F>(
    name: &str,
    factory: impl FnOnce() -> F,
    law: impl for<'a> FnOnce(&'a ProviderSubject<P>) -> BoxFuture<'a, ()>,
) where
    P: SandboxProvider,
    F: Future<Output = Result<ProviderSubject<P>, String>>,
{
    runtime().block_on(async {
        let subject = match factory().await {
            Ok(subject) => subject,
            Err(reason) => {
                say(&format!("{name}: skipped: {reason}"));
                return;
            }
        };
        let held = AssertUnwindSafe(law(&subject)).catch_unwind().await;
        let failures = subject.clear().await;
        if let Err(panic) = held {
            std::panic::resume_unwind(panic);
        }
        assert!(
            failures.is_empty(),
            "some sandboxes were not destroyed: {failures:?}"
        );
    });
}

/// Makes a module of tests, one for each law about providers, for one kind of provider.
///
/// The second argument is a closure without arguments that returns a future of a
/// `Result<ProviderSubject<P>, String>`: an error is why the suite cannot run here, and is printed. It is called once for
/// each law, within a multi-threaded tokio runtime.
///
/// # Examples
///
/// ```
/// use backend_conformance::{FakeProvider, ProviderSubject};
/// use backend_state::StateBackend;
///
/// backend_conformance::provider_laws!(pretended, || async {
///     Ok(ProviderSubject::new(FakeProvider::new(|_| Ok(StateBackend::new()))))
/// });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! provider_laws {
    ($name:ident, $factory:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from here")]
            use super::*;

            $crate::__provider_tests! { [$factory]
                names {
                    a_sandbox_has_the_id_that_it_was_made_with
                    a_taken_id_is_refused_and_its_sandbox_unharmed
                    one_creator_of_an_id_wins
                    a_list_has_exactly_what_exists
                    attaching_finds_a_sandbox_with_its_files
                    attaching_to_a_missing_sandbox_is_unavailable
                    a_sandbox_outlives_its_handle
                    a_failed_start_leaves_nothing
                }
                life {
                    a_new_sandbox_is_alive_and_answers
                    a_destroyed_sandbox_is_gone_for_good
                    destroying_twice_succeeds
                    destroying_a_missing_sandbox_succeeds
                    an_id_is_free_again_after_its_sandbox_and_starts_empty
                    a_command_does_not_outlive_its_sandbox
                    a_cancelled_start_can_be_destroyed
                    a_suspended_sandbox_is_resumed_with_its_files
                    a_suspended_sandbox_can_be_destroyed
                    suspending_a_missing_sandbox_is_an_error
                    an_undeclared_feature_is_unsupported
                    a_provider_reports_what_it_knows_of_a_sandbox
                }
                files {
                    sandboxes_do_not_share_files
                    variables_reach_the_commands
                    a_workspace_outlives_its_sandbox
                    a_moved_workspace_stays_with_its_sandbox
                    a_volume_outlives_its_sandbox
                    a_workspace_is_never_ignored
                    sandboxes_can_be_made_at_the_same_time
                }
            }
        }
    };
}

/// Makes the tests of [`provider_laws!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __provider_tests {
    ([$factory:expr] $($area:ident { $($law:ident)* })*) => {
        $(
            mod $area {
                #[allow(unused_imports, reason = "the factory may need nothing from here")]
                use super::*;

                $(
                    #[test]
                    fn $law() {
                        $crate::__private::run_provider_law(
                            ::std::concat!(::std::module_path!(), "::", ::std::stringify!($law)),
                            $factory,
                            |subject| ::std::boxed::Box::pin(
                                $crate::__private::provider_laws::$area::$law(subject)
                            ),
                        );
                    }
                )*
            }
        )*
    };
}
