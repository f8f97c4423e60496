//! Rules as files: both formats, round trips, and what is refused.

use backend_core::{Backend, BackendExt, ErrorKind};
use backend_guard::{Action, Guarded, Method, Operation, Permissions, Preset, Rule};
use backend_state::StateBackend;

const TOML: &str = r#"
preset = "default"
default = "ask"

[defaults]
write = "allow"

[[rules]]
action = "deny"
operations = ["read", "write"]
paths = ["/customers/**", "[!a]*.secret"]
except = ["/customers/README.md"]
ignore_case = true
reason = "customer data"

[[rules]]
action = "allow"
commands = ["cargo test", "git diff"]
"#;

#[test]
fn rules_are_the_same_in_both_formats_and_back() {
    let rules = Permissions::from_toml(TOML).unwrap();
    let by_hand = Permissions::preset(Preset::Default);
    assert_ne!(rules, by_hand);
    assert_eq!(rules.rules().count(), 3);
    assert_eq!(rules.otherwise(Operation::Write), Action::Allow);
    assert_eq!(rules.otherwise(Operation::Read), Action::Ask);
    let again = Permissions::from_toml(&rules.to_toml().unwrap()).unwrap();
    assert_eq!(again, rules);
    let again = Permissions::from_json(&rules.to_json().unwrap()).unwrap();
    assert_eq!(again, rules);
    for preset in Preset::ALL {
        let text = format!("preset = \"{preset}\"\n");
        let rules = Permissions::from_toml(&text).unwrap();
        assert_eq!(rules, Permissions::preset(preset));
        assert_eq!(rules.to_toml().unwrap(), text);
    }
    assert_eq!(
        Permissions::from_json("{}").unwrap(),
        Permissions::default()
    );
}

#[track_caller]
fn refused(toml: &str, words: &str) {
    let error = Permissions::from_toml(toml).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{toml}");
    assert!(error.to_string().contains(words), "{toml}: {error}");
}

#[test]
fn mistakes_in_a_file_are_errors_when_it_is_read() {
    refused("presets = \"default\"", "presets");
    refused("preset = \"defaults\"", "defaults");
    refused("default = \"maybe\"", "maybe");
    refused("[defaults]\nfly = \"allow\"", "fly");
    refused("[[rules]]\npaths = [\"a\"]", "action");
    refused("[[rules]]\naction = \"deny\"\npath = [\"a\"]", "path");
    refused("[[rules]]\naction = \"deny\"\npaths = [\"[a\"]", "[a");
    refused("[[rules]]\naction = \"deny\"\npaths = [\"!a\"]", "!a");
    refused("[[rules]]\naction = \"deny\"\npaths = [\"../a\"]", "..");
    refused("[[rules]]\naction = \"deny\"\ncommands = [\"'a\"]", "quote");
    refused(
        "[[rules]]\naction = \"deny\"\npaths = [\"a\"]\ncommands = [\"a\"]",
        "not both",
    );
    refused(
        "[[rules]]\naction = \"deny\"\noperations = [\"execute\"]\npaths = [\"a\"]",
        "cannot be about execute",
    );
    refused(
        "[[rules]]\naction = \"deny\"\noperations = [\"read\"]\ncommands = [\"a\"]",
        "cannot be about read",
    );
    refused(
        "[[rules]]\naction = \"deny\"\nignore_case = true\npaths = [\"[Z-a]\"]",
        "case",
    );
    refused("= 1", "line 1");
    assert!(
        Permissions::from_json("{\"rules\": [{\"action\": \"deny\", \"paths\": [\"[a\"]}]}")
            .is_err()
    );
    assert!(Permissions::from_json("[1]").is_err());
}

#[test]
fn a_rule_that_could_never_apply_cannot_be_made() {
    let deny = || Rule::new(Action::Deny);
    assert!(deny().paths(["{a"]).is_err());
    assert!(deny().except([""]).is_err());
    assert!(deny().commands([""]).is_err());
    assert!(deny().paths(["a"]).unwrap().commands(["a"]).is_err());
    assert!(
        deny()
            .paths(["a"])
            .unwrap()
            .operations([Operation::Stop])
            .is_err()
    );
    assert!(
        deny()
            .operations([Operation::Execute])
            .unwrap()
            .paths(["a"])
            .is_err()
    );
    assert!(deny().commands(["a"]).unwrap().ignore_case().is_err());
}

/// The table in the guide matches the code.
#[test]
fn the_guide_has_the_table_of_methods() {
    let guide = include_str!("../../docs/permissions.md");
    for method in Method::ALL {
        let names = |operations: &[Operation]| {
            let names: Vec<String> = operations.iter().map(|op| format!("`{op}`")).collect();
            names.join(", ")
        };
        let mut row = format!("| `{method}` | {} |", names(method.needs()));
        if !method.needs_at_target().is_empty() {
            row = format!(
                "| `{method}` | {}; {} where it goes |",
                names(method.needs()),
                names(method.needs_at_target())
            );
        }
        assert!(guide.contains(&row), "the guide lacks\n{row}");
    }
}

#[tokio::test]
async fn an_empty_ruleset_denies_everything() {
    let backend = StateBackend::new();
    backend.write("/a", "x").await.unwrap();
    let guarded = Guarded::new(backend, Permissions::default());
    let denied = ErrorKind::PermissionDenied;
    assert_eq!(guarded.read("/a").await.unwrap_err().kind(), denied);
    assert_eq!(guarded.stat("/").await.unwrap_err().kind(), denied);
    assert_eq!(guarded.ls("/").await.unwrap_err().kind(), denied);
    assert_eq!(guarded.glob("**").await.unwrap_err().kind(), denied);
    assert_eq!(guarded.grep("x").await.unwrap_err().kind(), denied);
    assert!(guarded.capabilities().read_only);
    for operation in Operation::ALL {
        assert!(!guarded.offers(operation));
    }
}

#[tokio::test]
async fn a_refusal_asks_the_model_not_to_work_around_it() {
    let backend = StateBackend::new();
    let rules = Permissions::from_toml(TOML).unwrap();
    let guarded = Guarded::new(backend, rules);
    let error = guarded.read("/Customers/a").await.unwrap_err();
    assert_eq!(
        error.for_model(),
        "/Customers/a: permission denied: the rules of this workspace do not allow reading it: customer data\n\
         Do not try to work around this; tell the user what you need."
    );
}
