//! A new life of the log.
