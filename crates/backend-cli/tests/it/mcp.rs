//! `mcp`, with clients that start it and clients that connect to it.

#[cfg(feature = "docker")]
mod containers;
mod ends;
mod every_tool;
mod offers;
mod python;
mod served;
