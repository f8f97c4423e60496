//! The Docker engine that runs the sandboxes of the sessions.
//!
//! The application chose the namespace, and no record contains it. The engine knows it for every sandbox.

use std::collections::{BTreeMap, BTreeSet};

use backend_core::{Error, SandboxId};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine};
use session_manager::SessionInfo;

use crate::context::Context;
use crate::failure::Result;

/// The default namespace. Without --namespace, either this one is meant or it is unknown.
const UNSAID: &str = "default";

/// Connects to the engine, and to the namespace of the sessions' sandboxes. Connecting creates and removes nothing. Also returns
/// the namespaces that may be meant instead.
///
/// # Errors
///
/// `unavailable`. `invalid_request` if a sandbox of a session exists in a namespace other than that of the others, or
/// than the chosen one: it would be considered gone.
pub(super) async fn connect(
    context: &Context,
    sessions: &[SessionInfo],
) -> Result<(DockerProvider, BTreeSet<SandboxId>)> {
    let engine = Engine::connect().await?;
    let named = sessions.iter().filter_map(|info| info.sandbox.as_ref());
    let named: BTreeSet<&SandboxId> = named.collect();
    let existing = engine.sandboxes().await?;
    let namespace = choose(&context.namespace(), &named, &existing)?;
    let others = others(&context.namespace(), &named, &existing);
    let provider = DockerProvider::builder(DockerSandbox::builder("unused").engine(engine))
        .namespace(namespace)
        .without_sweep()
        .connect();
    Ok((provider.await?, others))
}

/// Returns the existing sandboxes: of the chosen namespace, or of all.
pub(super) async fn existing(context: &Context) -> Result<Vec<SandboxId>> {
    let chosen = context.namespace();
    let all = Engine::connect().await?.sandboxes().await?;
    let wanted = |namespace: &SandboxId| chosen.as_str() == UNSAID || *namespace == chosen;
    Ok(all
        .into_iter()
        .filter(|(namespace, _)| wanted(namespace))
        .map(|(_, id)| id)
        .collect())
}

/// Returns the namespace of all existing sandboxes that are named. It is the chosen one if possible.
fn choose(
    chosen: &SandboxId,
    named: &BTreeSet<&SandboxId>,
    existing: &[(SandboxId, SandboxId)],
) -> Result<SandboxId, Error> {
    let mut of: BTreeMap<&SandboxId, BTreeSet<&SandboxId>> = BTreeMap::new();
    for (namespace, id) in existing.iter().filter(|(_, id)| named.contains(id)) {
        of.entry(namespace).or_default().insert(id);
    }
    let all: BTreeSet<&SandboxId> = of.values().flatten().copied().collect();
    let has_all = |namespace: &SandboxId| of.get(namespace).is_some_and(|ids| *ids == all);
    if all.is_empty() || has_all(chosen) {
        return Ok(chosen.clone());
    }
    let mut others = of.keys().copied().filter(|namespace| has_all(namespace));
    match (others.next(), others.next()) {
        (Some(only), None) if chosen.as_str() == UNSAID => Ok(only.clone()),
        _ => {
            let found: Vec<&str> = of.keys().map(|namespace| namespace.as_str()).collect();
            Err(Error::invalid_request(format!(
                "sandboxes of these sessions exist in the namespaces '{}', and not all of them in '{chosen}'; choose the \
                 namespace of the application with --namespace, and end those in others with `sandboxes remove`",
                found.join("', '")
            )))
        }
    }
}

/// Returns the other namespaces with sandboxes, if nothing says which one is the application's.
fn others(
    chosen: &SandboxId,
    named: &BTreeSet<&SandboxId>,
    existing: &[(SandboxId, SandboxId)],
) -> BTreeSet<SandboxId> {
    let is_known = chosen.as_str() != UNSAID || existing.iter().any(|(_, id)| named.contains(id));
    let others = existing.iter().map(|(namespace, _)| namespace);
    let others = others.filter(|namespace| !is_known && *namespace != chosen);
    others.cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use backend_core::SandboxId;

    use super::{choose, others};

    fn id(name: &str) -> SandboxId {
        SandboxId::parse(name).unwrap()
    }

    /// Chooses for records that name `a` and `b`.
    #[track_caller]
    fn check(chosen: &str, existing: &[(&str, &str)], want: Option<&str>) {
        let (a, b) = (id("a"), id("b"));
        let named = BTreeSet::from([&a, &b]);
        let existing = existing.iter().map(|(space, name)| (id(space), id(name)));
        let existing: Vec<_> = existing.collect();
        let found = choose(&id(chosen), &named, &existing).ok();
        assert_eq!(found, want.map(id), "{existing:?}");
    }

    #[test]
    fn the_advice_names_a_command_that_exists() {
        let (a, existing) = (id("a"), [(id("app"), id("a"))]);
        let error = choose(&id("mine"), &BTreeSet::from([&a]), &existing).unwrap_err();
        let text = error.to_string();
        let advised = text.split('`').nth(1).unwrap();
        let names = advised.split(' ');
        names.fold(crate::cli::command(), |command, name| {
            let found = command.get_subcommands().find(|sub| sub.get_name() == name);
            found.unwrap_or_else(|| panic!("{advised}")).clone()
        });
    }

    #[test]
    fn no_sandbox_of_a_session_is_out_of_sight() {
        check("default", &[], Some("default"));
        check("mine", &[("other", "of-others")], Some("mine"));
        check("default", &[("app", "a")], Some("app"));
        check("default", &[("app", "a"), ("app", "b")], Some("app"));
        check("mine", &[("app", "a")], None);
        check("default", &[("app", "a"), ("app2", "b")], None);
        check("app", &[("app", "a"), ("app2", "b")], None);
        // A copy of an application, in a namespace of its own.
        check("app", &[("app", "a"), ("copy", "a")], Some("app"));
        check("default", &[("app", "a"), ("copy", "a")], None);
    }
    #[test]
    fn without_a_sandbox_of_a_session_every_namespace_may_be_meant() {
        let check = |chosen: &str, existing: &[(&str, &str)], want: &[&str]| {
            let a = id("a");
            let existing = existing.iter().map(|(space, name)| (id(space), id(name)));
            let existing: Vec<_> = existing.collect();
            let found = others(&id(chosen), &BTreeSet::from([&a]), &existing);
            let want: BTreeSet<_> = want.iter().copied().map(id).collect();
            assert_eq!(found, want, "{chosen} {existing:?}");
        };
        check("default", &[], &[]);
        check("default", &[("default", "orphan")], &[]);
        let two = [("app2", "x"), ("app", "orphan"), ("app", "y")];
        check("default", &two, &["app", "app2"]);
        check("app", &two, &[]);
        check("default", &[("app", "a"), ("app2", "x")], &[]);
    }
}
