//! Measures a container through this crate and through a peer, alternating on the same container.
//!
//! `cargo xtask bench docker` runs it. Without a peer it measures this side alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this program prints to its user, and exits if it cannot continue"
)]

mod peer;
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use backend_core::{BackendExt, ExecStatus, Sandbox, SandboxExt, SandboxId};
use sandbox_docker::{DockerSandbox, Engine, Network};

use peer::Peer;
use table::{Row, Table};

const FILE: &str = "/workspace/bench/ours.txt";

/// How many calls one side makes before the other's turn. Neither should be charged for work that the other leaves to the engine,
/// which is still cleaning up the peer's last command when the peer has its answer.
const CALLS_PER_TURN: usize = 10;

/// About a kilobyte.
fn text() -> String {
    "a line of some thirty characters\n".repeat(31)
}

struct Options {
    quick: bool,
    peer: Option<(String, String)>,
    out: Option<PathBuf>,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            quick: false,
            peer: None,
            out: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut next = || args.next().expect("an option needs a value");
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--peer" => options.peer = Some((next(), next())),
                "--out" => options.out = Some(next().into()),
                // Cargo passes this to every benchmark.
                "--bench" => {}
                other => panic!("unknown option '{other}'"),
            }
        }
        options
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let engine = Engine::connect().await.unwrap();
    let peer = options
        .peer
        .as_ref()
        .map(|(python, script)| Peer::start(python, script));
    let image = std::env::var("AGENT_BACKENDS_TEST_IMAGE")
        .unwrap_or_else(|_| "agent-backends-test/debian:latest".to_owned());
    let mut bench = Bench {
        sandbox: start(&engine, &image, Network::None).await,
        engine,
        image,
        peer,
        turns: if options.quick { 1 } else { 20 },
        starts: if options.quick { 1 } else { 20 },
    };
    let rows = bench.run().await;
    bench.sandbox.stop().await.unwrap();
    let versions = bench.peer.take().map(Peer::end);
    let table = Table {
        rows,
        peer: versions,
        quick: options.quick,
    };
    print!("\n{table}");
    if let Some(out) = options.out {
        std::fs::write(&out, table.json()).unwrap();
        println!("\nwritten to {}", out.display());
    }
}

struct Bench {
    engine: Engine,
    image: String,
    sandbox: DockerSandbox,
    peer: Option<Peer>,
    turns: usize,
    starts: usize,
}

impl Bench {
    async fn run(&mut self) -> Vec<Row> {
        let container = format!("agent-backends.{}.{}", namespace(), self.sandbox.id());
        if let Some(peer) = &mut self.peer {
            peer.ask(&format!("attach {container} {}", self.image))
                .unwrap();
            peer.ask("write").unwrap();
        }
        self.sandbox.write(FILE, text()).await.unwrap();
        vec![
            self.row("execute(\"true\")", "execute", 1.0 / 20.0).await,
            self.row("read 1 KB", "read", 1.0 / 50.0).await,
            self.row("write 1 KB", "write", 1.0 / 50.0).await,
            self.row("stat", "stat", 1.0 / 50.0).await,
            self.row("ls of a directory", "ls", 1.0 / 50.0).await,
            self.start_row("create and start", Network::None).await,
            self.start_row("... with a network", Network::Bridge).await,
        ]
    }

    /// Measures one operation on both sides, in turn.
    async fn row(&mut self, name: &'static str, operation: &str, goal: f64) -> Row {
        let mut row = Row::new(name, goal);
        for _ in 0..2 {
            // The first call of each side is not counted.
            self.ours(operation).await;
            self.theirs(operation);
        }
        for _ in 0..self.turns {
            let mut ours = Vec::with_capacity(CALLS_PER_TURN);
            for _ in 0..CALLS_PER_TURN {
                ours.push(self.ours(operation).await);
            }
            for ours in ours {
                let theirs = self.theirs(operation);
                row.add(ours, theirs);
            }
        }
        row
    }

    async fn ours(&self, operation: &str) -> Duration {
        let sandbox = &self.sandbox;
        let started = Instant::now();
        match operation {
            "execute" => {
                let output = sandbox.execute("true").await.unwrap();
                assert_eq!(output.status, ExecStatus::Exited(0));
            }
            "read" => assert!(
                sandbox
                    .read(FILE)
                    .await
                    .unwrap()
                    .text
                    .starts_with("a line of")
            ),
            "write" => drop(sandbox.write(FILE, text()).await.unwrap()),
            "stat" => assert!(sandbox.stat(FILE).await.unwrap().size > 1000),
            "ls" => assert!(
                !sandbox
                    .ls("/workspace/bench")
                    .await
                    .unwrap()
                    .items
                    .is_empty()
            ),
            other => panic!("unknown operation '{other}'"),
        }
        started.elapsed()
    }

    fn theirs(&mut self, operation: &str) -> Option<Duration> {
        match self.peer.as_mut()?.ask(operation) {
            Ok(elapsed) => Some(elapsed),
            Err(error) => {
                // The engine may lack the network that the peer starts a container in.
                println!("the peer: {error}");
                None
            }
        }
    }

    /// Measures the time until a new container can run a command. The peer's always has a network.
    async fn start_row(&mut self, name: &'static str, network: Network) -> Row {
        let mut row = Row::new(name, 1.3);
        for round in 0..=self.starts {
            let started = Instant::now();
            let sandbox = start(&self.engine, &self.image, network.clone()).await;
            let ours = started.elapsed();
            let theirs = self.theirs("start");
            if round > 0 {
                row.add(ours, theirs);
            }
            sandbox.stop().await.unwrap();
            self.theirs("end");
        }
        row
    }
}

fn namespace() -> SandboxId {
    SandboxId::parse(format!("bench-{}", std::process::id())).unwrap()
}

async fn start(engine: &Engine, image: &str, network: Network) -> DockerSandbox {
    DockerSandbox::builder(image)
        .engine(engine.clone())
        .namespace(namespace())
        .network(network)
        .start()
        .await
        .unwrap()
}
