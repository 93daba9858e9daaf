//! What is read lazily is what the eager decoder reads, what is looked up is what is referred to, and no bytes panic.

use super::*;
use crate::answer;
use crate::bag::Bag;
use crate::decode::{decode_check_request, decode_check_response, decode_report_request};
use crate::dictionary::WordLimit;
use crate::encode::{QuotaParams, encode_check_request};
use crate::name::{Name, names};
use crate::report::{Encoding, ReportEncoder};
use crate::value::{Time, ValueRef};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn sample() -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::SOURCE_UID, "kubernetes://web-1.demo");
    bag.set_bool(names::CONNECTION_MTLS, true);
    bag.set_int64(names::DESTINATION_PORT, 8080);
    bag.set_bytes(names::ORIGIN_IP, &[192, 0, 2, 33]);
    bag.set_timestamp(names::REQUEST_TIME, Time { seconds: 1_500_000_000, nanos: 250_000_000 });
    bag.set_duration(names::RESPONSE_DURATION, Time { seconds: 0, nanos: 5_000_000 });
    bag.set_double(Name::intern("score"), 99.5);
    bag.set_map(names::REQUEST_HEADERS, [(":path", "/echo"), ("x-team", "blue")]);
    bag
}

fn request(bag: &Bag) -> Vec<u8> {
    encode_check_request(bag, WordLimit::FULL, "id", &[QuotaParams { name: "q", amount: 5, best_effort: true }])
}

/// The text of a value, the same for both ways of reading.
fn shown(value: &WireValue<'_>) -> String {
    let value = match value {
        WireValue::String(text) => ValueRef::String(text),
        WireValue::Int64(number) => ValueRef::Int64(*number),
        WireValue::Double(number) => ValueRef::Double(*number),
        WireValue::Bool(flag) => ValueRef::Bool(*flag),
        WireValue::Bytes(bytes) => ValueRef::Bytes(bytes),
        WireValue::Timestamp(time) => ValueRef::Timestamp(*time),
        WireValue::Duration(time) => ValueRef::Duration(*time),
        WireValue::StringMap(map) => return format!("{:?}", map.iter().collect::<BTreeMap<_, _>>()),
    };
    format!("{value:?}")
}

fn lazily(message: &Message, record: &Record) -> BTreeMap<String, String> {
    message.attributes(record).map(|(name, value)| (name.to_owned(), shown(&value))).collect()
}

fn eagerly(bag: &Bag) -> BTreeMap<String, String> {
    bag.iter().map(|(name, value)| (name.as_str().to_owned(), format!("{value:?}"))).collect()
}

#[test]
fn a_request_reads_as_it_was_written() {
    let mut check = CheckRequest::parse(&request(&sample())).unwrap();
    assert_eq!(lazily(check.message(), check.record()), eagerly(&sample()));
    assert_eq!((check.deduplication_id(), check.word_count()), ("id", 222));
    assert_eq!(check.quotas(), &BTreeMap::from([("q".to_owned(), QuotaAsked { amount: 5, best_effort: true })]));
    assert!(matches!(check.get("score"), Some(WireValue::Double(score)) if score == 99.5));
    assert_eq!(check.get_key("request.headers", "x-team"), Ok(Some("blue")));
    assert_eq!(check.get_key("score", "x"), Err(NotAMap));
}

#[test]
fn a_client_decodes_the_answer_and_the_references_of_its_look_ups() {
    let mut check = CheckRequest::parse(&request(&sample())).unwrap();
    check.get("source.uid");
    check.get("no.such");
    let after = check.references().clone();
    check.get_key("request.headers", "x-team").unwrap();
    check.get_key("request.headers", "cookie").unwrap();
    let directive = answer::RouteDirective {
        response_header_operations: vec![answer::HeaderOperation {
            name: "location".to_owned(),
            value: "/login".to_owned(),
            operation: answer::Operation::Append,
        }],
        direct_response_code: 302,
        ..Default::default()
    };
    let tracked = (&**check.message(), check.references());
    let precondition = Precondition {
        code: 7,
        message: "no",
        valid_for: Some(Time { seconds: 5, nanos: 1 }),
        uses: -1,
        referenced: tracked,
        directive: Some(&directive),
    };
    let granted = Granted {
        name: "q",
        amount: 3,
        valid_for: None,
        code: 14,
        message: "later",
        referenced: Some((check.message(), &after)),
    };
    let response = decode_check_response(&encode_check_response(222, &precondition, &[granted])).unwrap();
    let decided = response.precondition.unwrap();
    assert_eq!((decided.status.code, decided.status.message.as_str()), (7, "no"));
    assert_eq!((decided.valid_duration, decided.valid_use_count), (Some(Time { seconds: 5, nanos: 1 }), -1));
    assert_eq!(decided.directive, Some(directive));
    let reference = |name: &str, key: Option<&str>, condition| answer::Reference {
        name: name.to_owned(),
        map_key: key.map(str::to_owned),
        condition,
    };
    let mut expected = vec![
        reference("source.uid", None, answer::Condition::Exact),
        reference("no.such", None, answer::Condition::Absence),
    ];
    let (name, quota) = &response.quotas[0];
    assert_eq!((name.as_str(), quota.granted_amount, quota.status.code), ("q", 3, 14));
    assert_eq!(sorted(quota.referenced.clone().unwrap()), sorted(expected.clone()));
    expected.push(reference("request.headers", Some("x-team"), answer::Condition::Exact));
    expected.push(reference("request.headers", Some("cookie"), answer::Condition::Absence));
    assert_eq!(sorted(decided.referenced.unwrap()), sorted(expected));
}

fn sorted(mut references: Vec<answer::Reference>) -> Vec<answer::Reference> {
    references.sort();
    references
}

#[test]
fn a_message_given_twice_is_its_parts_joined() {
    let (mut first, mut second) = (Bag::new(), Bag::new());
    first.set_int64(names::SOURCE_PORT, 1);
    second.set_bool(names::CONNECTION_MTLS, true);
    let joined = [request(&first), request(&second)].concat();
    let check = CheckRequest::parse(&joined).unwrap();
    assert_eq!(lazily(check.message(), check.record()), eagerly(&decode_check_request(&joined).unwrap().bag));
    assert_eq!(lazily(check.message(), check.record()).len(), 2);
}

#[test]
fn text_that_is_not_utf_8_reads_with_replacement_characters() {
    let mut bytes = request(&sample());
    let at = bytes.windows(4).position(|window| window == b"blue").unwrap();
    bytes[at] = 0xff;
    let mut check = CheckRequest::parse(&bytes).unwrap();
    assert_eq!(check.get_key("request.headers", "x-team"), Ok(Some("\u{fffd}lue")));
}

#[test]
fn a_larger_dictionary_is_refused_by_name() {
    let error = CheckRequest::parse(&[0x10, 223, 1]).unwrap_err();
    assert_eq!(error, WireError::DictionaryMismatch { asked: 223 });
    assert!(error.to_string().starts_with("inconsistent global dictionary versions used"));
}

#[test]
fn groups_follow_the_first_record_of_each() {
    let mut batch = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
    for (code, size) in [(200, 1), (404, 2), (200, 3)] {
        let mut bag = sample();
        bag.set_int64(names::RESPONSE_CODE, code);
        bag.set_int64(names::RESPONSE_SIZE, size);
        batch.push(&bag).unwrap();
    }
    let report = ReportRequest::parse(&batch.finish()).unwrap();
    let plan = Plan {
        keys: vec![("response.code".to_owned(), None), ("request.headers".to_owned(), Some("x-team".to_owned()))],
        values: vec!["response.size".to_owned()],
    };
    let groups = |among| -> Vec<_> {
        plan.group(&report, among).into_iter().map(|group| (group.members, group.columns)).collect()
    };
    assert_eq!(groups(None), [(vec![0, 2], vec![Some(vec![1.0, 3.0])]), (vec![1], vec![Some(vec![2.0])])]);
    assert_eq!(groups(Some(&[1, 2, 9])), [(vec![1], vec![Some(vec![2.0])]), (vec![2], vec![Some(vec![3.0])])]);
}

/// Reads everything there is to read.
fn exhaust(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    if let Ok(report) = ReportRequest::parse(bytes) {
        for record in report.records() {
            lazily(report.message(), record);
        }
        assert_eq!(report.records().len() + report.errors().len(), report.sent());
        Plan { keys: vec![("source.ip".to_owned(), None)], values: vec!["score".to_owned()] }.group(&report, None);
    }
    let mut check = CheckRequest::parse(bytes).ok()?;
    let found = lazily(check.message(), check.record());
    for name in found.keys() {
        assert!(check.get(name).is_some());
    }
    let _ = check.get_key("request.headers", ":path");
    Some(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exhaust(&bytes);
    }

    #[test]
    fn a_damaged_request_reads_as_the_eager_decoder_reads_it(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = request(&sample());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let (Some(lazily), Ok(eager)) = (exhaust(&bytes), decode_check_request(&bytes)) {
            // the bag of the client drops empty maps and cannot hold two names of one text
            let nonempty: BTreeMap<_, _> = lazily.into_iter().filter(|(_, value)| value != "{}").collect();
            prop_assert_eq!(nonempty, eagerly(&eager.bag));
        }
    }

    #[test]
    fn a_report_reads_as_the_eager_decoder_reads_it(
        changes in prop::collection::vec((0usize..4, any::<i64>(), "[a-c]{0,2}"), 1..8),
        delta in any::<bool>(),
    ) {
        let encoding = if delta { Encoding::Delta } else { Encoding::Independent };
        let mut batch = ReportEncoder::new(WordLimit::FULL, encoding);
        let mut bag = sample();
        for (which, number, text) in changes {
            match which {
                0 => bag.set_int64(names::RESPONSE_CODE, number),
                1 => bag.set_string(names::SOURCE_UID, &text),
                2 => bag.set_map(names::REQUEST_HEADERS, [("k", text.as_str())]),
                _ => bag.set_string(names::RESPONSE_CODE, &text),
            }
            batch.push(&bag).unwrap();
        }
        let bytes = batch.finish();
        let report = ReportRequest::parse(&bytes).unwrap();
        let lazy: Vec<_> = report.records().iter().map(|record| lazily(report.message(), record)).collect();
        let eager: Vec<_> = decode_report_request(&bytes).unwrap().bags.iter().map(eagerly).collect();
        prop_assert_eq!(lazy, eager);
    }
}
