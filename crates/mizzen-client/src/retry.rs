//! When a failed call is tried again, and what its final failure means.

use crate::config::{FailPolicy, NetworkFailPolicy};
use crate::status::Status;
use std::time::Duration;

/// How calls to the Mixer are retried and what happens when it cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallPolicy {
    /// Whether a request passes when the Mixer cannot be asked.
    pub fail_open: bool,
    /// How often a call is tried again after the first attempt.
    pub max_retry: u32,
    /// The shortest wait before a retry.
    pub base_wait: Duration,
    /// The longest wait before a retry.
    pub max_wait: Duration,
}

impl Default for CallPolicy {
    /// Fail open without retries, as the original does without a policy.
    fn default() -> CallPolicy {
        CallPolicy::from(&NetworkFailPolicy::default())
    }
}

impl From<&NetworkFailPolicy> for CallPolicy {
    fn from(policy: &NetworkFailPolicy) -> CallPolicy {
        CallPolicy {
            fail_open: policy.policy == FailPolicy::Open,
            max_retry: policy.max_retry,
            base_wait: policy.base_retry_wait,
            max_wait: policy.max_retry_wait,
        }
    }
}

impl CallPolicy {
    /// The wait before the next attempt when `retries` retries were made, or `None` if no further one is allowed.
    ///
    /// A whole number of milliseconds, evenly from base to min(max, base · 2^retries), so the first retry waits exactly
    /// the base. `random` is any evenly spread number.
    pub fn retry_wait(&self, retries: u32, random: u64) -> Option<Duration> {
        if retries >= self.max_retry {
            return None;
        }
        Some(jitter(self.base_wait, self.max_wait, retries, random))
    }

    /// What a request whose call failed for good is told: OK under fail open, else the failure.
    pub fn verdict(&self, failure: &Status) -> Status {
        if self.fail_open { Status::ok() } else { failure.clone() }
    }
}

/// Evenly from `base` to min(`max`, `base` · 2^`doublings`), in whole milliseconds.
pub(crate) fn jitter(base: Duration, max: Duration, doublings: u32, random: u64) -> Duration {
    let base = millis(base);
    let ceiling = base.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(millis(max));
    let choices = ceiling.saturating_sub(base).saturating_add(1);
    Duration::from_millis(base + random % choices)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(max_retry: u32, base: u64, max: u64) -> CallPolicy {
        CallPolicy {
            fail_open: false,
            max_retry,
            base_wait: Duration::from_millis(base),
            max_wait: Duration::from_millis(max),
        }
    }

    #[test]
    fn without_a_policy_nothing_is_retried_and_requests_pass() {
        let policy = CallPolicy::default();
        assert_eq!(policy.retry_wait(0, 1), None);
        assert!(policy.verdict(&Status { code: 14, message: String::new() }).is_ok());
    }

    #[test]
    fn a_configured_policy_is_taken_over() {
        let configured = NetworkFailPolicy { policy: FailPolicy::Close, max_retry: 4, ..NetworkFailPolicy::default() };
        assert_eq!(CallPolicy::from(&configured), policy(4, 80, 1000));
    }

    #[test]
    fn the_first_retry_waits_exactly_the_base() {
        for random in [0, 1, 7, u64::MAX] {
            assert_eq!(policy(3, 80, 1000).retry_wait(0, random), Some(Duration::from_millis(80)));
        }
    }

    #[test]
    fn retries_end_at_the_maximum() {
        assert!(policy(2, 80, 1000).retry_wait(1, 5).is_some());
        assert_eq!(policy(2, 80, 1000).retry_wait(2, 5), None);
    }

    #[test]
    fn a_base_of_zero_retries_at_once_and_a_maximum_below_the_base_is_passed_over() {
        assert_eq!(policy(9, 0, 1000).retry_wait(8, 99), Some(Duration::ZERO));
        assert_eq!(policy(9, 80, 10).retry_wait(8, 99), Some(Duration::from_millis(80)));
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_base_and_the_doubled_base(
            base in 0_u64..5_000, max in 0_u64..100_000, retries in 0_u32..100, random: u64,
        ) {
            let wait = policy(u32::MAX, base, max).retry_wait(retries, random).unwrap().as_millis() as u64;
            let doubled = base.saturating_mul(1_u64.checked_shl(retries).unwrap_or(u64::MAX));
            prop_assert!(wait >= base);
            prop_assert!(wait <= doubled.min(max).max(base));
        }
    }
}
