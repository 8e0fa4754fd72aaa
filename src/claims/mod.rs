//! What is known about a subject, and the conditions that a policy or a route sets on it.

pub mod conditions;
pub mod facts;
