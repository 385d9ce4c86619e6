//! Why a socket is closed, each with the code that clients know it by.

use crate::admission::Ended;

/// The longest reason: a control frame holds 125 bytes, and two are the code's.
const REASON_BYTES_MAX: usize = 123;

/// Why the server closes a socket: code and reason as the protocol names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The close code.
    pub code: u16,
    /// The reason.
    pub reason: String,
}

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self { code, reason }
    }

    /// A frame that is no message of the protocol.
    pub fn malformed() -> Self {
        Self::new(4400, "Invalid message")
    }

    /// An operation before `connection_init` was acknowledged.
    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// `connection_init` was refused, or whoever was let in has signed out since.
    pub fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }

    /// Whoever was let in has other roles now. A code after which clients come back: as whoever they are then.
    pub fn other_roles() -> Self {
        Self::new(1013, "Other roles")
    }

    /// What the viewer was let in by has ended.
    pub fn of_ended(ended: Ended) -> Self {
        match ended {
            Ended::SignIn => Self::forbidden(),
            Ended::Roles => Self::other_roles(),
        }
    }

    /// No `connection_init` in time.
    pub fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// An operation id that is already open.
    pub fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// A second `connection_init`.
    pub fn second_init() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// More sockets of this viewer than there may be. A code after which clients come back: after 4429 they never do.
    pub fn too_many_sockets() -> Self {
        Self::new(1013, "Too many sockets")
    }

    /// The client sends faster than it may. A code after which clients come back.
    pub fn too_many_messages() -> Self {
        Self::new(1013, "Too many messages")
    }

    /// The client speaks no subprotocol of ours.
    pub fn wrong_subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }

    /// A message that is longer than the limit.
    pub fn too_long() -> Self {
        Self::new(1009, "Message too big")
    }

    /// Frames that break the WebSocket protocol itself.
    pub fn broken() -> Self {
        Self::new(1002, "Protocol error")
    }

    /// A text that is no UTF-8.
    pub fn not_text() -> Self {
        Self::new(1007, "Invalid UTF-8")
    }

    /// Who it is could not be found out now. A code after which clients come back.
    pub fn try_again_later() -> Self {
        Self::new(1013, "Try again later")
    }

    /// The server is shutting down; the last event's cursor is where to go on.
    pub fn going_away() -> Self {
        Self::new(1001, "Going away")
    }

    /// The client does not answer pings. A code after which clients come back: a laptop that slept is no error.
    pub fn dead() -> Self {
        Self::new(1001, "Ping timeout")
    }
}

#[cfg(test)]
mod tests {
    use super::super::ID_BYTES_MAX;
    use super::*;

    #[test]
    fn a_reason_fits_into_a_close_frame() {
        for id in ["x".repeat(ID_BYTES_MAX), "ü".repeat(ID_BYTES_MAX / 2), "🂡".repeat(ID_BYTES_MAX / 4)] {
            let reason = Close::duplicate(&id).reason;
            assert!((REASON_BYTES_MAX - 3..=REASON_BYTES_MAX).contains(&reason.len()), "{reason}");
        }
        assert_eq!(Close::duplicate("a").reason, "Subscriber for a already exists");
    }
}
