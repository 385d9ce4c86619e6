//! millrace: a GraphQL backend where every mutation is a command and every query is a ready answer.
//!
//! This package puts the sides together: roles, settings, the schema, HTTP. What each side does is in its crate:
//! `millrace-command` writes, `millrace-log` keeps the order, `millrace-relay` copies, `millrace-read` folds and answers.

pub mod admin;
pub mod admission;
pub mod answered;
pub mod api;
pub mod checked;
pub mod cli;
pub mod command_port;
pub mod dev;
pub mod documents;
pub mod ended_sign_in;
pub mod erasure;
pub mod http;
pub mod keys;
pub mod mail;
pub mod mutations;
pub mod openid;
pub mod panics;
pub mod parked;
pub mod places;
pub mod responses;
pub mod roles;
pub mod schema;
pub mod seed;
pub mod settings;
pub mod shared_operation;
pub mod shutdown;
pub mod story;
pub mod telemetry;
pub mod weights;
