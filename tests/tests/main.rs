//! Acceptance tests: one binary, one module a subject.

mod access;
mod audit;
mod billing;
mod cluster;
mod content;
mod contract;
mod faults;
mod identity;
mod journey;
mod limits;
mod mfa;
mod oauth;
mod people;
mod permissions;
mod readme;
mod resilience;
mod search;
mod social;
mod startup;
mod system;
mod tiers;
mod tokens;
