//! graphql-transport-ws: its messages, its close codes, and the state of one socket. Pure, so that every sequence of frames can be tried as
//! data.
//!
//! Protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

mod close;
mod message;
mod state;
mod turn;

pub use close::Close;
pub use message::{ClientMessage, NextMessage, ServerMessage};
pub use state::{SocketState, Step};
pub use turn::Turn;

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The longest id of an operation. Clients count, or take UUIDs; what is open is kept with its id.
const ID_BYTES_MAX: usize = 128;
