//! The relay on a real NATS and a real PostgreSQL.
