#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod architecture;

pub use architecture::Architecture;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// Returns the guest for an architecture, if this build has it.
///
/// Without the feature `embedded` there is none. With it there is the one for the target, and each one that was passed
/// to the build (see the crate's documentation).
pub fn guest_bytes(architecture: Architecture) -> Option<&'static [u8]> {
    GUESTS
        .iter()
        .find(|(name, _)| *name == architecture.as_str())
        .map(|(_, bytes)| *bytes)
}
