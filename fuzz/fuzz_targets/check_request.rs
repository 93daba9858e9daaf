//! A CheckRequest, as both readers take it: what the one reads as a bag, the other finds by name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::ValueRef;
use mizzen_client::decode::decode_check_request;
use mizzen_client::dictionary::WordLimit;
use mizzen_client::encode::{QuotaParams, encode_check_request};
use mizzen_client::server;

fuzz_target!(|data: &[u8]| {
    if let Ok(mut request) = server::CheckRequest::parse(data) {
        let message = request.message().clone();
        let record = request.record().clone();
        let names: Vec<String> = message.attributes(&record).map(|(name, _)| name.to_owned()).collect();
        for name in names {
            assert!(request.has(&name));
            let _ = request.get(&name);
            let _ = request.get_key(&name, "key");
        }
        assert!(!request.has("no.such.attribute"));
        let references = request.references().clone();
        let _ = references.iter(&message).count();
        request.rewind(references);
    }
    let Ok(request) = decode_check_request(data) else { return };
    let quotas: Vec<QuotaParams<'_>> = request
        .quotas
        .iter()
        .map(|(name, asked)| QuotaParams { name, amount: asked.amount, best_effort: asked.best_effort })
        .collect();
    for limit in [WordLimit::FULL, WordLimit::BASE] {
        let bytes = encode_check_request(&request.bag, limit, &request.deduplication_id, &quotas);
        let again = decode_check_request(&bytes).expect("what was written can be read");
        // a double that is no number differs from itself
        let comparable =
            request.bag.iter().all(|(_, value)| !matches!(value, ValueRef::Double(number) if number.is_nan()));
        assert!(!comparable || again.bag == request.bag);
        assert_eq!(again.quotas, request.quotas);
        assert_eq!(again.deduplication_id, request.deduplication_id);
    }
});
