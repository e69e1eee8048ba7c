//! What happens around every handler, from the outside in: farewell, context and
//! rendering, CORS, compression, rate limits, intake, idempotency.

pub mod context;
pub mod farewell;
mod foreign;
pub mod idempotency;
pub mod intake;
pub mod paths;
pub mod rate_limit;
mod streamed;
pub mod tus;
