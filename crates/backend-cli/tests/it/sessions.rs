//! `sessions`: the sessions that an application has stored.

use std::path::Path;
use std::time::Duration;

use backend_conformance::FakeProvider;
use backend_core::{BackendExt, RuntimeConfig, SandboxProvider, Workspace};
use backend_fs::FsBackend;
use serde_json::{Value, json};
use session_manager::{SessionManager, SessionOptions};

use crate::support::{Place, Ran};

/// Does something with a manager over pretended sandboxes, as an application would.
fn application<T>(root: &Path, work: impl AsyncFnOnce(&SessionManager<Files>) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let provider = FakeProvider::new(|spec| {
            let workspace = spec.workspace.as_ref().and_then(Workspace::host_directory);
            FsBackend::open(workspace.unwrap())
        });
        let builder = SessionManager::builder(provider).workspace_root(root);
        let manager = builder.without_fsync().build().await.unwrap();
        work(&manager).await
    })
}

type Files = FakeProvider<FsBackend>;

/// Makes sessions of two tenants, one of which has a runtime.
async fn fill(manager: &SessionManager<impl SandboxProvider>) {
    let runtime = RuntimeConfig::builtin("python-minimal").unwrap();
    let options = SessionOptions::new().tenant("acme").runtime(runtime);
    let one = manager.get_or_create_with("one", &options).await.unwrap();
    one.write("notes.txt", "hello\n").await.unwrap();
    one.write(".hidden/f", "12345").await.unwrap();
    let options = SessionOptions::new().tenant("other");
    let two = manager.get_or_create_with("two", &options).await;
    two.unwrap().write("f", "x").await.unwrap();
    manager.get_or_create("three").await.unwrap();
}

/// A root that an application has left in good order.
fn left() -> Place {
    let place = Place::new();
    application(&place.at("root"), async |manager| {
        fill(manager).await;
        assert!(manager.shutdown().await.failures.is_empty());
    });
    place
}

fn run(place: &Place, args: &[&str]) -> Ran {
    let root = ["--workspace-root", "root"];
    place.run(["sessions"].iter().chain(args).chain(&root))
}

fn document(place: &Place, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    run(place, &args).json()
}

#[test]
fn sessions_are_listed_in_order() {
    let place = left();
    let text = run(&place, &["list"]).ok();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let ids: Vec<_> = lines.iter().map(|fields| fields[0]).collect();
    assert_eq!(ids, ["one", "three", "two"]);
    assert_eq!(lines[0][2..], ["python-minimal", "acme", "-"]);
    assert!(lines[0][1].ends_with('Z'));
    assert_eq!(lines[1][2..], ["-", "-", "-"]);
    let found = document(&place, &["list", "--tenant", "acme"]);
    let sessions = found["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["id"], "one");
    assert_eq!(sessions[0]["runtime"], "python-minimal");
    assert_eq!(sessions[0]["sandbox"], Value::Null);
    assert_eq!(found["unreadable"], json!([]));
}

#[test]
fn an_unreadable_record_is_reported_with_the_others() {
    let place = left();
    place.put("root/two/session.json", "{");
    let ran = run(&place, &["list"]);
    assert!(ran.stderr.contains("two"), "{ran:?}");
    assert_eq!(ran.ok().lines().count(), 2);
    let found = document(&place, &["list"]);
    assert_eq!(found["unreadable"][0]["id"], "two");
    assert_eq!(found["unreadable"][0]["error"]["kind"], "internal");
    // It goes by its name alone, and only if it is certain that it has no sandbox.
    assert_eq!(run(&place, &["clean", "two"]).code, 17);
    run(&place, &["clean", "two", "--no-sandboxes"]).ok();
    assert!(!place.at("root/two").exists());
}

#[test]
fn numbers_include_the_size_of_the_files() {
    let place = left();
    let found = document(&place, &["stats"]);
    assert_eq!(found["sessions"], 3);
    assert_eq!(found["tenants"], 2);
    assert_eq!((&found["files"], &found["bytes"]), (&json!(3), &json!(12)));
    assert_eq!(found["owned"], false);
    assert_eq!(found["sandboxes_that_exist"], Value::Null);
    let text = run(&place, &["stats"]).ok();
    assert!(text.contains("sessions               3\n"), "{text}");
    application(&place.at("root"), async |_| {
        assert_eq!(document(&place, &["stats"])["owned"], true);
    });
}

#[test]
fn unused_sessions_are_removed_and_a_dry_run_removes_nothing() {
    let place = left();
    let old = ["clean", "--unused-for", "1ms"];
    let shown = run(&place, &["clean", "--unused-for", "1ms", "--dry-run"]).ok();
    assert_eq!(
        shown,
        "would remove one\nwould remove three\nwould remove two\n"
    );
    assert!(place.at("root/one/workspace/notes.txt").exists());
    assert_eq!(
        run(&place, &["clean", "--unused-for", "1d"]).ok(),
        "0 sessions removed, 0 orphaned sandboxes ended\n"
    );
    let found = document(&place, &["clean", "three"]);
    assert_eq!(
        found,
        json!({ "results": [{ "id": "three", "removed": true }], "orphans_ended": 0,
            "left_alone": [], "unreachable": [], "copied": false, "other_namespaces": [] })
    );
    let removed = run(&place, &old).ok();
    assert!(
        removed.starts_with("removed one\nremoved two\n"),
        "{removed}"
    );
    assert_eq!(document(&place, &["list"])["sessions"], json!([]));
    let unknown = run(&place, &["clean", "three"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("unknown session 'three'"));
}

#[test]
fn a_session_whose_sandbox_may_run_is_spared() {
    let place = Place::new();
    // It ends without a shutdown, as a crash does.
    application(&place.at("root"), async |manager| fill(manager).await);
    place.put("root/.trash/1-1/f", "x");
    place.put("root/.staging/s-1/workspace/f", "x");
    let listed = document(&place, &["list"]);
    assert!(listed["sessions"][0]["sandbox"].is_string());
    let ran = run(&place, &["clean", "one", "--unused-for", "1ms"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stderr.matches("--no-sandboxes").count(), 3, "{ran:?}");
    assert!(place.at("root/one/workspace/notes.txt").exists());
    // Half created and half removed files belong to no session.
    for hidden in ["root/.trash", "root/.staging"] {
        assert_eq!(std::fs::read_dir(place.at(hidden)).unwrap().count(), 0);
    }
    run(&place, &["clean", "one", "--no-sandboxes"]).ok();
    assert!(!place.at("root/one").exists() && place.at("root/two").exists());
}

#[test]
fn a_root_with_a_manager_is_left_alone() {
    let place = left();
    application(&place.at("root"), async |manager| {
        manager.get_or_create("four").await.unwrap();
        let ran = run(&place, &["clean", "one"]);
        assert_eq!(ran.code, 16, "{ran:?}");
        assert!(ran.stderr.contains("a session manager owns"), "{ran:?}");
        assert_eq!(run(&place, &["list"]).ok().lines().count(), 4);
        tokio::time::sleep(Duration::from_millis(1)).await;
    });
    assert!(place.at("root/one/workspace/notes.txt").exists());
}

#[test]
fn a_directory_that_is_not_a_root_does_not_become_one() {
    let place = Place::with(&[("root/file", "x")]);
    for action in ["list", "stats", "clean"] {
        let error = run(&place, &[action]).told(2);
        assert!(error.contains("not a workspace root"), "{error}");
        let missing = place.run(["sessions", action, "--workspace-root", "missing"]);
        assert_eq!(missing.code, 16);
    }
    assert_eq!(std::fs::read_dir(place.at("root")).unwrap().count(), 1);
    assert!(!place.at("missing").exists());
    assert_eq!(place.run(["sessions", "list"]).code, 2);
    let error = document(&place, &["list"]);
    assert_eq!(error["error"]["kind"], "invalid_request");
    for age in ["0d", "x", "-1d", "1e400d"] {
        let refused = run(&place, &["clean", "--unused-for", age]);
        assert_eq!(refused.code, 2, "{age}");
    }
    assert_eq!(run(&place, &["clean", "../x"]).code, 2);
}

/// Sessions whose sandboxes are containers, if there is an engine.
#[cfg(feature = "docker")]
mod engine {
    use std::process::Command;

    use backend_core::{BackendExt, SandboxId};
    use sandbox_docker::{DockerProvider, DockerSandbox, Engine};
    use serde_json::{Value, json};
    use session_manager::{SessionManager, SessionOptions};

    use crate::support::{Place, Ran};

    struct Docker {
        place: Place,
        namespace: String,
    }

    impl Docker {
        fn run(&self, args: &[&str]) -> Ran {
            let common = ["--workspace-root", "root", "--engine", "--namespace"];
            let all = ["sessions"].iter().chain(args).chain(&common);
            self.place
                .run(all.copied().chain([self.namespace.as_str()]))
        }

        fn containers(&self) -> Vec<String> {
            let filter = format!("label=agent-backends.namespace={}", self.namespace);
            let mut command = Command::new("docker");
            let output = command.args(["ps", "-aq", "--filter", &filter]).output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    impl Drop for Docker {
        fn drop(&mut self) {
            for id in self.containers() {
                let _ = Command::new("docker")
                    .args(["rm", "-f", "-v", &id])
                    .output();
            }
        }
    }

    /// Makes two sessions and a warm container in the engine, and leaves them as a crash does.
    async fn crash(engine: Engine, docker: &Docker) {
        let image = std::env::var("AGENT_BACKENDS_TEST_IMAGE")
            .unwrap_or_else(|_| "agent-backends-test/debian:latest".to_owned());
        let template = DockerSandbox::builder(image)
            .engine(engine)
            .user(rustix::process::getuid().as_raw().to_string());
        let provider = DockerProvider::builder(template)
            .namespace(SandboxId::parse(&docker.namespace).unwrap())
            .connect()
            .await
            .unwrap();
        let manager = SessionManager::builder(provider)
            .workspace_root(docker.place.at("root"))
            .warm(None, 1)
            .build()
            .await
            .unwrap();
        let own = SessionOptions::new().env("A", "1");
        for id in ["kept", "left"] {
            let session = manager.get_or_create_with(id, &own).await.unwrap();
            session.write("f", id).await.unwrap();
        }
        while manager.stats().warm == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Returns what such an application left behind, if there is an engine.
    fn crashed(test: &str) -> Option<Docker> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let engine = match runtime.block_on(Engine::connect()) {
            Ok(engine) => engine,
            Err(error) => {
                let required =
                    std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|v| v == "1");
                assert!(!required, "AGENT_BACKENDS_REQUIRE_DOCKER=1, and {error}");
                println!("skipped: {error}");
                return None;
            }
        };
        let docker = Docker {
            place: Place::new(),
            namespace: format!("test-cli-{test}-{}", std::process::id()),
        };
        runtime.block_on(crash(engine, &docker));
        Some(docker)
    }

    #[test]
    fn sandboxes_are_found_in_the_namespace_that_the_application_has_chosen() {
        let Some(docker) = crashed("unsaid") else {
            return;
        };
        let run = |args: &[&str]| {
            let common = ["--workspace-root", "root", "--engine"];
            let all = ["sessions"].iter().chain(args).chain(&common);
            docker.place.run(all.copied())
        };
        let listed = run(&["list", "--json"]).json();
        assert_eq!(listed["sessions"][0]["sandbox_exists"], true);
        // In another namespace they are not, and would be left behind.
        let wrong = run(&["clean", "left", "--namespace", "nobodys-namespace"]);
        assert_ne!(wrong.code, 0);
        assert!(wrong.stderr.contains(&docker.namespace), "{wrong:?}");
        assert_eq!(docker.containers().len(), 3);
        assert!(docker.place.at("root/left").exists());
        let cleaned = run(&["clean", "left", "--json"]).json();
        assert_eq!(
            cleaned,
            json!({
                "results": [{ "id": "left", "removed": true }],
                "orphans_ended": 1,
                "left_alone": [],
                "unreachable": [],
                "copied": false,
                "other_namespaces": [],
            })
        );
        assert_eq!(docker.containers().len(), 1);
        run(&["clean", "kept"]).ok();
        assert_eq!(docker.containers(), [""; 0]);
    }

    #[test]
    fn an_orphan_in_a_namespace_that_cannot_be_known_is_pointed_out() {
        let Some(docker) = crashed("unknown") else {
            return;
        };
        let run = |args: &[&str]| {
            let common = ["--workspace-root", "root", "--engine"];
            let all = ["sessions"].iter().chain(args).chain(&common);
            docker.place.run(all.copied())
        };
        // Only the one of the pool is left, and no record names it.
        let listed = run(&["list", "--json"]).json();
        for session in listed["sessions"].as_array().unwrap() {
            let sandbox = session["sandbox"].as_str().unwrap();
            let container = format!("agent-backends.{}.{sandbox}", docker.namespace);
            let mut remove = Command::new("docker");
            let removed = remove.args(["rm", "-f", "-v", &container]).output();
            assert!(removed.unwrap().status.success());
        }
        let unsaid = run(&["clean"]);
        assert!(unsaid.stderr.contains("--namespace"), "{unsaid:?}");
        assert!(unsaid.stderr.contains(&docker.namespace), "{unsaid:?}");
        let others = run(&["clean", "--json"]).json()["other_namespaces"].clone();
        let ours = json!(docker.namespace);
        assert!(others.as_array().unwrap().contains(&ours), "{others}");
        assert_eq!(docker.containers().len(), 1);
        let cleaned = docker.run(&["clean", "--json"]).json();
        assert_eq!(cleaned["orphans_ended"], 1);
        assert_eq!(cleaned["other_namespaces"], json!([]));
        assert_eq!(docker.containers(), [""; 0]);
    }

    #[test]
    fn a_session_is_removed_with_its_container_and_orphans_too() {
        let Some(docker) = crashed("sessions") else {
            return;
        };
        assert_eq!(docker.containers().len(), 3);
        let listed: Value = docker.run(&["list", "--json"]).json();
        assert_eq!(listed["sessions"][0]["sandbox_exists"], true);
        let stats = docker.run(&["stats", "--json"]).json();
        assert_eq!(
            (&stats["sandboxes"], &stats["sandboxes_that_exist"]),
            (&json!(2), &json!(2))
        );
        let cleaned = docker.run(&["clean", "left", "--json"]).json();
        assert_eq!(
            cleaned,
            json!({ "results": [{ "id": "left", "removed": true }], "orphans_ended": 1,
                "left_alone": [], "unreachable": [], "copied": false, "other_namespaces": [] })
        );
        // The other one runs on, for the application to take over.
        assert_eq!(docker.containers().len(), 1);
        assert!(!docker.place.at("root/left").exists());
        assert_eq!(docker.place.text("root/kept/workspace/f"), "kept");
        let text = docker.run(&["list"]).ok();
        assert!(
            text.starts_with("kept ") && !text.contains("gone"),
            "{text}"
        );
        assert_eq!(
            docker.run(&["clean", "kept"]).ok(),
            "removed kept\n1 sessions removed, 0 orphaned sandboxes ended\n"
        );
        assert_eq!(docker.containers(), [""; 0]);
    }
}
