//! What people may ask of their own data: a copy (GDPR, articles 15 and 20; PIPL, article
//! 45), and its end (GDPR, article 17; PIPL, article 47).

mod departures;
mod exports;

pub use departures::{Departures, LEAVE, Leave};
pub use exports::{BuildExport, ExportLink, Exports, PrivacyPorts};

#[cfg(test)]
mod tests;
