//! Over a real MongoDB and a real Redis, filled by a real projector.

mod fills;
mod hits;
mod waits;
mod world;
