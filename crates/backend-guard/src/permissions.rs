//! A ruleset: a preset, rules of its own before it, and what is done otherwise.

use std::collections::BTreeMap;

#[cfg(any(feature = "json", feature = "toml"))]
use backend_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{Action, Operation, Preset, Rule};

/// What an agent may do: rules, of which the first one that is about an operation decides.
///
/// Where no rule does, its [`otherwise`](Self::otherwise) decides; it says deny unless it was told something else. The
/// rules of a preset come after the others. Every pattern was read when the rules were made, so that none is wrong, and
/// none does nothing.
///
/// # Files
///
/// ```toml
/// preset = "default"          # default, permissive, read-only, strict; none by default
/// default = "ask"             # where nothing else says something; deny, if there is no preset
///
/// [defaults]                  # the same, for single operations
/// write = "allow"
///
/// [[rules]]
/// action = "deny"
/// operations = ["read", "write", "edit", "delete"]  # all by default
/// paths = ["/customers/**"]
/// except = ["/customers/README.md"]
/// ignore_case = true
/// reason = "customer data"
///
/// [[rules]]
/// action = "allow"
/// commands = ["cargo test", "git diff"]
/// ```
///
/// In JSON it is the same tree. A field that is not known is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<Preset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Action>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    defaults: BTreeMap<Operation, Action>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Rule>,
}

impl Permissions {
    /// Makes a ruleset without rules, in which everything is allowed, asked about or denied.
    pub fn all(action: Action) -> Self {
        Self {
            default: Some(action),
            ..Self::default()
        }
    }

    /// Makes a ruleset of a preset.
    pub fn preset(preset: Preset) -> Self {
        Self {
            preset: Some(preset),
            ..Self::default()
        }
    }

    /// Says what is done with an operation that no rule is about.
    #[must_use]
    pub fn with_default(mut self, operation: Operation, action: Action) -> Self {
        self.defaults.insert(operation, action);
        self
    }

    /// Adds a rule after those that were added before, and before those of the preset.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Returns the rules in the order in which they count, those of the preset included.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let preset = self.preset.map(Preset::rules).unwrap_or_default();
        self.rules.iter().chain(preset)
    }

    /// Returns what is done with an operation that no rule is about.
    pub fn otherwise(&self, operation: Operation) -> Action {
        let own = self.defaults.get(&operation).copied().or(self.default);
        own.or_else(|| self.preset.map(|preset| preset.otherwise(operation)))
            .unwrap_or(Action::Deny)
    }

    /// Reads a ruleset in TOML.
    ///
    /// # Errors
    ///
    /// `invalid_request`, with the line, for what is no TOML, an unknown field or value, and a pattern that is wrong.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or(text);
                before.matches('\n').count() + 1
            });
            let place = line
                .map(|line| format!(", line {line}"))
                .unwrap_or_default();
            Error::invalid_request(format!("permissions{place}: {}", error.message()))
        })
    }

    /// Reads a ruleset in JSON.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml).
    #[cfg(feature = "json")]
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::invalid_request(format!("permissions: {error}")))
    }

    /// Returns the ruleset in TOML, without what the preset adds.
    ///
    /// # Errors
    ///
    /// `internal`, which does not happen.
    #[cfg(feature = "toml")]
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::internal(None, "the permissions cannot be written", error))
    }

    /// Returns the ruleset in JSON, without what the preset adds.
    ///
    /// # Errors
    ///
    /// `internal`, which does not happen.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal(None, "the permissions cannot be written", error))
    }
}

impl From<Preset> for Permissions {
    fn from(preset: Preset) -> Self {
        Self::preset(preset)
    }
}
