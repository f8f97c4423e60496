//! Distinguishes a directory from a copy of it.
//!
//! Both can have the same path and the same contents, but not the same inode and birth time: copying, unpacking or restoring
//! creates a new directory. A value that is not available proves nothing either way.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::platform;
use crate::guard::{Guard, holds};

/// The version of the form below.
const VERSION: u32 = 1;

/// Identifies a directory within one file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    inode: u64,
    /// When it was created, in nanoseconds since 1970, where the file system knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born_ns: Option<u64>,
}

impl Place {
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        let meta = fs::symlink_metadata(directory)?;
        let born = meta.created().ok();
        let born = born.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            inode: platform::inode(&meta),
            born_ns: born.and_then(|age| u64::try_from(age.as_nanos()).ok()),
        })
    }

    /// Returns whether both are the same directory, as far as known.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.inode == other.inode && agree(self.born_ns.as_ref(), other.born_ns.as_ref())
    }
}

/// Which root it is, and which manager owns it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    version: u32,
    /// The mark on the sandboxes of its manager.
    pub(super) manager: String,
    place: Place,
    device: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

impl Identity {
    /// Describes a root as it is now.
    pub(super) fn of(root: &Path, manager: String) -> io::Result<Self> {
        Ok(Self {
            version: VERSION,
            manager,
            place: Place::of(root)?,
            device: platform::device(&fs::symlink_metadata(root)?),
            boot: first_line("/proc/sys/kernel/random/boot_id"),
            machine: first_line("/etc/machine-id"),
        })
    }

    pub(super) fn parse(text: &[u8]) -> io::Result<Self> {
        let identity: Self = serde_json::from_slice(text)?;
        if identity.version == VERSION {
            Ok(identity)
        } else {
            Err(io::Error::other("it was written by another version"))
        }
    }

    pub(super) fn to_json(&self) -> io::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(io::Error::other)
    }

    /// Returns whether a root described now is the one described here.
    pub(super) fn is(&self, now: &Self) -> bool {
        if !holds(Guard::RootIdentity) {
            return true;
        }
        // Device numbers are assigned anew at each boot, so they are proof only within one boot.
        let same_boot = self.boot.is_some() && self.boot == now.boot;
        let same_disk = if same_boot {
            self.device == now.device
        } else {
            agree(self.machine.as_ref(), now.machine.as_ref())
        };
        self.place.is(&now.place) && same_disk
    }
}

/// Returns whether two facts do not contradict each other.
fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
    a.zip(b).is_none_or(|(a, b)| a == b)
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Identity, Place};

    fn identity(inode: u64, device: u64, boot: &str, machine: Option<&str>) -> Identity {
        Identity {
            version: 1,
            manager: "m".to_owned(),
            place: Place {
                inode,
                born_ns: Some(7),
            },
            device,
            boot: Some(boot.to_owned()),
            machine: machine.map(str::to_owned),
        }
    }

    #[test]
    fn a_directory_is_itself_and_a_copy_is_another_one() {
        let here = tempfile::tempdir().unwrap();
        let (one, two) = (here.path().join("one"), here.path().join("two"));
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(&two).unwrap();
        let place = Place::of(&one).unwrap();
        assert!(!place.is(&Place::of(&two).unwrap()));
        std::fs::rename(&one, here.path().join("moved")).unwrap();
        assert!(place.is(&Place::of(&here.path().join("moved")).unwrap()));
    }

    #[test]
    fn a_reboot_renumbers_devices_and_makes_no_copy() {
        let before = identity(5, 1, "a", Some("m"));
        assert!(before.is(&identity(5, 9, "b", Some("m"))));
        assert!(before.is(&identity(5, 9, "b", None)));
        // Within one boot another device is another disk, and another machine has another disk.
        assert!(!before.is(&identity(5, 9, "a", Some("m"))));
        assert!(!before.is(&identity(5, 1, "b", Some("n"))));
        assert!(!before.is(&identity(6, 1, "a", Some("m"))));
    }

    #[test]
    fn a_directory_that_was_made_at_another_time_is_another_one() {
        let place = |born_ns| Place { inode: 5, born_ns };
        assert!(!place(Some(1)).is(&place(Some(2))));
        assert!(place(Some(1)).is(&place(None)), "nothing is known");
    }
}
