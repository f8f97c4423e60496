//! Measures the cost of sessions: a look-up, a cold start and one from the warm pool, and memory.
//!
//! `cargo xtask bench sessions` runs it. Without a Docker engine it measures only the manager, over fake sandboxes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this program prints to its user, and exits if it cannot continue"
)]

#[cfg(target_os = "linux")]
mod containers;
mod lookup;
mod memory;
mod table;

use std::path::PathBuf;

use table::Table;

struct Options {
    quick: bool,
    out: Option<PathBuf>,
    /// What to allocate in this process, as a child of the measuring one.
    fill: Option<(String, usize)>,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            quick: false,
            out: None,
            fill: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut next = || args.next().expect("an option needs a value");
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--out" => options.out = Some(next().into()),
                "--fill" => {
                    let what = next();
                    options.fill = Some((what, next().parse().expect("a number")));
                }
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
    if let Some((what, count)) = options.fill {
        println!("{}", memory::fill(&what, count).await);
        return;
    }
    let mut table = Table::new(options.quick);
    lookup::measure(&mut table).await;
    memory::measure(&mut table);
    #[cfg(target_os = "linux")]
    match containers::engine().await {
        Ok(engine) => containers::measure(&mut table, engine).await,
        Err(error) => println!("    without containers: {error}"),
    }
    print!("\n{table}");
    if let Some(out) = options.out {
        std::fs::write(&out, table.json()).unwrap();
        println!("\nwritten to {}", out.display());
    }
}
