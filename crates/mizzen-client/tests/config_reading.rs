//! What configuration is accepted, what it means, and how a wrong one is explained.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

use mizzen_client::config::{
    ApiKey, ConfigError, FailPolicy, HttpClientConfig, NetworkFailPolicy, PathPattern, ServiceConfig, StringMatch,
    TcpClientConfig, TransportConfig,
};
use mizzen_client::report::Encoding;
use mizzen_client::{Name, Time, ValueRef, names};
use std::time::Duration;

fn http(text: &str) -> HttpClientConfig {
    HttpClientConfig::from_json(text.as_bytes()).unwrap()
}

fn transport(text: &str) -> TransportConfig {
    http(&format!(r#"{{"transport": {text}}}"#)).transport
}

fn http_error(text: &str) -> ConfigError {
    HttpClientConfig::from_json(text.as_bytes()).unwrap_err()
}

#[test]
fn nothing_given_means_the_defaults_of_the_protocol() {
    for text in ["", " \n", "{}", r#"{"transport": null, "serviceConfigs": null}"#] {
        assert_eq!(http(text), HttpClientConfig::default(), "{text:?}");
    }
    let transport = transport("{}");
    assert_eq!((transport.check_cluster.as_str(), transport.report_cluster.as_str()), ("mixer_server", "mixer_server"));
    assert_eq!((transport.report_batch_capacity(), transport.report_batch_max_time), (100, Duration::from_secs(1)));
    assert_eq!((transport.check_cache_capacity(), transport.check_join), (10_000, true));
    assert_eq!(
        (transport.rpc_timeout, transport.stats_update_interval),
        (Duration::from_secs(5), Duration::from_secs(10))
    );
    assert_eq!((transport.report_encoding(), transport.network_fail_policy), (Encoding::Independent, None));
    let policy = NetworkFailPolicy::default();
    assert_eq!((policy.policy, policy.max_retry), (FailPolicy::Open, 0));
    assert_eq!((policy.base_retry_wait, policy.max_retry_wait), (Duration::from_millis(80), Duration::from_secs(1)));
    assert_eq!(TcpClientConfig::from_json(b"{}").unwrap().report_interval, Duration::from_secs(10));
}

#[test]
fn the_original_template_is_read() {
    let config = http(
        r#"{
          "defaultDestinationService": "hello.default.svc.cluster.local",
          "mixerAttributes": {"attributes": {"destination.uid": {"stringValue": "kubernetes://v1.default"}}},
          "serviceConfigs": {"hello.default.svc.cluster.local": {
            "mixerAttributes": {"attributes": {"destination.service": {"stringValue": "hello.default.svc.cluster.local"}}}
          }},
          "forwardAttributes": {"attributes": {
            "source.uid": {"stringValue": "POD11"}, "source.namespace": {"stringValue": "XYZ11"}
          }}
        }"#,
    );
    assert_eq!(config.mixer_attributes.get(names::DESTINATION_UID), Some(ValueRef::String("kubernetes://v1.default")));
    assert_eq!(config.forward_attributes.len(), 2);
    let service = &config.service_configs[&config.default_destination_service];
    assert!(!service.disable_check_calls && !service.disable_report_calls);
    assert!(service.mixer_attributes.contains(names::DESTINATION_SERVICE));
}

#[test]
fn both_spellings_mean_the_same() {
    let snake = r#"{"ignore_forwarded_attributes": true, "transport": {"disable_check_cache": true, "check_cluster": "m",
        "network_fail_policy": {"policy": "FAIL_CLOSE", "max_retry": 3, "base_retry_wait": "0.1s"}}}"#;
    let camel = r#"{"ignoreForwardedAttributes": true, "transport": {"disableCheckCache": true, "checkCluster": "m",
        "networkFailPolicy": {"policy": 1, "maxRetry": "3", "baseRetryWait": "0.100s"}}}"#;
    assert_eq!(http(snake), http(camel));
    assert_eq!(http(snake).to_json(), http(camel).to_json());
    let transport = http(snake).transport;
    assert_eq!((transport.check_cache_entries, transport.check_cache_capacity()), (10_000, 0));
    let policy = transport.network_fail_policy.unwrap();
    assert_eq!((policy.policy, policy.max_retry), (FailPolicy::Close, 3));
    assert_eq!((policy.base_retry_wait, policy.max_retry_wait), (Duration::from_millis(100), Duration::from_secs(1)));
}

#[test]
fn attributes_of_all_types_are_read() {
    let config = http(
        r#"{"mixer_attributes": {"attributes": {
          "destination.port": {"int64Value": "8080"},
          "request.size": {"int64_value": 1e+15},
          "response.size": {"int64_value": 100.0},
          "score": {"double_value": 99.5},
          "odd": {"double_value": "NaN"},
          "connection.mtls": {"bool_value": false},
          "destination.ip": {"bytes_value": "AAAAAAAAAAAAAP//fwAAAQ=="},
          "source.ip": {"bytes_value": "-_8"},
          "context.time": {"timestamp_value": "2017-07-14T02:40:00.25Z"},
          "response.duration": {"duration_value": "-0.005s"},
          "source.labels": {"string_map_value": {"entries": {"b": "2", "a": "1"}}},
          "source.metadata": {"string_map_value": {}}
        }}}"#,
    );
    let bag = config.mixer_attributes;
    let of = |name: &str| bag.get(Name::lookup(name).unwrap());
    assert_eq!(of("destination.port"), Some(ValueRef::Int64(8080)));
    assert_eq!(of("request.size"), Some(ValueRef::Int64(1_000_000_000_000_000)));
    assert_eq!(of("response.size"), Some(ValueRef::Int64(100)));
    assert_eq!(of("score"), Some(ValueRef::Double(99.5)));
    assert_eq!(of("odd"), Some(ValueRef::Double(f64::NAN)));
    assert_eq!(of("connection.mtls"), Some(ValueRef::Bool(false)));
    assert_eq!(of("destination.ip"), Some(ValueRef::Bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1])));
    assert_eq!(of("source.ip"), Some(ValueRef::Bytes(&[0xfb, 0xff])));
    assert_eq!(of("context.time"), Some(ValueRef::Timestamp(Time { seconds: 1_500_000_000, nanos: 250_000_000 })));
    assert_eq!(of("response.duration"), Some(ValueRef::Duration(Time { seconds: 0, nanos: -5_000_000 })));
    assert_eq!(bag.get_key(names::SOURCE_LABELS, "b"), Some("2"));
    assert_eq!(of("source.metadata"), None);
}

#[test]
fn odd_times_and_sizes_have_the_effect_of_the_original() {
    let odd = transport(
        r#"{"stats_update_interval": "-1s", "report_batch_max_entries": 0, "report_batch_max_time": "0s",
            "check_cluster": "", "check_cache_entries": 0, "rpc_timeout": "100000s",
            "network_fail_policy": {"base_retry_wait": "0s", "max_retry_wait": "200000s"}}"#,
    );
    assert_eq!(odd.stats_update_interval, Duration::from_secs(10));
    assert_eq!((odd.report_batch_max_entries, odd.report_batch_max_time), (100, Duration::from_secs(1)));
    assert_eq!((odd.check_cluster.as_str(), odd.check_cache_capacity()), ("mixer_server", 0));
    assert_eq!(odd.rpc_timeout, Duration::from_secs(86_400));
    let policy = odd.network_fail_policy.unwrap();
    assert_eq!((policy.base_retry_wait, policy.max_retry_wait), (Duration::ZERO, Duration::from_secs(86_400)));
    assert_eq!(transport(r#"{"disable_report_batch": true}"#).report_batch_capacity(), 1);
    for (interval, seconds) in [("-5s", 10), ("0.2s", 1), ("0s", 1), ("30s", 30)] {
        let text = format!(r#"{{"report_interval": "{interval}"}}"#);
        let config = TcpClientConfig::from_json(text.as_bytes()).unwrap();
        assert_eq!(config.report_interval, Duration::from_secs(seconds), "{interval}");
    }
}

#[test]
fn quotas_and_api_specs_are_read() {
    let service = ServiceConfig::from_json(
        br#"{
          "quota_spec": [{"rules": [
            {"match": [{"clause": {"request.path": {"prefix": "/api"}, "request.method": {"exact": "GET"}, "source.uid": {}}},
                       {"clause": {"request.host": {"regex": "a+|b"}}}],
             "quotas": [{"quota": "RequestCount", "charge": "2"}]},
            {"quotas": [{"quota": "All", "charge": 1.0}]}]}],
          "http_api_spec": [{"attributes": {"attributes": {"api.service": {"string_value": "pets"}}},
            "patterns": [{"http_method": "GET", "uri_template": "/pets/{id}"}, {"http_method": "*", "regex": "/x.*"}],
            "api_keys": [{"query": "key"}, {"header": "x-api-key"}, {"cookie": "key"}]}]
        }"#,
    )
    .unwrap();
    let rules = &service.quota_spec[0].rules;
    let clause: Vec<_> = rules[0].matches[0].clause.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(clause, ["request.method", "request.path", "source.uid"]);
    assert_eq!(rules[0].matches[0].clause[1].1, StringMatch::Prefix("/api".to_owned()));
    assert_eq!(rules[0].matches[0].clause[2].1, StringMatch::Present);
    assert_eq!((rules[0].quotas[0].quota.as_str(), rules[0].quotas[0].charge), ("RequestCount", 2));
    assert_eq!((rules[1].matches.len(), rules[1].quotas[0].charge), (0, 1));
    let regex = StringMatch::whole_text_regex("a+|b").unwrap();
    assert!(regex.is_match("aa") && regex.is_match("b") && !regex.is_match("ab") && !regex.is_match("b\n"));
    let spec = &service.http_api_spec[0];
    assert_eq!(spec.patterns[0].path, PathPattern::UriTemplate("/pets/{id}".to_owned()));
    assert_eq!(spec.api_keys[1], ApiKey::Header("x-api-key".to_owned()));
}

#[test]
fn a_wrong_configuration_names_field_value_reason_and_what_is_accepted() {
    for (text, path, value, reason) in [
        (
            r#"{"service_configs": {"a": {"mixerAttributes": {"attributes": {"destination.port": {"int64_value": "x"}}}}}}"#,
            r#"service_configs["a"].mixer_attributes.attributes["destination.port"].int64_value"#,
            r#""x""#,
            "not a whole number",
        ),
        (
            r#"{"transport": {"report_batch_max_entries": -1}}"#,
            "transport.report_batch_max_entries",
            "-1",
            "out of range",
        ),
        (
            r#"{"transport": {"report_batch_max_entries": 1e21}}"#,
            "transport.report_batch_max_entries",
            "1e+21",
            "out of range",
        ),
        (
            r#"{"transport": {"report_batch_max_entries": 1.5}}"#,
            "transport.report_batch_max_entries",
            "1.5",
            "not a whole number",
        ),
        (
            r#"{"transport": {"check_join": "yes"}}"#,
            "transport.check_join",
            r#""yes""#,
            "expected a bool, not a string",
        ),
        (r#"{"transport": {"rpc_timeout": 5}}"#, "transport.rpc_timeout", "5", "expected a duration, not a number"),
        (r#"{"transport": {"rpc_timeout": "5"}}"#, "transport.rpc_timeout", r#""5""#, "not a duration"),
        (r#"{"transport": {"rpc_timeout": "0s"}}"#, "transport.rpc_timeout", r#""0s""#, "must be longer than nothing"),
        (
            r#"{"transport": {"networkFailPolicy": {"policy": "CLOSE"}}}"#,
            "transport.network_fail_policy.policy",
            r#""CLOSE""#,
            "not one of the names",
        ),
        (
            r#"{"transport": {"networkFailPolicy": {"maxRetryWait": "-1s"}}}"#,
            "transport.network_fail_policy.max_retry_wait",
            r#""-1s""#,
            "must not be negative",
        ),
        (r#"{"transport": []}"#, "transport", "[]", "expected an object, not a list"),
        (r#"{"service_configs": {"a": null}}"#, r#"service_configs["a"]"#, "null", "expected an object, not null"),
        (
            r#"{"service_configs": {"a": {"disableCheckCall": true}}}"#,
            r#"service_configs["a"].disableCheckCall"#,
            "true",
            "unknown field (did you mean disable_check_calls?)",
        ),
        (r#"{"v2": {}}"#, "v2", "{}", "unknown field"),
        (
            r#"{"mixer_attributes": {}, "mixerAttributes": {}}"#,
            "mixer_attributes",
            "{}",
            "given twice, as mixerAttributes and as mixer_attributes",
        ),
        (
            r#"{"mixer_attributes": {"attributes": {"a": {}}}}"#,
            r#"mixer_attributes.attributes["a"]"#,
            "{}",
            "no value is given",
        ),
        (
            r#"{"mixer_attributes": {"attributes": {"a": {"stringValue": "x", "boolValue": true}}}}"#,
            r#"mixer_attributes.attributes["a"].bool_value"#,
            "true",
            "bool_value and string_value exclude each other",
        ),
        (
            r#"{"mixer_attributes": {"attributes": {"a": {"bytesValue": "*"}}}}"#,
            r#"mixer_attributes.attributes["a"].bytes_value"#,
            r#""*""#,
            "not base64",
        ),
        (
            r#"{"service_configs": {"a": {"quota_spec": [{"rules": [{"match": [{"clause": {"b": {"regex": "("}}}]}]}]}}}"#,
            r#"service_configs["a"].quota_spec[0].rules[0].match[0].clause["b"].regex"#,
            r#""(""#,
            "not a regular expression",
        ),
        (
            r#"{"service_configs": {"a": {"quota_spec": [{"rules": [{"quotas": [{"charge": 1}]}]}]}}}"#,
            r#"service_configs["a"].quota_spec[0].rules[0].quotas[0]"#,
            r#"{"charge":1}"#,
            "no quota is named",
        ),
        (
            r#"{"service_configs": {"a": {"http_api_spec": [{"patterns": [{"uri_template": "/pets/{id"}]}]}}}"#,
            r#"service_configs["a"].http_api_spec[0].patterns[0].uri_template"#,
            r#""/pets/{id""#,
            "not a template: a { is not closed",
        ),
        ("{\n \"transport\": }", "", " \"transport\": }", "not JSON"),
    ] {
        let error = http_error(text);
        assert_eq!((error.path.as_str(), error.value.as_str()), (path, value), "{error}");
        assert!(error.reason.starts_with(reason), "{error}");
        assert!(!error.accepted.is_empty(), "{error}");
        let shown = error.to_string();
        assert!([path, value, reason, &error.accepted].iter().all(|part| shown.contains(part)), "{shown}");
    }
}

#[test]
fn an_error_reads_as_one_line() {
    let error = http_error(r#"{"service_configs": {"shop": {"disable_check_call": true}}}"#);
    assert_eq!(
        error.to_string(),
        "service_configs[\"shop\"].disable_check_call: unknown field (did you mean disable_check_calls?), got true; accepted: \
         fields disable_check_calls, disable_report_calls, mixer_attributes, http_api_spec, quota_spec, network_fail_policy, \
         forward_attributes"
    );
}

#[test]
fn an_error_shows_only_the_beginning_of_a_long_value() {
    let error = http_error(&format!(r#"{{"default_destination_service": ["{}"]}}"#, "ä".repeat(500)));
    assert!(error.value.chars().count() <= 81 && error.value.ends_with('…'), "{error}");
}
