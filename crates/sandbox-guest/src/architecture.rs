//! The machines that a guest can be built for.

use std::fmt;

/// The architecture of a guest: Linux on one of these machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Architecture {
    /// 64-bit x86, also called amd64.
    X86_64,
    /// 64-bit ARM, also called arm64.
    Aarch64,
}

impl Architecture {
    /// Returns the architecture by the name that a kernel (`x86_64`, `aarch64`) or a container engine (`amd64`, `arm64`)
    /// uses.
    ///
    /// # Examples
    ///
    /// ```
    /// use sandbox_guest::Architecture;
    ///
    /// assert_eq!(Architecture::from_name("amd64"), Some(Architecture::X86_64));
    /// assert_eq!(Architecture::from_name("pdp11"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "x86_64" | "amd64" | "x86-64" => Some(Self::X86_64),
            "aarch64" | "arm64" | "arm64/v8" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// Returns the architecture of this machine, if it is one of these.
    pub fn here() -> Option<Self> {
        Self::from_name(std::env::consts::ARCH)
    }

    /// Returns the name that a kernel uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Architecture;
    use crate::guest_bytes;

    #[test]
    fn names_round_trip() {
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            let name = architecture.to_string();
            assert_eq!(Architecture::from_name(&name), Some(architecture));
        }
    }

    #[test]
    fn an_embedded_guest_is_a_program() {
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            if let Some(bytes) = guest_bytes(architecture) {
                assert_eq!(&bytes[..4], b"\x7fELF");
                assert!(bytes.len() < 8 << 20);
            }
        }
        let here = Architecture::here().and_then(guest_bytes);
        assert_eq!(here.is_some(), cfg!(feature = "embedded"));
    }
}
