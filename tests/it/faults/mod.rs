//! What may happen to the servers themselves: lost, foreign, older or full data, and restarts under load. Each ends in the promised
//! state, or in the promised stop that an operator sees and can end.

mod disk;
mod documents;
mod fold_version;
mod history;
mod log;
mod operator;
mod scene;
mod stream;
