//! Nothing but its example: `cargo run --release --example quickstart`.
