//! Quotas: which ones a request needs, and tokens fetched ahead so that most requests need not ask.

mod cache;
mod pools;
mod prefetch;
mod spec;
mod usage;

pub use cache::{Charged, QuotaCache, Refill};
pub use prefetch::{Charge, Grant, Pool, RefillId};
pub use spec::{QuotaRules, Requirement};
