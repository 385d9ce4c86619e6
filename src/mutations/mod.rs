//! Every mutation, one entry each, in its noun's file: the only place where a command meets the objects that its payload shows.

mod comment;
mod entry;
mod follow;
#[cfg(test)]
mod inputs;
mod like;
mod order;
mod payload;
mod post;
mod product;
mod user;
mod wallet;

pub use entry::Entry;
pub use payload::CommandPayload;

use crate::command_port::RemoteAnswer;
use async_graphql::MergedObject;
use millrace_command::{Commands, Request, Sender};
use serde_json::Value;

/// The root, and the entries of all nouns: one list, so that neither can fall behind the other.
macro_rules! root {
    ($($noun:ty,)*) => {
        /// Commands: each changes something, or tells why not.
        #[derive(MergedObject, Default)]
        pub struct Mutation($($noun,)*);

        const NOUNS: &[&[Entry]] = &[$(<$noun>::ENTRIES,)*];
    };
}

root! {
    user::UserMutations,
    follow::FollowMutations,
    post::PostMutations,
    comment::CommentMutations,
    like::LikeMutations,
    product::ProductMutations,
    order::OrderMutations,
    wallet::WalletMutations,
}

fn entry(name: &str) -> Option<&'static Entry> {
    NOUNS.iter().copied().flatten().find(|entry| entry.name == name)
}

/// True if a mutation may be sent with a token whose sign-in has ended: sending it again gets the first answer.
pub fn takes_ended_sign_ins(name: &str) -> bool {
    entry(name).is_some_and(|entry| entry.sender == Sender::SignedInOrOut)
}

/// Handles a command that came over the internal API, by its name; none if there is no such command.
pub async fn dispatch(commands: &Commands, name: &str, request: Request, input: Value) -> Option<RemoteAnswer> {
    let entry = entry(name)?;
    Some((entry.handle)(commands, request, input).await)
}
