//! Acceptance tests: one binary, one module a subject.

mod access;
mod audit;
mod billing;
mod cluster;
mod content;
mod contract;
mod faults;
mod guessing;
mod identity;
mod journey;
mod limits;
mod mail;
mod mfa;
mod oauth;
mod passkeys;
mod people;
mod privacy;
mod readme;
mod resilience;
mod search;
mod social;
mod startup;
mod system;
mod tiers;
mod tokens;
mod verification;
