//! Acceptance tests: one binary, one module a subject.

mod contract;
mod system;
mod tiers;
