//! The command side on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that meets an error should fail with it")]

mod accounts;
mod at_home;
mod bank;
mod comments;
mod concurrency;
mod credentials;
mod erasing_again;
mod erasure;
mod erasure_races;
mod expiry;
mod export;
mod export_words;
mod faults;
mod floods;
mod follows;
mod hiding;
mod idempotency;
mod likes;
mod mailbox;
mod mails;
mod market;
mod old_database;
mod one_account;
mod passwords;
mod posts;
mod proxy;
mod repeated_sign_up;
mod roles;
mod schema;
mod sessions;
mod shop;
mod stranger;
mod traces;
mod world;
