//! Acceptance tests: one binary, one module a subject.

mod cluster;
mod content;
mod contract;
mod identity;
mod limits;
mod startup;
mod system;
mod tiers;
