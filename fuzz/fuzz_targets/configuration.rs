//! The configurations in JSON: what is accepted can be written, read again and compiled, and is equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::api_spec::ApiSpecs;
use mizzen_client::config::{HttpClientConfig, ServiceConfig, TcpClientConfig};
use mizzen_client::quota::QuotaRules;
use mizzen_client::{Bag, names};

fuzz_target!(|data: &[u8]| {
    if let Ok(config) = HttpClientConfig::from_json(data) {
        let text = config.to_json();
        let again = HttpClientConfig::from_json(text.as_bytes()).expect("what was written can be read");
        assert_eq!(again.to_json(), text);
    }
    if let Ok(config) = TcpClientConfig::from_json(data) {
        let text = config.to_json();
        let again = TcpClientConfig::from_json(text.as_bytes()).expect("what was written can be read");
        assert_eq!(again.to_json(), text);
    }
    let Ok(config) = ServiceConfig::from_json(data) else { return };
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_METHOD, "GET");
    bag.set_string(names::REQUEST_PATH, "/a/b:c?d=e");
    let mut requirements = Vec::new();
    if let Ok(rules) = QuotaRules::compile(&config.quota_spec) {
        rules.requirements(&bag, &mut requirements);
    }
    if let Ok(specs) = ApiSpecs::compile(&config.http_api_spec) {
        specs.apply(&mut bag);
    }
});
