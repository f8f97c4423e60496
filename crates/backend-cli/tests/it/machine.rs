//! `runtimes`, `doctor`, `completions`, `man`: commands about this machine and this program.

use crate::support::Place;

#[test]
fn runtimes_are_listed_and_shown() {
    let place = Place::new();
    let listed = place.run(["runtimes"]).ok();
    assert!(
        listed.contains("python-web") && listed.contains("node:20-slim"),
        "{listed}"
    );
    let document = place.json(&["runtimes"]);
    assert_eq!(document["runtimes"][0]["name"], "node-minimal");
    let one = place.run(["runtimes", "python-web"]).ok();
    let runtime: backend_core::RuntimeConfig = serde_json::from_str(&one).unwrap();
    assert_eq!(runtime.name(), "python-web");
    let told = place.run(["runtimes", "cobol"]).told(2);
    assert!(told.contains("python-minimal"), "{told}");
}

#[test]
fn doctor_tries_the_available_features() {
    let place = Place::new();
    let ran = place.run(["doctor"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for name in [
        "system:",
        "user:",
        "files:",
        "openat2:",
        "commands:",
        "workspace:",
    ] {
        assert!(ran.text().contains(name), "{name} {}", ran.text());
    }
    let document = place.json(&["doctor"]);
    assert_eq!(document["ok"], true);
    let check = |name: &str| {
        let checks = document["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|check| check["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(check("files")["status"], "ok");
    assert_eq!(check("commands")["status"], "ok");
}

#[test]
fn doctor_reports_failures() {
    let place = Place::new();
    let ran = place.run(["doctor", "--root", "nothing", "--json"]);
    assert_eq!(ran.code, 1);
    let document = ran.json();
    assert_eq!(document["ok"], false);
    let last = document["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(last["status"], "fail");
    assert!(last["detail"].as_str().unwrap().contains("--root nothing"));
}

#[test]
fn every_shell_gets_its_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(["completions", shell]).ok();
        assert!(
            script.contains("agent-backends") && script.contains("no-isolation"),
            "{shell}"
        );
    }
    let script = place.run(["completions", "bash"]).ok();
    assert_eq!(place.json(&["completions", "bash"])["script"], script);
    place.run(["completions", "tcsh"]).told(2);
}

#[test]
fn bash_takes_the_completions() {
    let place = Place::new();
    let script = place.run(["completions", "bash"]).ok();
    place.put("completions.bash", script);
    let line = "source completions.bash; COMP_WORDS=(agent-backends gr); COMP_CWORD=1; \
                words=($(complete -p agent-backends)); \
                for at in ${!words[@]}; do [ ${words[at]} = -F ] && function=${words[at + 1]}; done; \
                $function agent-backends gr agent-backends; echo ${COMPREPLY[@]}";
    let Ok(output) = std::process::Command::new("bash")
        .args(["-c", line])
        .current_dir(place.path())
        .output()
    else {
        println!("skipped: there is no bash");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.trim(),
        "grep",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn there_are_manual_pages() {
    let place = Place::new();
    let page = place.run(["man"]).ok();
    assert!(page.contains(".TH agent-backends 1"), "{page}");
    assert!(page.contains("agent\\-backends\\-grep(1)"), "{page}");
    let grep = place.run(["man", "grep"]).ok();
    assert!(
        grep.contains("agent-backends-grep") && grep.contains("ripgrep"),
        "{grep}"
    );
    assert_eq!(place.json(&["man", "grep"])["page"], grep);
    place.run(["man", "nothing"]).told(2);
}
