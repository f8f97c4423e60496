//! Measures the crates of the workspace against their peers: in one process, in turn, on the same input, and only after
//! both sides gave the same answers.
//!
//! `cargo xtask bench` prepares the inputs and the peers, and runs it. A missing peer is named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "this program prints for its user, and panics where it cannot continue"
)]

#[macro_use]
mod row;

mod composite;
mod files;
mod machine;
mod options;
mod original;
mod program;
mod state;
mod table;
mod tree;
mod wire;

use options::Options;
use table::Table;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // On a thread of the runtime, as callers are, and not on the thread that waits for it.
    let done = runtime.block_on(async { tokio::spawn(run(options)).await });
    done.expect("the benchmark failed");
}

async fn run(options: Options) {
    if options.name == "once" {
        return files::once(&options).await;
    }
    let mut table = Table::new(&options);
    match options.name.as_str() {
        "files" => files::run(&options, &mut table).await,
        "state" => state::run(&options, &mut table).await,
        "composite" => composite::run(&options, &mut table).await,
        "wire" => wire::run(&options, &mut table).await,
        other => panic!("unknown benchmark '{other}'"),
    }
    print!("\n{table}");
    if let Some(out) = &options.out {
        std::fs::write(out, table.json()).unwrap();
        println!("\nwritten to {}", out.display());
    }
}
