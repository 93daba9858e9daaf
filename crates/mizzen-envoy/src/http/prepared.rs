//! What is the same for all requests of one filter and one service, worked out once.

use std::sync::Arc;

use mizzen_client::Bag;
use mizzen_client::forward::{decode_forwarded, encode_forwarded};
use mizzen_client::retry::CallPolicy;

use super::attributes::Arrival;
use super::config::{HttpFilterConfig, RouteConfig};

/// A filter's configuration and a service's, merged.
pub(crate) struct Prepared {
    pub(super) service: Arc<RouteConfig>,
    pub(super) policy: CallPolicy,
    /// Static attributes: local node, filter, service; the later win.
    attributes: Bag,
    /// The forwarding header's value for the next proxy, if there is anything to forward.
    pub(super) forward_header: Option<String>,
}

impl Prepared {
    pub(crate) fn new(filter: &HttpFilterConfig, service: &Arc<RouteConfig>) -> Prepared {
        let mut attributes = filter.attributes.clone();
        attributes.merge(&service.attributes);
        let mut forward = filter.forward.clone();
        forward.merge(&service.forward);
        Prepared {
            service: Arc::clone(service),
            policy: service.policy.unwrap_or(filter.policy),
            attributes,
            forward_header: forward_header(&forward),
        }
    }

    /// Fills a bag for a request whose headers have just arrived: static attributes and over them derived ones, which `derive` sets, then those the
    /// caller's proxy forwarded, then those of the API specification.
    pub(super) fn fill(
        &self,
        filter: &HttpFilterConfig,
        bag: &mut Bag,
        derive: impl FnOnce(&Bag, &mut Bag) -> Arrival,
    ) -> Arrival {
        let arrival = derive(&self.attributes, bag);
        for (name, value) in accepted(filter, &arrival) {
            bag.set_string(name, &value);
        }
        self.service.api.apply(bag);
        arrival
    }

    /// Fills a bag for a request that is only seen at its end: there forwarded attributes yield to all others.
    pub(crate) fn fill_late(&self, filter: &HttpFilterConfig, bag: &mut Bag, derive: impl FnOnce(&mut Bag) -> Arrival) {
        bag.clone_from(&self.attributes);
        let arrival = derive(bag);
        for (name, value) in accepted(filter, &arrival) {
            if !bag.contains(name) {
                bag.set_string(name, &value);
            }
        }
        self.service.api.apply(bag);
    }
}

fn accepted(filter: &HttpFilterConfig, arrival: &Arrival) -> Vec<(mizzen_client::Name, String)> {
    match &arrival.forwarded {
        Some(value) if !filter.ignore_forwarded => decode_forwarded(value),
        _ => Vec::new(),
    }
}

/// The value of the forwarding header for these attributes; none for none.
pub(super) fn forward_header(forward: &Bag) -> Option<String> {
    (!forward.is_empty()).then(|| encode_forwarded(forward))
}
