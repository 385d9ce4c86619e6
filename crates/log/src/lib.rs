//! Outbox, sequencing, log and keys of persons in PostgreSQL.
