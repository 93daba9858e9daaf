//! The TCP filter's configuration.

use super::attributes::{read_attributes, write_attributes};
use super::error::ConfigError;
use super::read::Node;
use super::time::format_wait;
use super::write::Fields;
use super::{QuotaSpec, TransportConfig, parse};
use crate::bag::Bag;
use std::time::Duration;

/// `TcpClientConfig`. An empty one makes Check and Report.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpClientConfig {
    /// How the Mixer is called.
    pub transport: TransportConfig,
    /// Part of every Check and Report.
    pub mixer_attributes: Bag,
    /// No Check.
    pub disable_check_calls: bool,
    /// No Report.
    pub disable_report_calls: bool,
    /// What a connection is charged to, once.
    pub connection_quota_spec: Option<QuotaSpec>,
    /// The time between reports of an open connection. Default: 10 s; at least 1 s.
    pub report_interval: Duration,
    /// Whether to ask as soon as a client connects, before it has sent anything. Default: false.
    pub check_on_connect: bool,
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

impl Default for TcpClientConfig {
    fn default() -> TcpClientConfig {
        TcpClientConfig {
            transport: TransportConfig::default(),
            mixer_attributes: Bag::new(),
            disable_check_calls: false,
            disable_report_calls: false,
            connection_quota_spec: None,
            report_interval: DEFAULT_INTERVAL,
            check_on_connect: false,
        }
    }
}

impl TcpClientConfig {
    /// Reads proto3 JSON.
    ///
    /// # Errors
    /// The first field that is unknown or has a wrong value.
    pub fn from_json(text: &[u8]) -> Result<TcpClientConfig, ConfigError> {
        parse(text, |node| TcpClientConfig::read(&node))
    }

    /// The canonical JSON text: equal configurations give equal texts.
    pub fn to_json(&self) -> String {
        let mut fields = Fields::default();
        fields.add("transport", self.transport.write(), self.transport == TransportConfig::default());
        fields.add("mixer_attributes", write_attributes(&self.mixer_attributes), self.mixer_attributes.is_empty());
        fields.bool("disable_check_calls", self.disable_check_calls);
        fields.bool("disable_report_calls", self.disable_report_calls);
        let quota = self.connection_quota_spec.as_ref();
        fields.add("connection_quota_spec", quota.map(QuotaSpec::write), quota.is_none());
        fields.add("report_interval", format_wait(self.report_interval), self.report_interval == DEFAULT_INTERVAL);
        fields.bool("check_on_connect", self.check_on_connect);
        fields.finish().to_string()
    }

    fn read(node: &Node<'_>) -> Result<TcpClientConfig, ConfigError> {
        let message = node.message(&[
            "transport",
            "mixer_attributes",
            "disable_check_calls",
            "disable_report_calls",
            "connection_quota_spec",
            "report_interval",
            "check_on_connect",
        ])?;
        Ok(TcpClientConfig {
            transport: message.read("transport", TransportConfig::read)?,
            mixer_attributes: message.read("mixer_attributes", read_attributes)?,
            disable_check_calls: message.read("disable_check_calls", Node::bool)?,
            disable_report_calls: message.read("disable_report_calls", Node::bool)?,
            connection_quota_spec: message.optional("connection_quota_spec", QuotaSpec::read)?,
            report_interval: message.optional("report_interval", interval)?.unwrap_or(DEFAULT_INTERVAL),
            check_on_connect: message.read("check_on_connect", Node::bool)?,
        })
    }
}

/// A negative interval means the default, a short one the least.
fn interval(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let negative = node.duration()?.as_nanos() < 0;
    if negative { Ok(DEFAULT_INTERVAL) } else { node.wait().map(|wait| wait.max(LEAST_INTERVAL)) }
}
