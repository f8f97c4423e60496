//! A ruleset: a preset, its own rules before it, and the default action.

use std::collections::BTreeMap;

#[cfg(any(feature = "json", feature = "toml"))]
use backend_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{Action, Operation, Preset, Rule};

/// What an agent may do: a list of rules, in which the first rule that applies decides.
///
/// If none applies, its [`otherwise`](Self::otherwise) decides, which is deny unless set differently. The rules of a
/// preset come after the others. Every pattern is parsed when the rules are made, so none is invalid or without effect.
///
/// # Files
///
/// ```toml
/// preset = "default"          # default, permissive, read-only, strict; none by default
/// default = "ask"             # if no rule applies; deny if there is no preset
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
/// In JSON it is the same tree. An unknown field is rejected.
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
    /// Makes a ruleset without rules, which allows, asks about or denies everything.
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

    /// Sets the action for an operation to which no rule applies.
    #[must_use]
    pub fn with_default(mut self, operation: Operation, action: Action) -> Self {
        self.defaults.insert(operation, action);
        self
    }

    /// Adds a rule after those added before, and before those of the preset.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Returns the rules in order of precedence, including those of the preset.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let preset = self.preset.map(Preset::rules).unwrap_or_default();
        self.rules.iter().chain(preset)
    }

    /// Returns the action for an operation to which no rule applies.
    pub fn otherwise(&self, operation: Operation) -> Action {
        let own = self.defaults.get(&operation).copied().or(self.default);
        own.or_else(|| self.preset.map(|preset| preset.otherwise(operation)))
            .unwrap_or(Action::Deny)
    }

    /// Reads a ruleset in TOML.
    ///
    /// # Errors
    ///
    /// `invalid_request`, with the line, for invalid TOML, an unknown field or value, and an invalid pattern.
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
            .map_err(|error| Error::internal_from(None, "the permissions cannot be written", error))
    }

    /// Returns the ruleset in JSON, without what the preset adds.
    ///
    /// # Errors
    ///
    /// `internal`, which does not happen.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal_from(None, "the permissions cannot be written", error))
    }
}

impl From<Preset> for Permissions {
    fn from(preset: Preset) -> Self {
        Self::preset(preset)
    }
}
