//! What the client counts.

/// Declares the counters with the names under which they are published.
macro_rules! counters {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A counter of the client. The invariants between them are stated at [`Stats`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum Counter { $($(#[$doc])+ $variant,)+ }

        impl Counter {
            /// All counters in the order of their numbers.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// The name under which the counter is published, without a prefix.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Each Check that reached the client.
    CheckCalls = "total_check_calls",
    /// Decided by a cached decision.
    CheckCacheHits = "total_check_cache_hits",
    /// Not decided by a cached decision.
    CheckCacheMisses = "total_check_cache_misses",
    /// Hits that let pass.
    CheckCacheHitAccepts = "total_check_cache_hit_accepts",
    /// Hits that refuse.
    CheckCacheHitDenies = "total_check_cache_hit_denies",
    /// Cached decisions found too old or used up.
    CheckCacheExpirations = "total_check_cache_expirations",
    /// Cached decisions passed over because the Mixer's configuration has changed since.
    CheckCacheOutdated = "total_check_cache_outdated",
    /// Cached decisions that gave way to newer ones.
    CheckCacheEvictions = "total_check_cache_evictions",
    /// Misses that waited for the answer to another request with the same key.
    CheckJoins = "total_check_joins",
    /// Joined misses which that answer did not decide, so that they asked themselves.
    CheckJoinMisses = "total_check_join_misses",
    /// Remote Checks because of a miss.
    RemoteCheckCalls = "total_remote_check_calls",
    /// Remote Checks whose policy decision, or fail policy, let pass.
    RemoteCheckAccepts = "total_remote_check_accepts",
    /// Remote Checks whose policy decision, or fail policy, refused.
    RemoteCheckDenies = "total_remote_check_denies",
    /// Requests let pass because the Mixer could not be asked or failed.
    CheckFailOpen = "total_check_fail_open",
    /// Requests refused because the Mixer could not be asked or failed.
    CheckFailClose = "total_check_fail_close",
    /// Checks that need quota and were not refused by a cached decision.
    QuotaCalls = "total_quota_calls",
    /// Quota decided from pools.
    QuotaCacheHits = "total_quota_cache_hits",
    /// Quota not decided from pools.
    QuotaCacheMisses = "total_quota_cache_misses",
    /// Pool decisions that let pass.
    QuotaCacheHitAccepts = "total_quota_cache_hit_accepts",
    /// Pool decisions that refuse.
    QuotaCacheHitDenies = "total_quota_cache_hit_denies",
    /// Remote Checks that carry quota.
    RemoteQuotaCalls = "total_remote_quota_calls",
    /// Quota answers that let pass; a failed call counts here too.
    RemoteQuotaAccepts = "total_remote_quota_accepts",
    /// Quota answers that refuse.
    RemoteQuotaDenies = "total_remote_quota_denies",
    /// Remote Checks in the background that refill pools.
    RemoteQuotaPrefetchCalls = "total_remote_quota_prefetch_calls",
    /// Quotas that passed or filled a pool because the Mixer gave no answer for them.
    QuotaFailOpen = "total_quota_fail_open",
    /// Remote Checks started; retries are not counted.
    RemoteCalls = "total_remote_calls",
    /// Attempts answered.
    RemoteCallSuccesses = "total_remote_call_successes",
    /// Attempts without an answer in time.
    RemoteCallTimeouts = "total_remote_call_timeouts",
    /// Attempts that did not get through.
    RemoteCallSendErrors = "total_remote_call_send_errors",
    /// Attempts that failed otherwise.
    RemoteCallOtherErrors = "total_remote_call_other_errors",
    /// Retries scheduled.
    RemoteCallRetries = "total_remote_call_retries",
    /// Attempts in flight given up because the request went away.
    RemoteCallCancellations = "total_remote_call_cancellations",
    /// Each report.
    ReportCalls = "total_report_calls",
    /// Each batch sent; retries are not counted.
    RemoteReportCalls = "total_remote_report_calls",
    /// Attempts to send a batch that were acknowledged.
    RemoteReportSuccesses = "total_remote_report_successes",
    /// Attempts to send a batch without an answer in time.
    RemoteReportTimeouts = "total_remote_report_timeouts",
    /// Attempts to send a batch that did not get through.
    RemoteReportSendErrors = "total_remote_report_send_errors",
    /// Attempts to send a batch that failed otherwise.
    RemoteReportOtherErrors = "total_remote_report_other_errors",
    /// Batches sent again.
    RemoteReportRetries = "total_remote_report_retries",
    /// Header operations of an answer that cannot be carried out and are left out.
    InvalidHeaderOperations = "total_invalid_header_operations",
    /// How often the Mixer did not know words of the dictionary, so that fewer are used from then on.
    DictionaryShrinks = "total_dictionary_shrinks",
}

/// How many counters there are.
pub const COUNTERS: usize = Counter::ALL.len();

/// The counters of one client, which only grow.
///
/// At all times: check calls = hits + misses; hits = hit accepts + hit denies; remote check calls = misses − joins +
/// join misses; quota calls = quota hits + quota misses; quota hits = hit accepts + hit denies; remote quota calls =
/// quota misses + prefetch calls. Once all calls are settled: remote calls + retries = successes + timeouts + send
/// errors + other errors + cancellations + retries given up while they waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats([u64; COUNTERS]);

impl Default for Stats {
    fn default() -> Stats {
        Stats([0; COUNTERS])
    }
}

impl Stats {
    /// All values, in the order of [`Counter::ALL`].
    pub fn values(&self) -> &[u64; COUNTERS] {
        &self.0
    }

    /// The value of one counter.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Counts one.
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `amount`.
    pub fn add(&mut self, counter: Counter, amount: u64) {
        self.0[counter as usize] += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_counter_has_a_name_of_its_own_and_its_place_in_the_order() {
        let names: HashSet<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        assert_eq!(names.len(), COUNTERS);
        for (position, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(*counter as usize, position);
            assert!(counter.name().starts_with("total_"));
        }
    }

    #[test]
    fn counting_moves_one_counter_alone() {
        let mut stats = Stats::default();
        stats.count(Counter::CheckCalls);
        stats.add(Counter::ReportCalls, 3);
        assert_eq!(stats.get(Counter::CheckCalls), 1);
        assert_eq!(stats.values().iter().sum::<u64>(), 4);
    }
}
