//! How much of everything one run does. The whole run is bounded by these: about ten minutes on two cores.

use std::time::Duration;

/// People of the data set.
pub const USERS: u32 = 1_000;
/// Posts of the data set.
pub const POSTS: u32 = 10_000;
/// Comments of the data set.
pub const COMMENTS: u32 = 100_000;
/// How unequally posts are read and commented: the post of rank r in proportion to r to the power of minus this (YCSB's usual one).
pub const ZIPF_EXPONENT: f64 = 0.99;
/// Products of the shop.
pub const PRODUCTS: u32 = 100;
/// People with a history of orders.
pub const CUSTOMERS: u32 = 200;
/// Orders on the first page of a history.
pub const HISTORY: u32 = 20;
/// Commands at once that make the shop.
pub const FILL_AT_ONCE: usize = 32;
/// Connections of the server that joins.
pub const HISTORY_SERVER_CONNECTIONS: u32 = 16;
/// Every run makes the same choices.
pub const SEED: u64 = 20_260_101;

/// Connections of the two read measurements.
pub const READ_CONNECTIONS: [usize; 2] = [32, 128];
/// Before the first round, so that caches are as in service.
pub const READ_WARM_UP: Duration = Duration::from_secs(2);

/// The pause before each quiet command, in which everything comes to rest.
pub const QUIET_PAUSE: Duration = Duration::from_millis(20);

/// Clients of the two mutation measurements.
pub const MUTATION_CLIENTS: [usize; 2] = [16, 64];
/// Of ten mutations so many add a comment; the others like a post.
pub const COMMENTS_OF_TEN: usize = 7;

/// Clients of those who read and write while passwords are guessed.
pub const BYSTANDERS: usize = 16;
/// Clients who guess: together they keep argon2 and its queue full, and spin on no refusals.
pub const GUESSERS: usize = 64;
/// Accounts for the comparison of an address that is known with one that is not.
pub const KNOWN_ACCOUNTS: usize = 40;
/// Wrong passwords for each of them: one less than would be refused unread.
pub const WRONG_PASSWORDS: usize = 4;

/// Subscribers of one post.
pub const FAN_OUT_SUBSCRIBERS: usize = 10_000;
/// So many of them share a socket: this machine lets one process open so many files and no more.
pub const FAN_OUT_PER_SOCKET: usize = 4;
/// Sockets that are being opened at once.
pub const FAN_OUT_AT_ONCE: usize = 64;

/// A replay that takes longer is measured by how far it came.
pub const REPLAY_TIME_MAX: Duration = Duration::from_secs(60);
/// Every so many-th event's document is upserted: enough documents for one round of the fastest kind.
pub const UPSERT_STRIDE: u32 = 2;
/// Upserts under way at once, where they are.
pub const UPSERTS_AT_ONCE: usize = 32;
/// Upserts in one command, where they are in bulk.
pub const UPSERTS_PER_COMMAND: usize = 1_000;

/// The longest wait for anything that must come: a process that starts, a backlog that drains.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often a condition is looked at.
pub const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How often and how long the two sides of a comparison take turns.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds of ours, theirs, ours, theirs.
    pub read_rounds: usize,
    /// One round of one side.
    pub read_time: Duration,
    /// Commands that are sent one at a time, of each kind.
    pub quiet_commands: usize,
    /// Rounds of ours, theirs, ours, theirs.
    pub mutation_rounds: usize,
    /// One round of one side.
    pub mutation_time: Duration,
    /// Changes that go to all subscribers.
    pub fan_out_rounds: usize,
    /// Rounds of replay, each into an empty database.
    pub replay_rounds: usize,
    /// One round of one kind of bare upsert.
    pub upsert_time: Duration,
}

impl Plan {
    /// For figures.
    pub const FULL: Self = Self {
        read_rounds: 5,
        read_time: Duration::from_secs(4),
        quiet_commands: 300,
        mutation_rounds: 3,
        mutation_time: Duration::from_secs(6),
        fan_out_rounds: 20,
        replay_rounds: 3,
        upsert_time: Duration::from_secs(4),
    };
    /// For somebody who works on the code and wants to know where a change leads.
    pub const SHORT: Self = Self {
        read_rounds: 2,
        read_time: Duration::from_secs(3),
        quiet_commands: 100,
        mutation_rounds: 1,
        mutation_time: Duration::from_secs(4),
        fan_out_rounds: 5,
        replay_rounds: 1,
        upsert_time: Duration::from_secs(2),
    };
}
