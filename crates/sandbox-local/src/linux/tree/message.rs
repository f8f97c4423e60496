//! The messages between the host and a supervisor. Both are copies of one program, so the messages need no
//! versions.

use rustix::process::Signal;

/// The length of a message from the supervisor.
pub(super) const LENGTH: usize = 8;

/// What the supervisor reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The pid of the command.
    Started(i32),
    /// The command has ended, with this status as `wait` returns it.
    Ended(i32),
    /// Nothing of the tree is left.
    Gone,
}

impl Message {
    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let (tag, value) = match self {
            Self::Started(pid) => (b's', pid),
            Self::Ended(status) => (b'e', status),
            Self::Gone => (b'g', 0),
        };
        let [a, b, c, d] = value.to_le_bytes();
        [tag, 0, 0, 0, a, b, c, d]
    }

    pub(super) fn parse(bytes: [u8; LENGTH]) -> Option<Self> {
        let [tag, _, _, _, a, b, c, d] = bytes;
        let value = i32::from_le_bytes([a, b, c, d]);
        match tag {
            b's' => Some(Self::Started(value)),
            b'e' => Some(Self::Ended(value)),
            b'g' => Some(Self::Gone),
            _ => None,
        }
    }
}

/// What the host asks for, as the byte that it sends: the number of the signal.
pub(super) fn request(signal: Signal) -> u8 {
    // The signals that are sent have numbers below 16 on every target.
    u8::try_from(signal.as_raw()).unwrap_or_default()
}

/// What a byte from the host asks for.
pub(super) fn parse_request(byte: u8) -> Option<Signal> {
    [Signal::HUP, Signal::INT, Signal::KILL, Signal::TERM]
        .into_iter()
        .find(|&signal| request(signal) == byte)
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::{Message, parse_request, request};

    #[test]
    fn messages_and_requests_come_back_as_they_were() {
        for message in [Message::Started(7), Message::Ended(-1), Message::Gone] {
            assert_eq!(Message::parse(message.to_bytes()), Some(message));
        }
        assert_eq!(Message::parse([0; 8]), None);
        for signal in [Signal::HUP, Signal::INT, Signal::KILL, Signal::TERM] {
            assert_eq!(parse_request(request(signal)), Some(signal));
        }
        assert_eq!(parse_request(0), None);
    }
}
