//! How the Mixer is called, and what happens when it does not answer.

use super::attributes::{read_attributes, write_attributes};
use super::error::ConfigError;
use super::read::Node;
use super::time::format_wait;
use super::write::Fields;
use crate::bag::Bag;
use crate::report::Encoding;
use serde_json::Value;
use std::time::Duration;

/// The cluster that is called unless another is named.
const MIXER_CLUSTER: &str = "mixer_server";

/// What a request is told when the Mixer cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailPolicy {
    /// It passes.
    #[default]
    Open,
    /// It is denied.
    Close,
}

const FAIL_POLICIES: &[(&str, FailPolicy)] = &[("FAIL_OPEN", FailPolicy::Open), ("FAIL_CLOSE", FailPolicy::Close)];

/// `NetworkFailPolicy` with effective values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFailPolicy {
    /// Default: open.
    pub policy: FailPolicy,
    /// How often a failed Check is tried again. Default: 0.
    pub max_retry: u32,
    /// The wait before the first retry. Default: 80 ms; at most a day.
    pub base_retry_wait: Duration,
    /// The longest wait before a retry. Default: 1 s; at most a day.
    pub max_retry_wait: Duration,
}

impl Default for NetworkFailPolicy {
    fn default() -> NetworkFailPolicy {
        NetworkFailPolicy {
            policy: FailPolicy::Open,
            max_retry: 0,
            base_retry_wait: Duration::from_millis(80),
            max_retry_wait: Duration::from_millis(1000),
        }
    }
}

impl NetworkFailPolicy {
    pub(super) fn read(node: &Node<'_>) -> Result<NetworkFailPolicy, ConfigError> {
        let message = node.message(&["policy", "max_retry", "base_retry_wait", "max_retry_wait"])?;
        let default = NetworkFailPolicy::default();
        Ok(NetworkFailPolicy {
            policy: message.read("policy", |node| node.enumeration(FAIL_POLICIES))?,
            max_retry: message.read("max_retry", Node::uint32)?,
            base_retry_wait: message.optional("base_retry_wait", Node::wait)?.unwrap_or(default.base_retry_wait),
            max_retry_wait: message.optional("max_retry_wait", Node::wait)?.unwrap_or(default.max_retry_wait),
        })
    }

    pub(super) fn write(&self) -> Value {
        let default = NetworkFailPolicy::default();
        let mut fields = Fields::default();
        fields.add("policy", "FAIL_CLOSE", self.policy == FailPolicy::Open);
        fields.add("max_retry", self.max_retry, self.max_retry == 0);
        let wait = |fields: &mut Fields, name, wait: Duration, default| {
            fields.add(name, format_wait(wait), wait == default);
        };
        wait(&mut fields, "base_retry_wait", self.base_retry_wait, default.base_retry_wait);
        wait(&mut fields, "max_retry_wait", self.max_retry_wait, default.max_retry_wait);
        fields.finish()
    }
}

/// `TransportConfig` with effective values.
#[derive(Clone, Debug, PartialEq)]
pub struct TransportConfig {
    /// Every Check goes to the Mixer.
    pub disable_check_cache: bool,
    /// Every quota request goes to the Mixer.
    pub disable_quota_cache: bool,
    /// Every report is sent at once.
    pub disable_report_batch: bool,
    /// Without one: fail open, no retries.
    pub network_fail_policy: Option<NetworkFailPolicy>,
    /// How often counters are published. Default: 10 s.
    pub stats_update_interval: Duration,
    /// Default: `mixer_server`.
    pub check_cluster: String,
    /// Default: `mixer_server`.
    pub report_cluster: String,
    /// Without effect since Istio 1.1, which names the node instead.
    pub attributes_for_mixer_proxy: Bag,
    /// Default: 100.
    pub report_batch_max_entries: u32,
    /// Default: 1 s.
    pub report_batch_max_time: Duration,
    /// How many decisions a worker remembers; 0 = none. Default: 10,000.
    pub check_cache_entries: u32,
    /// Whether a request waits for the answer to an equal one in flight. Default: true.
    pub check_join: bool,
    /// How long one attempt of a call may take. Default: 5 s.
    pub rpc_timeout: Duration,
    /// How many reported bags are kept while the Mixer cannot take them. Default: 100,000.
    pub report_buffer_entries: u32,
    /// How many bytes of reports are kept while the Mixer cannot take them. Default: 32 MiB.
    pub report_buffer_bytes: u64,
    /// Whether reports are delta encoded, as Istio 1.0 did. Default: false.
    pub report_delta_encoding: bool,
}

impl Default for TransportConfig {
    fn default() -> TransportConfig {
        TransportConfig {
            disable_check_cache: false,
            disable_quota_cache: false,
            disable_report_batch: false,
            network_fail_policy: None,
            stats_update_interval: Duration::from_secs(10),
            check_cluster: MIXER_CLUSTER.to_owned(),
            report_cluster: MIXER_CLUSTER.to_owned(),
            attributes_for_mixer_proxy: Bag::new(),
            report_batch_max_entries: 100,
            report_batch_max_time: Duration::from_secs(1),
            check_cache_entries: 10_000,
            check_join: true,
            rpc_timeout: Duration::from_secs(5),
            report_buffer_entries: 100_000,
            report_buffer_bytes: 32 << 20,
            report_delta_encoding: false,
        }
    }
}

const FIELDS: &[&str] = &[
    "disable_check_cache",
    "disable_quota_cache",
    "disable_report_batch",
    "network_fail_policy",
    "stats_update_interval",
    "check_cluster",
    "report_cluster",
    "attributes_for_mixer_proxy",
    "report_batch_max_entries",
    "report_batch_max_time",
    "check_cache_entries",
    "check_join",
    "rpc_timeout",
    "report_buffer_entries",
    "report_buffer_bytes",
    "report_delta_encoding",
];

impl TransportConfig {
    /// How many decisions a worker remembers; 0 = none.
    pub fn check_cache_capacity(&self) -> usize {
        if self.disable_check_cache { 0 } else { self.check_cache_entries as usize }
    }

    /// How many bags make a batch full; 1 if batches are disabled.
    pub fn report_batch_capacity(&self) -> usize {
        if self.disable_report_batch { 1 } else { self.report_batch_max_entries as usize }
    }

    /// How the bags of a batch relate to each other.
    pub fn report_encoding(&self) -> Encoding {
        if self.report_delta_encoding { Encoding::Delta } else { Encoding::Independent }
    }

    pub(super) fn read(node: &Node<'_>) -> Result<TransportConfig, ConfigError> {
        let message = node.message(FIELDS)?;
        let default = TransportConfig::default();
        let cluster = |field| {
            message.read(field, Node::string).map(|name: String| match name.is_empty() {
                true => MIXER_CLUSTER.to_owned(),
                false => name,
            })
        };
        let entries = message.optional("report_batch_max_entries", Node::uint32)?.filter(|entries| *entries > 0);
        let batch_time = message.optional("report_batch_max_time", Node::wait)?.filter(|time| !time.is_zero());
        let interval = default.stats_update_interval;
        Ok(TransportConfig {
            disable_check_cache: message.read("disable_check_cache", Node::bool)?,
            disable_quota_cache: message.read("disable_quota_cache", Node::bool)?,
            disable_report_batch: message.read("disable_report_batch", Node::bool)?,
            network_fail_policy: message.optional("network_fail_policy", NetworkFailPolicy::read)?,
            stats_update_interval: message
                .optional("stats_update_interval", |node| node.period(interval))?
                .unwrap_or(interval),
            check_cluster: cluster("check_cluster")?,
            report_cluster: cluster("report_cluster")?,
            attributes_for_mixer_proxy: message.read("attributes_for_mixer_proxy", read_attributes)?,
            report_batch_max_entries: entries.unwrap_or(default.report_batch_max_entries),
            report_batch_max_time: batch_time.unwrap_or(default.report_batch_max_time),
            check_cache_entries: message
                .optional("check_cache_entries", Node::uint32)?
                .unwrap_or(default.check_cache_entries),
            check_join: message.optional("check_join", Node::bool)?.unwrap_or(default.check_join),
            rpc_timeout: message.optional("rpc_timeout", timeout)?.unwrap_or(default.rpc_timeout),
            report_buffer_entries: message
                .optional("report_buffer_entries", Node::uint32)?
                .unwrap_or(default.report_buffer_entries),
            report_buffer_bytes: message
                .optional("report_buffer_bytes", Node::uint64)?
                .unwrap_or(default.report_buffer_bytes),
            report_delta_encoding: message.read("report_delta_encoding", Node::bool)?,
        })
    }

    pub(super) fn write(&self) -> Value {
        let default = TransportConfig::default();
        let mut fields = Fields::default();
        fields.bool("disable_check_cache", self.disable_check_cache);
        fields.bool("disable_quota_cache", self.disable_quota_cache);
        fields.bool("disable_report_batch", self.disable_report_batch);
        let policy = self.network_fail_policy.as_ref();
        fields.add("network_fail_policy", policy.map(NetworkFailPolicy::write), policy.is_none());
        fields.add("check_cluster", self.check_cluster.as_str(), self.check_cluster == default.check_cluster);
        fields.add("report_cluster", self.report_cluster.as_str(), self.report_cluster == default.report_cluster);
        let attributes = &self.attributes_for_mixer_proxy;
        fields.add("attributes_for_mixer_proxy", write_attributes(attributes), attributes.is_empty());
        for (name, value, default) in [
            ("stats_update_interval", self.stats_update_interval, default.stats_update_interval),
            ("report_batch_max_time", self.report_batch_max_time, default.report_batch_max_time),
            ("rpc_timeout", self.rpc_timeout, default.rpc_timeout),
        ] {
            fields.add(name, format_wait(value), value == default);
        }
        for (name, value, default) in [
            ("report_batch_max_entries", self.report_batch_max_entries, default.report_batch_max_entries),
            ("check_cache_entries", self.check_cache_entries, default.check_cache_entries),
            ("report_buffer_entries", self.report_buffer_entries, default.report_buffer_entries),
        ] {
            fields.add(name, value, value == default);
        }
        let bytes = self.report_buffer_bytes;
        fields.add("report_buffer_bytes", bytes.to_string(), bytes == default.report_buffer_bytes);
        fields.add("check_join", self.check_join, self.check_join == default.check_join);
        fields.bool("report_delta_encoding", self.report_delta_encoding);
        fields.finish()
    }
}

/// A timeout of nothing would let no call succeed.
fn timeout(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let timeout = node.wait()?;
    if timeout.is_zero() {
        return Err(node.error("must be longer than nothing", "a positive duration, for instance \"5s\""));
    }
    Ok(timeout)
}
