//! The settings of a client.

use crate::config::TransportConfig;

/// What one client is told once; see the transport's configuration for the meaning of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Decisions remembered at most; 0 = none.
    pub check_cache_entries: usize,
    /// Whether a miss waits for the answer to another request with the same key.
    pub check_join: bool,
    /// Whether tokens are fetched ahead; otherwise every quota is asked for.
    pub quota_cache: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { check_cache_entries: 10_000, check_join: true, quota_cache: true }
    }
}

impl From<&TransportConfig> for Settings {
    fn from(transport: &TransportConfig) -> Settings {
        Settings {
            check_cache_entries: transport.check_cache_capacity(),
            check_join: transport.check_join,
            quota_cache: !transport.disable_quota_cache,
        }
    }
}
