//! Which quotas a request needs.

use std::sync::Arc;

/// A quota that a request needs, and how many tokens of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The quota.
    pub name: Arc<str>,
    /// Tokens; at least zero.
    pub charge: i64,
}
