//! Checks whether a caller may use an existing session, and which of its properties the caller can change.

use std::collections::BTreeMap;
use std::sync::Arc;

use backend_core::{Error, Result, RuntimeConfig, SandboxId, SandboxProvider};

use crate::SessionOptions;
use crate::entry::{Resting, State};
use crate::errors::unknown;
use crate::inner::Inner;
use crate::phase::Phase;

/// What a caller wants for an id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want<'a> {
    /// The session, created if it does not exist.
    Create {
        options: &'a SessionOptions,
        tenant: Option<&'a str>,
    },
    /// The session, if it exists and belongs to the given tenant, if any.
    Open { scope: Option<&'a str> },
}

type Env = BTreeMap<String, String>;

impl<P: SandboxProvider> Inner<P> {
    /// Authorizes the caller, rejects options that conflict with the session, and applies those that can be changed.
    pub(crate) fn authorize(
        &self,
        id: &SandboxId,
        state: &mut State<P::Sandbox>,
        want: Want<'_>,
    ) -> Result<()> {
        let Some(profile) = state.profile.as_ref() else {
            return Err(unknown(id));
        };
        let (options, tenant) = match want {
            Want::Open { scope: None } => return Ok(()),
            Want::Open { scope } if scope == profile.tenant.as_deref() => return Ok(()),
            // Does not reveal whether another tenant has this id.
            Want::Open { .. } => return Err(unknown(id)),
            Want::Create { options, tenant } => (options, tenant),
        };
        if tenant != profile.tenant.as_deref() {
            return Err(Error::invalid_request(format!(
                "the session id '{id}' is taken; choose another one"
            )));
        }
        let asleep = matches!(
            state.phase(),
            Phase::Known | Phase::Hibernated | Phase::Stopping(_) | Phase::Dead
        );
        let (held, mut changed) = (Arc::clone(profile), None);
        let change = || (*held).clone();
        if let Some(runtime) = &options.runtime
            && !held.runtime.as_ref().is_some_and(|r| same(r, runtime))
        {
            let name = held.runtime.as_ref().map(RuntimeConfig::name);
            if name != Some(runtime.name()) {
                return Err(Error::invalid_request(format!(
                    "session '{id}' has the runtime '{}', not '{}'",
                    name.unwrap_or("default"),
                    runtime.name()
                )));
            }
            // The same runtime with a new definition: the next sandbox gets it. A suspended one would come back with the old
            // definition.
            if !asleep || state.resting.is_some() {
                return Err(running_as(id, "another definition of its runtime"));
            }
            changed.get_or_insert_with(change).runtime = Some(runtime.clone());
        }
        if !options.env.is_empty() && options.env != held.env {
            if !asleep {
                return Err(running_as(id, "other variables"));
            }
            changed.get_or_insert_with(change).env = options.env.clone();
        }
        if !options.labels.is_empty() && options.labels != held.labels {
            if !asleep || state.resting.is_some() {
                return Err(running_as(id, "other labels"));
            }
            changed.get_or_insert_with(change).labels = options.labels.clone();
        }
        if options.idle_timeout.is_some() && options.idle_timeout != held.idle_timeout {
            changed.get_or_insert_with(change).idle_timeout = options.idle_timeout;
        }
        // While a sandbox is being stopped, the caller waits and asks again.
        if let Some(changed) = changed
            && !matches!(state.phase(), Phase::Stopping(_))
        {
            if let Some(resting) = state.resting.as_mut()
                && changed.env != held.env
            {
                self.give_later(id, resting, &held.env, &changed.env)?;
            }
            state.profile = Some(Arc::new(changed));
        }
        Ok(())
    }

    /// A suspended sandbox keeps the variables it was created with. From its next start on, its commands run with the new ones;
    /// if a variable is to be removed, the sandbox is recreated.
    fn give_later(
        &self,
        id: &SandboxId,
        resting: &mut Resting,
        held: &Env,
        wanted: &Env,
    ) -> Result<()> {
        let made = resting.env.as_ref().unwrap_or(held);
        let removed = made.keys().any(|name| !wanted.contains_key(name));
        if removed && !self.keeps_files() {
            return Err(Error::invalid_request(format!(
                "session '{id}' is hibernated with a variable that is not among the new ones; it cannot be removed from its \
                 sandbox, which has the files; give it another value, or release the session first"
            )));
        }
        resting.anew |= removed;
        resting.env = Some(made.clone());
        Ok(())
    }
}

/// Returns whether two definitions lead to the same sandbox. Descriptions are ignored.
fn same(a: &RuntimeConfig, b: &RuntimeConfig) -> bool {
    a.name() == b.name()
        && a.image() == b.image()
        && a.packages() == b.packages()
        && a.setup() == b.setup()
        && a.env() == b.env()
        && a.work_dir() == b.work_dir()
        && a.user() == b.user()
}

fn running_as(id: &SandboxId, what: &str) -> Error {
    Error::invalid_request(format!(
        "session '{id}' has a sandbox with {what}; release it first, its stored files are kept"
    ))
}
