//! Rulesets that are ready to use, and the list of secrets.

use std::fmt;
use std::sync::LazyLock;

use backend_core::Result;
use serde::{Deserialize, Serialize};

use crate::{Action, Operation, Rule};

/// A ruleset that is ready to use. In a file its name is written in kebab case: `read-only`.
///
/// | | list | read | write, edit, delete | execute | control | stop | secrets |
/// |---|---|---|---|---|---|---|---|
/// | `default` | allow | allow | ask | ask | allow | allow | listed; nothing else |
/// | `permissive` | allow | allow | allow | allow | allow | allow | listed; nothing else |
/// | `read-only` | allow | allow | deny | deny | deny | allow | listed; nothing else |
/// | `strict` | allow | ask | ask | ask | ask | allow | not even listed |
///
/// Where commands are allowed, they can read secrets as any program can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Preset {
    /// Reads everything except secrets, and asks before it changes anything or runs a command.
    Default,
    /// Does everything, except on files that are secrets.
    Permissive,
    /// Reads everything except secrets, and changes nothing.
    ReadOnly,
    /// Also asks before it reads, and does not see secrets.
    Strict,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Default,
        Self::Permissive,
        Self::ReadOnly,
        Self::Strict,
    ];

    /// Returns the name, as in a file of rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Permissive => "permissive",
            Self::ReadOnly => "read-only",
            Self::Strict => "strict",
        }
    }

    /// Returns the action if no rule applies.
    pub const fn otherwise(self, operation: Operation) -> Action {
        use Operation as Op;
        match (self, operation) {
            (_, Op::List | Op::Stop) | (Self::Permissive, _) => Action::Allow,
            (Self::Default | Self::ReadOnly, Op::Read) | (Self::Default, Op::Control) => {
                Action::Allow
            }
            (Self::ReadOnly, _) => Action::Deny,
            (Self::Default | Self::Strict, _) => Action::Ask,
        }
    }

    /// Returns its rules.
    pub fn rules(self) -> &'static [Rule] {
        match self {
            Self::Default | Self::Permissive | Self::ReadOnly => &SECRETS_LISTED,
            Self::Strict => &SECRETS_HIDDEN,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names of secrets, in any case.
const SECRETS: &[&str] = &[
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    "**/.config/gcloud",
    "**/.config/gh",
    "**/.kube/config",
    "**/.docker/config.json",
    ".dockercfg",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    "**/.cargo/credentials*",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".vault-token",
    ".terraformrc",
    "*.tfstate",
    "credentials",
    "credentials.{json,yaml,yml,toml,xml}",
    "service[-_]account*.json",
    "secrets",
    ".secrets",
    "secrets.{json,yaml,yml,toml,env,txt}",
];

/// Names that look like secrets but are not.
const NOT_SECRETS: &[&str] = &[
    "{,*}.env.{example,sample,template,dist}",
    "id_{rsa,dsa,ecdsa,ed25519}*.pub",
];

static SECRETS_LISTED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    or_deny_all(secrets().and_then(|rule| {
        rule.operations([
            Operation::Read,
            Operation::Write,
            Operation::Edit,
            Operation::Delete,
        ])
    }))
});

static SECRETS_HIDDEN: LazyLock<Vec<Rule>> = LazyLock::new(|| or_deny_all(secrets()));

fn secrets() -> Result<Rule> {
    let rule = Rule::new(Action::Deny)
        .paths(SECRETS)?
        .except(NOT_SECRETS)?
        .ignore_case()?;
    Ok(rule.reason("it may hold secrets"))
}

/// The patterns are constants, parsed by a test. If one were still invalid, everything would be denied.
fn or_deny_all(rule: Result<Rule>) -> Vec<Rule> {
    vec![rule.unwrap_or_else(|_| Rule::new(Action::Deny))]
}

#[cfg(test)]
mod tests {
    use backend_core::VirtualPath;

    use super::{NOT_SECRETS, Preset, SECRETS, secrets};
    use crate::{Action, Operation};

    #[track_caller]
    fn check(path: &str, is_secret: bool) {
        let path = VirtualPath::parse(path).unwrap();
        for preset in Preset::ALL {
            let is_denied = preset
                .rules()
                .iter()
                .any(|rule| rule.covers(Operation::Read, &path, &VirtualPath::root()));
            assert_eq!(is_denied, is_secret, "{preset} {path}");
        }
    }

    #[test]
    fn the_patterns_are_read() {
        assert!(secrets().is_ok());
        for preset in Preset::ALL {
            assert_eq!(
                preset.rules()[0].path_patterns().len(),
                SECRETS.len(),
                "{preset}"
            );
        }
        assert!(!NOT_SECRETS.is_empty());
    }

    #[test]
    fn secrets_are_known_by_name() {
        for path in [
            "/.env",
            "/a/b/.env",
            "/.ENV",
            "/.env.production",
            "/prod.env",
            "/keys/server.pem",
            "/server.KEY",
            "/u/.ssh/id_rsa",
            "/u/.ssh/known_hosts",
            "/id_rsa",
            "/id_ed25519_work",
            "/.aws/credentials",
            "/w/.aws/config",
            "/.netrc",
            "/.git-credentials",
            "/.npmrc",
            "/.pypirc",
            "/u/.kube/config",
            "/u/.docker/config.json",
            "/secrets/db.txt",
            "/a/Secrets/deep/db.txt",
            "/config/secrets.yaml",
            "/gcp/service-account-prod.json",
            "/u/.cargo/credentials.toml",
        ] {
            check(path, true);
        }
    }

    #[test]
    fn examples_and_public_keys_are_not_secrets() {
        for path in [
            "/.env.example",
            "/a/.env.sample",
            "/prod.env.template",
            "/id_rsa.pub",
            "/src/main.rs",
            "/src/secrets.rs",
            "/docs/environment.md",
            "/keys.md",
            "/.gitignore",
            "/monkey",
        ] {
            check(path, false);
        }
    }

    #[test]
    fn the_table_of_presets_is_right() {
        let row = |preset: Preset| {
            Operation::ALL
                .map(|operation| preset.otherwise(operation).to_string())
                .join(" ")
        };
        let rows = Preset::ALL.map(row);
        assert_eq!(
            rows,
            [
                "allow allow ask ask ask ask allow allow",
                "allow allow allow allow allow allow allow allow",
                "allow allow deny deny deny deny deny allow",
                "allow ask ask ask ask ask ask allow",
            ]
        );
        assert_eq!(Preset::ReadOnly.rules()[0].action(), Action::Deny);
    }
}
