//! The filter's configuration, read from JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mizzen_client::config::{ConfigError, TcpClientConfig};
use mizzen_client::quota::QuotaRules;
use mizzen_client::retry::CallPolicy;
use mizzen_client::tcp::{Moment, uuid};
use mizzen_client::{Bag, ValueRef, names};

use crate::client::Random;
use crate::ffi::{Level, log};
use crate::node;
use crate::stats::Family;
use crate::transport::{Hold, Transport};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// One filter's configuration, shared by all workers.
pub(crate) struct TcpFilterConfig {
    /// A number that no other configuration of this process has.
    pub(super) id: u64,
    /// What the ids of this filter's connections start with.
    pub(super) uuid: String,
    pub(crate) transport: Hold,
    pub(super) policy: CallPolicy,
    /// Attributes of the local node, and over them the configured ones.
    pub(super) attributes: Bag,
    /// Whether `destination.ip` and `destination.port` are among them.
    pub(super) fixed_destination: (bool, bool),
    pub(super) check: bool,
    pub(super) report: bool,
    pub(super) moment: Moment,
    pub(super) quotas: QuotaRules,
    pub(super) report_interval: Duration,
}

impl TcpFilterConfig {
    /// Reads a `TcpClientConfig` in JSON; nothing at all is an empty one. A bad one is explained in Envoy's log and refused. Main thread.
    pub(crate) fn load(text: &[u8]) -> Option<Arc<TcpFilterConfig>> {
        let text = if text.is_empty() { b"{}" } else { text };
        match TcpClientConfig::from_json(text).and_then(TcpFilterConfig::new) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                log(Level::Error, &format!("mizzen: the configuration of the TCP filter is refused: {error}"));
                None
            }
        }
    }

    fn new(config: TcpClientConfig) -> Result<TcpFilterConfig, ConfigError> {
        let kind = config.mixer_attributes.get(names::CONTEXT_REPORTER_KIND);
        let mut attributes = Bag::new();
        node::local().attributes(kind == Some(ValueRef::String("outbound")), &mut attributes);
        attributes.merge(&config.mixer_attributes);
        let random = Random::new();
        Ok(TcpFilterConfig {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            uuid: uuid(random.next(), random.next()),
            policy: config.transport.network_fail_policy.as_ref().map(CallPolicy::from).unwrap_or_default(),
            transport: Hold::on(Transport::of(&config.transport, Family::Tcp)),
            fixed_destination: (
                attributes.contains(names::DESTINATION_IP),
                attributes.contains(names::DESTINATION_PORT),
            ),
            attributes,
            check: !config.disable_check_calls,
            report: !config.disable_report_calls,
            moment: if config.check_on_connect { Moment::Connect } else { Moment::FirstData },
            quotas: QuotaRules::compile(config.connection_quota_spec.as_slice())?,
            report_interval: config.report_interval,
        })
    }
}
