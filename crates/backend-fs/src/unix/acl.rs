//! Access lists as Linux stores them, and their equivalent where only a mode is left.

use std::ffi::CStr;

/// The attribute with the list of a file.
pub(crate) const ACCESS: &CStr = c"system.posix_acl_access";

/// The attribute of a directory with the list for new entries in it.
pub(crate) const DEFAULT: &CStr = c"system.posix_acl_default";

const VERSION: u32 = 2;
const HEADER: usize = 4;
const ENTRY: usize = 8;

/// The subject of an entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Owner,
    User,
    OwningGroup,
    Group,
    Mask,
    Others,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    whom: Whom,
    rights: u16,
    /// The offset of the permissions.
    at: usize,
}

/// The list of a file.
#[derive(Clone, Debug)]
pub(crate) struct AccessList {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl AccessList {
    /// Reads a list, if it is one that this crate knows.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<HEADER>()?;
        if u32::from_le_bytes(*version) != VERSION || rest.len() % ENTRY != 0 {
            return None;
        }
        let mut entries = Vec::new();
        for (index, entry) in rest.chunks_exact(ENTRY).enumerate() {
            let [tag0, tag1, rights0, rights1, ..] = *entry else {
                return None;
            };
            let whom = match u16::from_le_bytes([tag0, tag1]) {
                0x01 => Whom::Owner,
                0x02 => Whom::User,
                0x04 => Whom::OwningGroup,
                0x08 => Whom::Group,
                0x10 => Whom::Mask,
                0x20 => Whom::Others,
                _ => return None,
            };
            entries.push(Entry {
                whom,
                rights: u16::from_le_bytes([rights0, rights1]) & 7,
                at: HEADER + index * ENTRY + 2,
            });
        }
        Some(Self {
            bytes: bytes.to_vec(),
            entries,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the list for a file that now belongs to another group, which gets no more than others. The members of
    /// the previous one are among the others now, who get no more than it had.
    pub(crate) fn for_another_group(mut self) -> Self {
        let all = |whom| self.rights(whom).fold(7, |all, one| all & one);
        let both = all(Whom::OwningGroup) & all(Whom::Mask) & all(Whom::Others);
        for entry in &mut self.entries {
            if matches!(entry.whom, Whom::OwningGroup | Whom::Others) {
                entry.rights = both;
                if let Some(low) = self.bytes.get_mut(entry.at) {
                    // The permissions are three bits.
                    *low = (entry.rights & 7) as u8;
                }
            }
        }
        self
    }

    /// Returns the permissions that the mode of a file with this list has for the group, which are those of the mask, and
    /// for others.
    pub(crate) fn shown(&self) -> (u16, u16) {
        let mask = self.rights(Whom::Mask).next();
        let group = mask.or_else(|| self.rights(Whom::OwningGroup).next());
        let others = self.rights(Whom::Others).next();
        (group.unwrap_or_default(), others.unwrap_or_default())
    }

    /// Returns the permissions of the owning group and of others where the list itself cannot be kept: no more
    /// than any user had who falls under one of the two.
    pub(crate) fn as_mode(&self) -> (u16, u16) {
        let all = |whom| self.rights(whom).fold(7, |all, one| all & one);
        let mask = all(Whom::Mask);
        let named = all(Whom::User);
        let group = all(Whom::OwningGroup) & mask & named;
        let others = all(Whom::Others) & named & all(Whom::Group);
        (group, others)
    }

    fn rights(&self, whom: Whom) -> impl Iterator<Item = u16> {
        let entries = self.entries.iter();
        entries
            .filter(move |entry| entry.whom == whom)
            .map(|entry| entry.rights)
    }
}

#[cfg(test)]
mod tests {
    use super::AccessList;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(rights.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    /// The owner everything, user 9 `user`, the group `group`, a mask `mask`, others `others`.
    fn usual(user: u16, group: u16, mask: u16, others: u16) -> AccessList {
        let none = u32::MAX;
        AccessList::parse(&list(&[
            (0x01, 7, none),
            (0x02, user, 9),
            (0x04, group, none),
            (0x10, mask, none),
            (0x20, others, none),
        ]))
        .unwrap()
    }

    #[test]
    fn a_mask_never_becomes_the_permissions_of_a_group() {
        assert_eq!(usual(6, 0, 6, 0).as_mode(), (0, 0));
        assert_eq!(usual(6, 7, 4, 4).as_mode(), (4, 4));
    }

    #[test]
    fn a_user_with_less_than_others_gains_nothing_without_the_list() {
        assert_eq!(usual(0, 6, 7, 4).as_mode(), (0, 0));
        assert_eq!(usual(4, 6, 7, 6).as_mode(), (4, 4));
    }

    #[test]
    fn another_group_and_others_get_what_both_had() {
        let list = usual(6, 6, 7, 4).for_another_group();
        let again = AccessList::parse(list.bytes()).unwrap();
        assert_eq!(again.as_mode(), (4, 4));
        assert_eq!(again.shown(), (7, 4));
        assert_eq!(list.bytes().len(), again.bytes().len());
        for list in [usual(7, 0, 7, 6), usual(7, 6, 1, 6), usual(7, 6, 7, 0)] {
            assert_eq!(list.for_another_group().as_mode(), (0, 0));
        }
    }

    #[test]
    fn bytes_that_are_not_a_list_are_not_taken_for_one() {
        for odd in [&[][..], &[2, 0, 0], &[3, 0, 0, 0], &[2, 0, 0, 0, 1, 0]] {
            assert!(AccessList::parse(odd).is_none(), "{odd:?}");
        }
        assert!(AccessList::parse(&list(&[(0x40, 7, 0)])).is_none());
    }
}
