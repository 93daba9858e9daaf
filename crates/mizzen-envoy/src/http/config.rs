//! The filter's configuration and that of a route, read from JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mizzen_client::api_spec::ApiSpecs;
use mizzen_client::config::{ConfigError, HttpClientConfig, ServiceConfig};
use mizzen_client::quota::QuotaRules;
use mizzen_client::retry::CallPolicy;
use mizzen_client::{Bag, ValueRef, names};

use crate::ffi::{Level, log};
use crate::node;
use crate::stats::Family;
use crate::transport::{Hold, Transport};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number that no other configuration of this process has.
fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// One filter's configuration, shared by all workers.
pub(crate) struct HttpFilterConfig {
    pub(super) id: u64,
    pub(crate) transport: Hold,
    pub(super) policy: CallPolicy,
    /// Attributes of the local node, and over them the configured ones.
    pub(super) attributes: Bag,
    /// What is passed on to the next proxy.
    pub(super) forward: Bag,
    pub(super) ignore_forwarded: bool,
    default: Option<Arc<RouteConfig>>,
}

impl HttpFilterConfig {
    /// Reads an `HttpClientConfig` in JSON, the configuration `of` the thing named. A bad one is explained in Envoy's log and refused. Main thread.
    pub(crate) fn load(text: &[u8], of: &str) -> Option<Arc<HttpFilterConfig>> {
        match HttpClientConfig::from_json(text).and_then(HttpFilterConfig::new) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                log(Level::Error, &format!("mizzen: the configuration of the {of} is refused: {error}"));
                None
            }
        }
    }

    fn new(mut config: HttpClientConfig) -> Result<HttpFilterConfig, ConfigError> {
        let kind = config.mixer_attributes.get(names::CONTEXT_REPORTER_KIND);
        let outbound = kind == Some(ValueRef::String("outbound"));
        let node = node::local();
        let mut attributes = Bag::new();
        node.attributes(outbound, &mut attributes);
        attributes.merge(&config.mixer_attributes);
        let mut forward = Bag::new();
        if outbound {
            node.forward(&mut forward);
        }
        forward.merge(&config.forward_attributes);
        // requests carry no service name since Istio 1.1, so of all services only the one named "" or the default can apply
        let default = config
            .service_configs
            .remove("")
            .or_else(|| config.service_configs.remove(&config.default_destination_service));
        let default = default.map(RouteConfig::new).transpose()?.map(Arc::new);
        Ok(HttpFilterConfig {
            id: next_id(),
            policy: config.transport.network_fail_policy.as_ref().map(CallPolicy::from).unwrap_or_default(),
            transport: Hold::on(Transport::of(&config.transport, Family::Http)),
            attributes,
            forward,
            ignore_forwarded: config.ignore_forwarded_attributes,
            default,
        })
    }

    /// What applies to a request whose route has no configuration of its own; without it neither Check nor Report is made.
    pub(crate) fn default_service(&self) -> Option<&Arc<RouteConfig>> {
        self.default.as_ref()
    }
}

/// One `ServiceConfig`, of a route or of the filter's default service.
pub(crate) struct RouteConfig {
    pub(super) id: u64,
    pub(super) check: bool,
    pub(crate) report: bool,
    pub(super) attributes: Bag,
    pub(super) forward: Bag,
    pub(super) quotas: QuotaRules,
    /// Adds `api.*` and `request.api_key`.
    pub(super) api: ApiSpecs,
    /// Replaces the transport's policy for this service.
    pub(super) policy: Option<CallPolicy>,
}

impl RouteConfig {
    /// Reads a `ServiceConfig` in JSON. A bad one is named in Envoy's log, with the field, and refused.
    pub(crate) fn load(text: &[u8]) -> Option<Arc<RouteConfig>> {
        match ServiceConfig::from_json(text).and_then(RouteConfig::new) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                log(Level::Error, &format!("mizzen: the configuration of a route is refused: {error}"));
                None
            }
        }
    }

    fn new(config: ServiceConfig) -> Result<RouteConfig, ConfigError> {
        Ok(RouteConfig {
            id: next_id(),
            check: !config.disable_check_calls,
            report: !config.disable_report_calls,
            quotas: QuotaRules::compile(&config.quota_spec)?,
            api: ApiSpecs::compile(&config.http_api_spec)?,
            policy: config.network_fail_policy.as_ref().map(CallPolicy::from),
            attributes: config.mixer_attributes,
            forward: config.forward_attributes,
        })
    }
}
