//! Headers of a request that carry something encoded: forwarded attributes and a token's payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::Bag;
use mizzen_client::auth::apply_payload;
use mizzen_client::forward::{ACCEPTED, apply_forwarded, decode_forwarded, encode_forwarded};

fuzz_target!(|data: &[u8]| {
    let mut bag = Bag::new();
    assert_eq!(apply_payload(data, &mut bag), !bag.is_empty());
    let mut bag = Bag::new();
    apply_forwarded(data, &mut bag);
    let pairs = decode_forwarded(data);
    assert_eq!(pairs.is_empty(), bag.is_empty());
    assert!(pairs.iter().all(|(name, value)| ACCEPTED.contains(name) && !value.is_empty()));
    let mut again = Bag::new();
    apply_forwarded(encode_forwarded(&bag).as_bytes(), &mut again);
    assert_eq!(again, bag);
});
