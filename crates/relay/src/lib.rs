//! Copies the log into JetStream, verifies and refills it.
