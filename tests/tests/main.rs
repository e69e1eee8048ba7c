//! Acceptance tests: one binary, one module a subject.

mod contract;
mod identity;
mod system;
mod tiers;
