//! The protocol's golden vectors: what goes over the wire, byte by byte.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

use mizzen_client::answer::{
    CheckResponse, Condition, HeaderOperation, Operation, Precondition, QuotaResult, Reference, RouteDirective,
};
use mizzen_client::decode::{decode_check_request, decode_check_response, decode_report_request};
use mizzen_client::dictionary::WordLimit;
use mizzen_client::encode::{QuotaParams, encode_check_request, encode_check_response};
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::status::Status;
use mizzen_client::{Bag, Name, Time, names};

const BAG_A: &str = "0a052f6563686f0a176b756265726e657465733a2f2f7765622d312e64656d6f
    1204080610031204082210011205082610b401120608860210b8012a0508e202
    1000";

const BAG_A_BASE: &str = "0a0f636f6e6e656374696f6e2e6d746c730a10636f6e746578742e70726f746f
    636f6c0a052f6563686f0a176b756265726e657465733a2f2f7765622d312e64
    656d6f1205080310b8011204080610071204082210051205082610b4012a0408
    011000";

const BAG_B: &str = "0a096f726967696e2e69700a052f6563686f0a03722d310a0b72657472792e64
    656c74610a0573636f72651205082610b4011a0d080710ffffffffffffffffff
    011a05083c10c8011a0608ae0210903f220b0809110000000000e058402a0508
    d80210012a0508e2021001320f0830120b0880dea0cb051080e59a773a09083a
    120510c096b102420808011204c00002214208080012040a0000074a18081e12
    140a05084010b4010a04084210030a0508cc011005";

const DEDUPLICATION_ID: &str = "5f0c1b0e-0000-4000-8000-0000000000010";

const CHECK_A: &str = "0a420a052f6563686f0a176b756265726e657465733a2f2f7765622d312e6465
    6d6f1204080610031204082210011205082610b401120608860210b8012a0508
    e202100010de011a2535663063316230652d303030302d343030302d38303030
    2d30303030303030303030303130";

const REPORT: &str = "0a2b120508fa011003120608860210f801120508d60210011a0608fc0110ac02
    320b088a0212060880dea0cb050a39120508fa011003120608860210f8011205
    08d60210051a0508fc011000320b088a0212060882dea0cb053a0d0884021208
    08021080cab5ee0112046f70656e120475312d371205636c6f736518de012001";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn bag_a() -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::SOURCE_UID, "kubernetes://web-1.demo");
    bag.set_string(names::REQUEST_PATH, "/echo");
    bag.set_string(names::REQUEST_METHOD, "GET");
    bag.set_string(names::CONTEXT_PROTOCOL, "http");
    bag.set_bool(names::CONNECTION_MTLS, false);
    bag
}

fn bag_b() -> Bag {
    let mut bag = Bag::new();
    bag.set_bytes(names::SOURCE_IP, &[10, 0, 0, 7]);
    bag.set_double(Name::intern("score"), 99.5);
    bag.set_int64(Name::intern("retry.delta"), -1);
    bag.set_duration(names::RESPONSE_DURATION, Time { seconds: 0, nanos: 5_000_000 });
    bag.set_int64(names::RESPONSE_CODE, 200);
    bag.set_timestamp(names::REQUEST_TIME, Time { seconds: 1_500_000_000, nanos: 250_000_000 });
    bag.set_string(names::REQUEST_METHOD, "GET");
    bag.set_map(names::REQUEST_HEADERS, [("x-request-id", "r-1"), (":path", "/echo"), (":method", "GET")]);
    bag.set_bytes(names::ORIGIN_IP, &[192, 0, 2, 33]);
    bag.set_int64(names::DESTINATION_PORT, 8080);
    bag.set_bool(names::CONNECTION_MTLS, true);
    bag.set_bool(names::CHECK_CACHE_HIT, true);
    bag
}

/// A `CheckRequest` that holds `attributes` and a word count.
fn check(attributes: &str, word_count: &str) -> Vec<u8> {
    let attributes = bytes(attributes);
    let mut message = vec![0x0a];
    let mut len = attributes.len();
    while len >= 0x80 {
        message.push(len as u8 | 0x80);
        len >>= 7;
    }
    message.push(len as u8);
    message.extend(attributes);
    message.extend(bytes(word_count));
    message
}

#[test]
fn strings_and_a_false_bool() {
    assert_eq!(bytes(BAG_A).len(), 66);
    let message = check(BAG_A, "10de01");
    assert_eq!(encode_check_request(&bag_a(), WordLimit::FULL, "", &[]), message);
    assert_eq!(decode_check_request(&message).unwrap().bag, bag_a());
}

#[test]
fn all_types_of_value() {
    assert_eq!(bytes(BAG_B).len(), 181);
    let message = check(BAG_B, "10de01");
    assert_eq!(encode_check_request(&bag_b(), WordLimit::FULL, "", &[]), message);
    assert_eq!(decode_check_request(&message).unwrap().bag, bag_b());
}

#[test]
fn fewer_words_after_a_fall_back() {
    assert_eq!(bytes(BAG_A_BASE).len(), 99);
    let message = check(BAG_A_BASE, "106f");
    assert_eq!(encode_check_request(&bag_a(), WordLimit::BASE, "", &[]), message);
    let request = decode_check_request(&message).unwrap();
    assert_eq!((request.bag, request.global_word_count), (bag_a(), 111));
}

#[test]
fn a_check_request_with_and_without_a_quota() {
    let quota = |amount, best_effort| QuotaParams { name: "RequestCount", amount, best_effort };
    for (quotas, addition, len) in [
        (vec![], "", 110),
        (vec![quota(5, false)], "22120a0c52657175657374436f756e7412020805", 130),
        (vec![quota(10, true)], "22140a0c52657175657374436f756e741204080a1001", 132),
    ] {
        let message = bytes(&[CHECK_A, addition].concat());
        assert_eq!(message.len(), len);
        assert_eq!(encode_check_request(&bag_a(), WordLimit::FULL, DEDUPLICATION_ID, &quotas), message);
        let request = decode_check_request(&message).unwrap();
        assert_eq!((request.bag, request.global_word_count), (bag_a(), 222));
        assert_eq!(request.deduplication_id, DEDUPLICATION_ID);
        let decoded: Vec<_> = request
            .quotas
            .iter()
            .map(|(name, arguments)| (name.as_str(), arguments.amount, arguments.best_effort))
            .collect();
        let expected: Vec<_> = quotas.iter().map(|quota| (quota.name, quota.amount, quota.best_effort)).collect();
        assert_eq!(decoded, expected);
    }
}

fn connection(event: &str, received: i64, seconds: i64) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::CONNECTION_EVENT, event);
    bag.set_string(names::CONNECTION_ID, "u1-7");
    bag.set_int64(names::CONNECTION_RECEIVED_BYTES, received);
    bag.set_string(names::CONTEXT_PROTOCOL, "tcp");
    bag.set_timestamp(names::CONTEXT_TIME, Time { seconds, nanos: 0 });
    bag
}

#[test]
fn a_report_of_two_bags() {
    let open = connection("open", 300, 1_500_000_000);
    let mut close = connection("close", 0, 1_500_000_002);
    close.set_duration(names::CONNECTION_DURATION, Time { seconds: 2, nanos: 500_000_000 });
    let message = bytes(REPORT);
    assert_eq!(message.len(), 128);

    let mut encoder = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
    for _ in 0..2 {
        encoder.push(&open).unwrap();
        encoder.push(&close).unwrap();
        assert_eq!((encoder.len(), encoder.encoded_bytes()), (2, message.len()));
        assert_eq!(encoder.finish(), message);
        assert!(encoder.is_empty());
    }
    let request = decode_report_request(&message).unwrap();
    assert_eq!(request.bags, [open, close]);
    assert_eq!((request.encoding, request.global_word_count), (Encoding::Independent, 222));
}

fn reference(name: &str, map_key: Option<&str>, condition: Condition) -> Reference {
    Reference { name: name.to_owned(), map_key: map_key.map(str::to_owned), condition }
}

#[test]
fn an_answer_that_allows() {
    let message = bytes("12261202080518904e2a1d0a06782d7465616d1204081410021206081e100220 01120508cc021001");
    let expected = CheckResponse {
        precondition: Some(Precondition {
            status: Status::ok(),
            valid_duration: Some(Time { seconds: 5, nanos: 0 }),
            valid_use_count: 10_000,
            referenced: Ok(vec![
                reference("target.name", None, Condition::Exact),
                reference("request.headers", Some("x-team"), Condition::Exact),
                reference("request.api_key", None, Condition::Absence),
            ]),
            directive: None,
        }),
        quotas: vec![],
    };
    assert_eq!(message.len(), 40);
    assert_eq!(decode_check_response(&message).unwrap(), expected);
    assert_eq!(encode_check_response(&expected, WordLimit::FULL), message);
}

#[test]
fn an_answer_that_denies_and_redirects() {
    let message = bytes(
        "12300a06080712026e6f1202080118ffffffffffffffffff01321712120a086c
        6f636174696f6e12062f6c6f67696e18ae021a160a0c52657175657374436f75
        6e7412060a02083c1003",
    );
    let expected = CheckResponse {
        precondition: Some(Precondition {
            status: Status::new(Status::PERMISSION_DENIED, "no"),
            valid_duration: Some(Time { seconds: 1, nanos: 0 }),
            valid_use_count: -1,
            referenced: Ok(vec![]),
            directive: Some(RouteDirective {
                response_header_operations: vec![HeaderOperation {
                    name: "location".to_owned(),
                    value: "/login".to_owned(),
                    operation: Operation::Replace,
                }],
                direct_response_code: 302,
                ..RouteDirective::default()
            }),
        }),
        quotas: vec![(
            "RequestCount".to_owned(),
            QuotaResult {
                valid_duration: Some(Time { seconds: 60, nanos: 0 }),
                granted_amount: 3,
                referenced: Ok(vec![]),
                status: Status::ok(),
            },
        )],
    };
    assert_eq!(message.len(), 74);
    assert_eq!(decode_check_response(&message).unwrap(), expected);
    assert_eq!(encode_check_response(&expected, WordLimit::FULL), message);
}
