//! The HTTP filter's configuration, and a service's or route's own.

use super::attributes::{read_attributes, write_attributes};
use super::error::ConfigError;
use super::read::Node;
use super::write::Fields;
use super::{HttpApiSpec, NetworkFailPolicy, QuotaSpec, TransportConfig, parse};
use crate::bag::Bag;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `HttpClientConfig`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpClientConfig {
    /// How the Mixer is called.
    pub transport: TransportConfig,
    /// By the name of the destination service.
    pub service_configs: BTreeMap<String, ServiceConfig>,
    /// The service of a request that names none, or one without a configuration.
    pub default_destination_service: String,
    /// Part of every Check and Report.
    pub mixer_attributes: Bag,
    /// Told to the next proxy.
    pub forward_attributes: Bag,
    /// Do not listen to what the proxy before tells; for gateways.
    pub ignore_forwarded_attributes: bool,
}

/// `ServiceConfig`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceConfig {
    /// No Check for this service.
    pub disable_check_calls: bool,
    /// No Report for this service.
    pub disable_report_calls: bool,
    /// Over those of the filter, one by one.
    pub mixer_attributes: Bag,
    /// Used by Istio up to 1.3.
    pub http_api_spec: Vec<HttpApiSpec>,
    /// What requests are charged to.
    pub quota_spec: Vec<QuotaSpec>,
    /// In place of the transport's.
    pub network_fail_policy: Option<NetworkFailPolicy>,
    /// Over those of the filter, one by one.
    pub forward_attributes: Bag,
}

impl HttpClientConfig {
    /// Reads proto3 JSON.
    ///
    /// # Errors
    /// The first field that is unknown or has a wrong value.
    pub fn from_json(text: &[u8]) -> Result<HttpClientConfig, ConfigError> {
        parse(text, |node| HttpClientConfig::read(&node))
    }

    /// The canonical JSON text: equal configurations give equal texts.
    pub fn to_json(&self) -> String {
        let mut fields = Fields::default();
        fields.add("transport", self.transport.write(), self.transport == TransportConfig::default());
        let services: Map<_, _> =
            self.service_configs.iter().map(|(name, config)| (name.clone(), config.write())).collect();
        fields.add("service_configs", services, self.service_configs.is_empty());
        fields.string("default_destination_service", &self.default_destination_service);
        write_both(&mut fields, &self.mixer_attributes, &self.forward_attributes);
        fields.bool("ignore_forwarded_attributes", self.ignore_forwarded_attributes);
        fields.finish().to_string()
    }

    fn read(node: &Node<'_>) -> Result<HttpClientConfig, ConfigError> {
        let message = node.message(&[
            "transport",
            "service_configs",
            "default_destination_service",
            "mixer_attributes",
            "forward_attributes",
            "ignore_forwarded_attributes",
        ])?;
        let mut service_configs = BTreeMap::new();
        if let Some(services) = message.field("service_configs") {
            for (name, node) in services.entries()? {
                service_configs.insert(name.to_owned(), ServiceConfig::read(&node)?);
            }
        }
        Ok(HttpClientConfig {
            transport: message.read("transport", TransportConfig::read)?,
            service_configs,
            default_destination_service: message.read("default_destination_service", Node::string)?,
            mixer_attributes: message.read("mixer_attributes", read_attributes)?,
            forward_attributes: message.read("forward_attributes", read_attributes)?,
            ignore_forwarded_attributes: message.read("ignore_forwarded_attributes", Node::bool)?,
        })
    }
}

impl ServiceConfig {
    /// Reads proto3 JSON, the form in which a route carries its own configuration.
    ///
    /// # Errors
    /// The first field that is unknown or has a wrong value.
    pub fn from_json(text: &[u8]) -> Result<ServiceConfig, ConfigError> {
        parse(text, |node| ServiceConfig::read(&node))
    }

    /// The canonical JSON text: equal configurations give equal texts.
    pub fn to_json(&self) -> String {
        self.write().to_string()
    }

    fn read(node: &Node<'_>) -> Result<ServiceConfig, ConfigError> {
        let message = node.message(&[
            "disable_check_calls",
            "disable_report_calls",
            "mixer_attributes",
            "http_api_spec",
            "quota_spec",
            "network_fail_policy",
            "forward_attributes",
        ])?;
        Ok(ServiceConfig {
            disable_check_calls: message.read("disable_check_calls", Node::bool)?,
            disable_report_calls: message.read("disable_report_calls", Node::bool)?,
            mixer_attributes: message.read("mixer_attributes", read_attributes)?,
            http_api_spec: message.read("http_api_spec", |node| node.list(HttpApiSpec::read))?,
            quota_spec: message.read("quota_spec", |node| node.list(QuotaSpec::read))?,
            network_fail_policy: message.optional("network_fail_policy", NetworkFailPolicy::read)?,
            forward_attributes: message.read("forward_attributes", read_attributes)?,
        })
    }

    fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.bool("disable_check_calls", self.disable_check_calls);
        fields.bool("disable_report_calls", self.disable_report_calls);
        write_both(&mut fields, &self.mixer_attributes, &self.forward_attributes);
        fields.list("http_api_spec", &self.http_api_spec, HttpApiSpec::write);
        fields.list("quota_spec", &self.quota_spec, QuotaSpec::write);
        let policy = self.network_fail_policy.as_ref();
        fields.add("network_fail_policy", policy.map(NetworkFailPolicy::write), policy.is_none());
        fields.finish()
    }
}

fn write_both(fields: &mut Fields, mixer: &Bag, forward: &Bag) {
    fields.add("mixer_attributes", write_attributes(mixer), mixer.is_empty());
    fields.add("forward_attributes", write_attributes(forward), forward.is_empty());
}
