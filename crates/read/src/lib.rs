//! Projections, documents, cache, queries and subscriptions.
