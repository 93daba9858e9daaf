//! What holds for every configuration and every text that might be one.

mod common;

use common::bag;
use mizzen_client::config::{
    ApiKey, AttributeMatch, FailPolicy, HttpApiSpec, HttpApiSpecPattern, HttpClientConfig, NetworkFailPolicy,
    PathPattern, Quota, QuotaRule, QuotaSpec, ServiceConfig, StringMatch, TcpClientConfig, TransportConfig,
};
use mizzen_client::{Bag, Time, ValueRef};
use proptest::prelude::*;
use std::time::Duration;

fn wait(from: u64) -> impl Strategy<Value = Duration> {
    (from..86_400, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

/// A bag whose times JSON can express, and whose attributes have names.
fn fixed() -> impl Strategy<Value = Bag> {
    bag().prop_map(|bag| {
        let mut fixed = Bag::new();
        for (name, value) in bag.iter().filter(|(name, _)| !name.as_str().is_empty()) {
            match value {
                ValueRef::Timestamp(time) => fixed.set_timestamp(
                    name,
                    Time {
                        seconds: time.seconds.rem_euclid(253_402_300_800),
                        nanos: time.nanos.rem_euclid(1_000_000_000),
                    },
                ),
                ValueRef::Duration(time) => {
                    fixed.set_duration(name, Time::from_nanos(time.as_nanos()));
                }
                value => fixed.set(name, value),
            }
        }
        fixed
    })
}

fn policy() -> impl Strategy<Value = NetworkFailPolicy> {
    (any::<bool>(), any::<u32>(), wait(0), wait(0)).prop_map(|(open, max_retry, base_retry_wait, max_retry_wait)| {
        let policy = if open { FailPolicy::Open } else { FailPolicy::Close };
        NetworkFailPolicy { policy, max_retry, base_retry_wait, max_retry_wait }
    })
}

fn transport() -> impl Strategy<Value = TransportConfig> {
    let switches = any::<[bool; 5]>();
    let policy = prop::option::of(policy());
    let waits = (wait(1), wait(1), wait(1));
    let sizes = (1..=u32::MAX, any::<u32>(), any::<u32>(), any::<u64>());
    (switches, policy, waits, sizes, "[a-z|]{1,12}", bag_or_none()).prop_map(
        |(switches, network_fail_policy, waits, sizes, cluster, attributes_for_mixer_proxy)| TransportConfig {
            disable_check_cache: switches[0],
            disable_quota_cache: switches[1],
            disable_report_batch: switches[2],
            network_fail_policy,
            stats_update_interval: waits.0,
            check_cluster: cluster,
            report_cluster: "mixer_server".to_owned(),
            attributes_for_mixer_proxy,
            report_batch_max_entries: sizes.0,
            report_batch_max_time: waits.1,
            check_cache_entries: sizes.1,
            check_join: switches[3],
            rpc_timeout: waits.2,
            report_buffer_entries: sizes.2,
            report_buffer_bytes: sizes.3,
            report_delta_encoding: switches[4],
        },
    )
}

fn bag_or_none() -> impl Strategy<Value = Bag> {
    prop_oneof![Just(Bag::new()), fixed()]
}

fn text_match() -> impl Strategy<Value = StringMatch> {
    prop_oneof![
        Just(StringMatch::Present),
        "\\PC{0,8}".prop_map(StringMatch::Exact),
        "\\PC{0,8}".prop_map(StringMatch::Prefix),
        "[a-z.*]{0,4}[a-z]"
            .prop_filter("compiles", |text| StringMatch::whole_text_regex(text).is_ok())
            .prop_map(StringMatch::Regex),
    ]
}

fn quota_spec() -> impl Strategy<Value = QuotaSpec> {
    let clause = prop::collection::btree_map("[a-z.]{1,8}", text_match(), 0..3);
    let matches =
        prop::collection::vec(clause.prop_map(|clause| AttributeMatch { clause: clause.into_iter().collect() }), 0..3);
    let quotas =
        prop::collection::vec(("[a-zA-Z]{1,8}", 0..i64::MAX).prop_map(|(quota, charge)| Quota { quota, charge }), 0..3);
    prop::collection::vec((matches, quotas).prop_map(|(matches, quotas)| QuotaRule { matches, quotas }), 0..3)
        .prop_map(|rules| QuotaSpec { rules })
}

fn api_spec() -> impl Strategy<Value = HttpApiSpec> {
    let path = prop_oneof![
        Just(PathPattern::None),
        r"(/([a-z]{1,3}|\*|\{[a-z]{1,3}\})){1,3}".prop_map(PathPattern::UriTemplate),
        "/[a-z]{0,6}".prop_map(PathPattern::Regex),
    ];
    let pattern = (bag_or_none(), "[A-Z*]{0,4}", path).prop_map(|(attributes, http_method, path)| HttpApiSpecPattern {
        attributes,
        http_method,
        path,
    });
    let key = ("[a-z-]{1,6}", 0..3).prop_map(|(name, place)| match place {
        0 => ApiKey::Query(name),
        1 => ApiKey::Header(name),
        _ => ApiKey::Cookie(name),
    });
    (bag_or_none(), prop::collection::vec(pattern, 0..3), prop::collection::vec(key, 0..3))
        .prop_map(|(attributes, patterns, api_keys)| HttpApiSpec { attributes, patterns, api_keys })
}

fn service() -> impl Strategy<Value = ServiceConfig> {
    let specs = (prop::collection::vec(api_spec(), 0..2), prop::collection::vec(quota_spec(), 0..2));
    (any::<[bool; 2]>(), specs, prop::option::of(policy()), bag_or_none(), bag_or_none()).prop_map(
        |(switches, (http_api_spec, quota_spec), network_fail_policy, mixer_attributes, forward_attributes)| {
            ServiceConfig {
                disable_check_calls: switches[0],
                disable_report_calls: switches[1],
                mixer_attributes,
                http_api_spec,
                quota_spec,
                network_fail_policy,
                forward_attributes,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_http_configuration_reads_back(
        transport in transport(),
        service_configs in prop::collection::btree_map("\\PC{0,8}", service(), 0..3),
        default_destination_service in "[a-z.]{0,8}",
        attributes in (bag_or_none(), bag_or_none()),
        ignore_forwarded_attributes in any::<bool>(),
    ) {
        let config = HttpClientConfig {
            transport,
            service_configs,
            default_destination_service,
            mixer_attributes: attributes.0,
            forward_attributes: attributes.1,
            ignore_forwarded_attributes,
        };
        let text = config.to_json();
        let read = HttpClientConfig::from_json(text.as_bytes()).unwrap();
        prop_assert_eq!(read.to_json(), text);
        prop_assert_eq!(read, config);
    }

    #[test]
    fn a_service_and_a_tcp_configuration_read_back(
        service in service(),
        transport in transport(),
        mixer_attributes in bag_or_none(),
        connection_quota_spec in prop::option::of(quota_spec()),
        switches in any::<[bool; 3]>(),
        report_interval in wait(1),
    ) {
        prop_assert_eq!(ServiceConfig::from_json(service.to_json().as_bytes()).unwrap(), service);
        let tcp = TcpClientConfig {
            transport,
            mixer_attributes,
            disable_check_calls: switches[0],
            disable_report_calls: switches[1],
            connection_quota_spec,
            report_interval,
            check_on_connect: switches[2],
        };
        prop_assert_eq!(TcpClientConfig::from_json(tcp.to_json().as_bytes()).unwrap(), tcp);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\PC\\s]{0,120}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = HttpClientConfig::from_json(text.as_bytes());
        let _ = TcpClientConfig::from_json(&bytes);
    }

    #[test]
    fn a_damaged_configuration_is_read_or_explained(
        service in service(),
        at in any::<prop::sample::Index>(),
        replacement in "[\\[\\]{}\",:0-9a-z]{0,2}",
    ) {
        let mut text: Vec<char> = service.to_json().chars().collect();
        let at = at.index(text.len());
        text.splice(at..at + 1, replacement.chars());
        let text: String = text.into_iter().collect();
        if let Err(error) = ServiceConfig::from_json(text.as_bytes()) {
            prop_assert!(!error.reason.is_empty() && !error.accepted.is_empty());
        }
    }
}
