//! What the decoder makes of messages that no good client sends.

use mizzen_client::decode::{DecodeError, MAX_DECODED_BYTES, decode_check_request, decode_report_request};
use mizzen_client::proto::{CheckRequest, CompressedAttributes, ReportRequest, StringMap};
use mizzen_client::{Bag, Name, ValueRef, names};
use prost::Message;

fn check(attributes: CompressedAttributes) -> Result<Bag, DecodeError> {
    let request = CheckRequest { attributes: Some(attributes), ..CheckRequest::default() };
    decode_check_request(&request.encode_to_vec()).map(|request| request.bag)
}

fn words(words: &[&str]) -> CompressedAttributes {
    CompressedAttributes { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Default::default() }
}

fn report(attributes: Vec<CompressedAttributes>, independent: bool) -> Vec<u8> {
    let semantics = i32::from(independent);
    ReportRequest { attributes, repeated_attributes_semantics: semantics, ..Default::default() }.encode_to_vec()
}

#[test]
fn an_index_that_leads_nowhere_reads_as_absent_in_a_check() {
    let mut attributes = words(&["x"]);
    attributes.strings = [(3, -2), (17, 222), (19, -1), (-2, 0), (222, 0)].into();
    attributes.string_maps =
        [(15, StringMap { entries: [(-1, -9), (32, 90)].into() }), (26, StringMap { entries: [(32, 90)].into() })]
            .into();
    let bag = check(attributes).unwrap();
    assert_eq!(bag.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["request.method", "response.headers"]);
    assert_eq!(bag.get(names::REQUEST_METHOD), Some(ValueRef::String("x")));
}

#[test]
fn of_one_name_under_several_types_the_string_counts_then_the_map() {
    let mut attributes = words(&["x"]);
    attributes.bytes = [(3, vec![1])].into();
    attributes.int64s = [(3, 1), (17, 2)].into();
    attributes.string_maps = [(17, StringMap { entries: [(-1, -1)].into() })].into();
    attributes.strings = [(3, -1)].into();
    attributes.bools = [(17, true)].into();
    let bag = check(attributes).unwrap();
    assert_eq!(bag.get(names::SOURCE_UID), Some(ValueRef::String("x")));
    assert_eq!(bag.get_key(names::REQUEST_PATH, "x"), Some("x"));
}

#[test]
fn a_name_among_the_words_of_the_message_wins_over_its_global_index() {
    let mut attributes = words(&["source.uid", "by word", "by index"]);
    attributes.strings = [(-1, -2), (3, -3)].into();
    assert_eq!(check(attributes).unwrap().get(names::SOURCE_UID), Some(ValueRef::String("by word")));
}

#[test]
fn what_a_map_entry_leaves_out_is_word_zero() {
    // strings { } : neither key nor value
    let request = [0x0a, 2, 0x12, 0];
    let bag = decode_check_request(&request).unwrap().bag;
    assert_eq!(bag.get(names::SOURCE_IP), Some(ValueRef::String("source.ip")));
}

#[test]
fn attributes_in_two_parts_are_joined() {
    // words in the second part, a string that uses them in the first
    let request = [0x0a, 6, 0x12, 4, 0x08, 6, 0x10, 1, 0x0a, 3, 0x0a, 1, b'x'];
    let bag = decode_check_request(&request).unwrap().bag;
    assert_eq!(bag.get(names::SOURCE_UID), Some(ValueRef::String("x")));
}

#[test]
fn text_that_is_not_utf8_is_replaced() {
    let request = [0x0a, 9, 0x0a, 1, 0xff, 0x12, 4, 0x08, 6, 0x10, 1];
    let bag = decode_check_request(&request).unwrap().bag;
    assert_eq!(bag.get(names::SOURCE_UID), Some(ValueRef::String("\u{fffd}")));
}

#[test]
fn a_later_delta_must_be_right_and_the_others_are_still_read() {
    let mut first = words(&["a"]);
    first.strings = [(3, -1), (17, -9)].into();
    first.int64s = [(3, 1)].into();
    let mut undefined = words(&["b"]);
    undefined.strings = [(3, -7), (17, -1)].into();
    undefined.string_maps = [(15, StringMap { entries: [(300, -8)].into() })].into();
    let mut duplicate = words(&["c"]);
    duplicate.strings = [(19, -1)].into();
    duplicate.bools = [(19, true)].into();
    let mut last = words(&["d"]);
    last.strings = [(3, -1)].into();
    let attributes = vec![first, undefined, duplicate, last];

    let request = decode_report_request(&report(attributes.clone(), false)).unwrap();
    assert_eq!(
        request.errors,
        [
            (1, DecodeError::UndefinedIndices(vec![-7, 300, -8])),
            (2, DecodeError::DuplicateAttribute("request.method".to_owned())),
        ]
    );
    let text = |bag: &Bag, name| match bag.get(name) {
        Some(ValueRef::String(text)) => text.to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(request.bags.len(), 2);
    assert_eq!(text(&request.bags[0], names::SOURCE_UID), "a");
    // what could be read of the bad deltas stays applied
    assert_eq!(text(&request.bags[1], names::SOURCE_UID), "d");
    assert_eq!(text(&request.bags[1], names::REQUEST_PATH), "b");
    assert_eq!(text(&request.bags[1], names::REQUEST_METHOD), "c");

    let request = decode_report_request(&report(attributes, true)).unwrap();
    assert_eq!((request.bags.len(), request.errors.len()), (4, 0));
}

#[test]
fn a_malformed_entry_spoils_only_itself() {
    let mut good = words(&["x"]);
    good.strings = [(3, -1)].into();
    let mut message = vec![0x0a, 2, 0x12, 9];
    message.extend(report(vec![good], true));
    let request = decode_report_request(&message).unwrap();
    assert_eq!(request.errors, [(0, DecodeError::Truncated)]);
    assert_eq!(request.bags.len(), 1);
}

#[test]
fn a_small_message_cannot_take_much_memory() {
    let long = "x".repeat(1 << 20);
    let entry = CompressedAttributes { strings: [(3, -1)].into(), ..Default::default() };
    let request = ReportRequest {
        attributes: vec![entry; MAX_DECODED_BYTES >> 20],
        default_words: vec![long],
        repeated_attributes_semantics: 1,
        ..Default::default()
    };
    let message = request.encode_to_vec();
    assert!(message.len() < 2 << 20);
    assert_eq!(decode_report_request(&message), Err(DecodeError::TooLarge));
    // a great many empty bags
    let empty: Vec<u8> = [0x0a, 0].repeat(1 << 20);
    assert_eq!(decode_report_request(&empty), Err(DecodeError::TooLarge));
}

#[test]
fn a_name_too_long_is_refused() {
    let mut attributes = words(&[&"n".repeat(1000)]);
    attributes.int64s = [(-1, 1)].into();
    assert_eq!(check(attributes), Err(DecodeError::NameRefused("n".repeat(80))));
}

#[test]
fn a_name_met_here_first_is_known_afterwards() {
    let mut attributes = words(&["test.leniency.met"]);
    attributes.int64s = [(-1, 7)].into();
    let bag = check(attributes).unwrap();
    assert_eq!(bag.get(Name::lookup("test.leniency.met").unwrap()), Some(ValueRef::Int64(7)));
}
