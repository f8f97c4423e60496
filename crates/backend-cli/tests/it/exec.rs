//! `exec`, on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::json;

use crate::support::{Place, Ran};

fn exec(place: &Place, args: &[&str]) -> Ran {
    place.run(["exec", "--no-isolation"].iter().chain(args))
}

#[test]
fn the_two_streams_and_the_code_are_passed_on() {
    let place = Place::with(&[("a", "A")]);
    let ran = exec(&place, &["-c", "cat a; echo err >&2; exit 7"]);
    assert_eq!(ran.code, 7);
    assert_eq!(ran.text(), "A");
    assert_eq!(ran.stderr, "err\n");
    assert_eq!(
        exec(&place, &["--", "echo", "--json", "-c"]).ok(),
        "--json -c\n"
    );
    assert_eq!(
        exec(&place, &["echo", "--timeout", "x"]).ok(),
        "--timeout x\n"
    );
}

#[test]
fn commands_need_to_be_allowed() {
    let place = Place::new();
    let told = place.run(["exec", "--", "true"]).told(125);
    assert!(told.contains("--no-isolation"), "{told}");
    let error = &place.json(&["exec", "-c", "true"])["error"];
    assert_eq!(error["kind"], "unsupported");
    assert_eq!(error["exit_code"], 125);
    place
        .run(["exec", "--no-isolation", "--state", "s.json", "-c", "true"])
        .told(2);
    place
        .run(["exec", "--no-isolation", "--read-only", "-c", "true"])
        .told(2);
    assert!(!place.at("s.json").exists());
}

#[test]
fn ends_have_codes_of_their_own() {
    let place = Place::with(&[("data", "x")]);
    for (args, code) in [
        (["-c", "exit 124"].as_slice(), 124),
        (&["--timeout", "100ms", "-c", "sleep 600"], 124),
        (&["-c", "kill -9 $$"], 137),
        (&["--", "no-such-program"], 127),
        (&["--", "./data"], 126),
        (&["--cwd", "nothing", "--", "true"], 125),
        (&["-c", "exit 300"], 44),
    ] {
        assert_eq!(exec(&place, args).code, code, "{args:?}");
    }
    let told = exec(&place, &["--timeout", "100ms", "-c", "sleep 600"]).told(124);
    assert!(told.contains("timed out after 100ms"), "{told}");
}

#[test]
fn json_has_the_status() {
    let place = Place::new();
    let run = |line: &str| place.json(&["exec", "--no-isolation", "--timeout", "1s", "-c", line]);
    let ended = run("echo out; echo err >&2; exit 124");
    assert_eq!(ended["status"], "exited");
    assert_eq!(ended["code"], 124);
    assert_eq!(ended["signal"], json!(null));
    assert_eq!(ended["stdout"], json!({ "text": "out\n", "omitted": 0 }));
    assert_eq!(ended["stderr"]["text"], "err\n");
    assert_eq!(ended["exit_code"], 124);
    let late = run("echo early; sleep 600");
    assert_eq!(late["status"], "timed_out");
    assert_eq!(late["stdout"]["text"], "early\n");
    assert_eq!(late["exit_code"], 124);
    assert_eq!(run("kill -15 $$")["signal"], 15);
    assert_eq!(run("printf '\\377'")["stdout"]["base64"], "/w==");
}

#[test]
fn a_command_gets_what_it_is_given_and_nothing_else() {
    let place = Place::with(&[("d/x", "")]);
    let mut command = place.command(["exec", "--no-isolation", "-e", "A=b c", "--", "env"]);
    let ran = Ran::of(command.env("SECRET", "s").output().unwrap());
    let env = ran.ok();
    assert!(env.contains("A=b c\n") && !env.contains("SECRET"), "{env}");
    assert_eq!(exec(&place, &["--cwd", "d", "--", "ls"]).ok(), "x\n");
    // The input is passed on if requested.
    let args = ["exec", "--no-isolation", "-i", "--", "wc", "-c"];
    let big = vec![b'x'; 5 << 20];
    assert_eq!(place.feed(&big, args).ok().trim(), big.len().to_string());
    let args = ["exec", "--no-isolation", "--", "wc", "-c"];
    assert_eq!(place.feed("xyz", args).ok().trim(), "0");
    let args = ["exec", "--no-isolation", "-i", "--json", "--", "cat"];
    assert_eq!(place.feed("xyz", args).json()["stdout"]["text"], "xyz");
}

#[test]
fn output_comes_while_the_command_runs() {
    let place = Place::new();
    let args = [
        "exec",
        "--no-isolation",
        "-i",
        "-c",
        "echo ready; read line; echo got $line",
    ];
    let mut command = place.command(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child.stdin.take().unwrap().write_all(b"it\n").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "got it\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn much_output_comes_whole() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(20 << 20).collect();
    place.put("big", &bytes);
    let ran = exec(&place, &["--", "cat", "big"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout == bytes);
}

#[test]
fn lost_output_is_reported() {
    let place = Place::new();
    let args = ["exec", "--no-isolation", "--output-bytes", "4k", "-c"];
    let line = "dd if=/dev/zero bs=1M count=64 2>/dev/null; touch done";
    let mut command = place.command(args.iter().chain(&[line]));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A reader that waits until the command has ended.
    while !place.at("done").exists() {
        std::thread::yield_now();
    }
    let mut output = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("bytes of output were lost"),
        "{}",
        ran.stderr
    );
    assert!(output.len() < 64 << 20);
}

#[test]
fn processes_left_by_a_command_end_with_the_program() {
    let place = Place::new();
    let line = "setsid sh -c 'echo $$ > pid; exec sleep 600' & while [ ! -s pid ]; do :; done";
    exec(&place, &["-c", line]).ok();
    let pid: i32 = place.text("pid").trim().parse().unwrap();
    let gone = rustix::process::test_kill_process(rustix::process::Pid::from_raw(pid).unwrap());
    assert!(gone.is_err(), "{pid} still runs");
}
