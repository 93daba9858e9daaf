use super::*;
use crate::value::ValueRef;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

fn applied(header: &[u8]) -> (bool, Bag) {
    let mut bag = Bag::new();
    (apply_payload(header, &mut bag), bag)
}

fn of(payload: &str) -> Bag {
    let (read, bag) = applied(URL_SAFE_NO_PAD.encode(payload).as_bytes());
    assert!(read, "{payload}");
    bag
}

fn text(bag: &Bag, name: Name) -> Option<&str> {
    match bag.get(name) {
        Some(ValueRef::String(text)) => Some(text),
        _ => None,
    }
}

#[test]
fn claims_become_attributes() {
    let payload = r#"{"iss":"https://issuer","sub":"ann","aud":["shop","bank"],"azp":"app","groups":["a","b"],"exp":5,"admin":true}"#;
    let bag = of(payload);
    assert_eq!(text(&bag, names::REQUEST_AUTH_PRINCIPAL), Some("https://issuer/ann"));
    assert_eq!(text(&bag, names::REQUEST_AUTH_AUDIENCES), Some("shop"));
    assert_eq!(text(&bag, names::REQUEST_AUTH_PRESENTER), Some("app"));
    assert_eq!(text(&bag, names::REQUEST_AUTH_RAW_CLAIMS), Some(payload));
    for (claim, value) in [
        ("iss", Some("https://issuer")),
        ("aud", Some("shop,bank")),
        ("groups", Some("a,b")),
        ("exp", None),
        ("admin", None),
    ] {
        assert_eq!(bag.get_key(names::REQUEST_AUTH_CLAIMS, claim), value, "{claim}");
    }
}

#[test]
fn one_audience_may_stand_alone() {
    assert_eq!(text(&of(r#"{"aud":"shop"}"#), names::REQUEST_AUTH_AUDIENCES), Some("shop"));
}

#[test]
fn half_a_principal_is_none() {
    for payload in [r#"{"iss":"i"}"#, r#"{"sub":"s"}"#, r#"{"iss":"i","sub":""}"#, r#"{"iss":"i","sub":7}"#] {
        assert!(!of(payload).contains(names::REQUEST_AUTH_PRINCIPAL), "{payload}");
    }
}

#[test]
fn an_empty_payload_tells_only_itself() {
    let bag = of("{}");
    assert_eq!(bag.len(), 1);
    assert_eq!(text(&bag, names::REQUEST_AUTH_RAW_CLAIMS), Some("{}"));
}

#[test]
fn padding_and_loose_bits_make_no_difference() {
    let payload = r#"{"sub":"s"}"#;
    let plain = of(payload);
    assert_eq!(applied(URL_SAFE.encode(payload).as_bytes()), (true, plain));
    assert!(applied(b"e31").0, "the last character of this `{{}}` has bits to spare");
}

#[test]
fn what_is_no_object_sets_nothing() {
    for payload in [&b"not base64!"[..], b"", b"W10", b"bnVsbA", b"_w", b"eyJhIjo"] {
        assert_eq!(applied(payload), (false, Bag::new()), "{payload:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(header: Vec<u8>) {
        let (read, bag) = applied(&header);
        prop_assert_eq!(read, !bag.is_empty());
    }

    #[test]
    fn every_object_of_texts_is_the_map_of_its_claims(
        claims in proptest::collection::btree_map("[a-z:/]{1,12}", ".{0,12}", 1..8),
    ) {
        let payload = serde_json::to_string(&claims).unwrap();
        let bag = of(&payload);
        for (claim, value) in &claims {
            prop_assert_eq!(bag.get_key(names::REQUEST_AUTH_CLAIMS, claim), Some(value.as_str()));
        }
        prop_assert_eq!(text(&bag, names::REQUEST_AUTH_RAW_CLAIMS), Some(payload.as_str()));
        prop_assert_eq!(bag.contains(names::REQUEST_AUTH_PRINCIPAL), ["iss", "sub"].iter().all(|claim| claims.get(*claim).is_some_and(|value| !value.is_empty())));
    }
}
