//! Acceptance tests: one binary, one module a subject.

mod tiers;
