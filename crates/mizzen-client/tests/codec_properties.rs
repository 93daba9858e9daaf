//! What holds for every bag and every input of the codec.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use common::{Value, attributes, bag, set};
use mizzen_client::decode::{ReportReader, decode_check_request, decode_check_response, decode_report_request};
use mizzen_client::dictionary::WordLimit;
use mizzen_client::encode::{QuotaParams, encode_check_request};
use mizzen_client::forward::{apply_forwarded, encode_forwarded};
use mizzen_client::proto;
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::words::WORDS;
use mizzen_client::{Bag, Name, names};
use proptest::prelude::*;
use prost::Message;
use std::collections::HashSet;

fn limit() -> impl Strategy<Value = WordLimit> {
    prop_oneof![Just(WordLimit::FULL), Just(WordLimit::BASE), Just(WordLimit::new(0).unwrap())]
}

/// All word indices that a message uses.
fn indices(message: &proto::CompressedAttributes) -> Vec<i32> {
    let mut indices: Vec<i32> = message.strings.iter().flat_map(|(key, value)| [*key, *value]).collect();
    indices.extend(message.int64s.keys());
    indices.extend(message.doubles.keys());
    indices.extend(message.bools.keys());
    indices.extend(message.timestamps.keys());
    indices.extend(message.durations.keys());
    indices.extend(message.bytes.keys());
    for (key, map) in &message.string_maps {
        indices.push(*key);
        indices.extend(map.entries.iter().flat_map(|(key, value)| [*key, *value]));
    }
    indices
}

/// Encodes bags as a client does that finishes a batch whenever it must; returns the messages.
fn batches(bags: &[Bag], limit: WordLimit, encoding: Encoding) -> Vec<Vec<u8>> {
    let mut encoder = ReportEncoder::new(limit, encoding);
    let mut messages = Vec::new();
    for bag in bags {
        let refused = encoder.needs_new_batch(bag);
        assert_eq!(encoder.push(bag).is_err(), refused);
        if refused {
            messages.push(encoder.finish());
            encoder.push(bag).unwrap();
        }
    }
    let size = encoder.encoded_bytes();
    messages.push(encoder.finish());
    assert_eq!(messages.last().unwrap().len(), size);
    messages
}

/// A bag of these attributes, one of which has `word` in it; with an empty word it is missing.
fn similar(attributes: &[(Name, Value)], changed: prop::sample::Index, word: &str) -> Bag {
    let mut bag = Bag::new();
    let changed = if attributes.is_empty() { 0 } else { changed.index(attributes.len()) };
    for (position, (name, value)) in attributes.iter().enumerate() {
        match value {
            _ if position != changed => set(&mut bag, *name, value),
            Value::StringMap(_) => {
                set(&mut bag, *name, value);
                bag.extend_map(*name, [("b", word), (word, "b")]);
            }
            Value::String(_) if !word.is_empty() => bag.set_string(*name, word),
            _ => {}
        }
    }
    bag
}

fn mutate(message: &mut Vec<u8>, changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) {
    for (at, byte) in changes {
        if !message.is_empty() {
            let at = at.index(message.len());
            message[at] = *byte;
        }
    }
    if let Some(cut) = cut {
        message.truncate(cut.index(message.len() + 1));
    }
}

fn read_everything(message: &[u8]) {
    let _ = decode_check_request(message);
    let _ = decode_check_response(message);
    if let Ok(request) = decode_report_request(message) {
        let mut reader = ReportReader::new(message).unwrap();
        let mut bags = 0;
        while let Some(result) = reader.next_bag() {
            bags += usize::from(result.is_ok());
        }
        assert_eq!(bags, request.bags.len());
    }
    apply_forwarded(message, &mut Bag::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_check_reads_back(bag in bag(), limit in limit(), id in "[a-z0-9-]{0,40}", amount in any::<i64>()) {
        let quota = QuotaParams { name: "RequestCount", amount, best_effort: amount % 2 == 0 };
        let message = encode_check_request(&bag, limit, &id, &[quota]);
        let request = decode_check_request(&message).unwrap();
        prop_assert_eq!(request.bag, bag);
        prop_assert_eq!(request.global_word_count, u32::from(limit.get()));
        prop_assert_eq!(request.deduplication_id, id);
        prop_assert_eq!(request.quotas["RequestCount"].amount, amount);
        prop_assert_eq!(request.quotas["RequestCount"].best_effort, quota.best_effort);
    }

    #[test]
    fn another_protobuf_library_reads_the_same_and_no_word_is_idle(bag in bag(), limit in limit()) {
        let message = encode_check_request(&bag, limit, "", &[]);
        let request = proto::CheckRequest::decode(message.as_slice()).unwrap();
        let attributes = request.attributes.unwrap();
        let used: HashSet<i32> = indices(&attributes).into_iter().collect();
        let listed: HashSet<&String> = attributes.words.iter().collect();
        prop_assert_eq!(listed.len(), attributes.words.len());
        prop_assert!(used.iter().all(|index| *index < i32::from(limit.get())));
        prop_assert!((1..=attributes.words.len() as i32).all(|slot| used.contains(&-slot)));
        prop_assert_eq!(used.iter().filter(|index| **index < 0).count(), attributes.words.len());
        for word in &attributes.words {
            let global = WORDS.iter().position(|global| global == word);
            prop_assert!(global.is_none_or(|index| index >= usize::from(limit.get())), "{} is global", word);
        }
        prop_assert_eq!(decode_check_request(&request_with(attributes)).unwrap().bag, bag);
    }

    #[test]
    fn equal_bags_give_equal_bytes(attributes in attributes(), limit in limit()) {
        let unique: Vec<_> = attributes.iter().enumerate()
            .filter(|(at, (name, _))| attributes[at + 1..].iter().all(|(later, _)| later != name))
            .map(|(_, attribute)| attribute)
            .collect();
        let (mut forward, mut backward) = (Bag::new(), Bag::new());
        unique.iter().for_each(|(name, value)| set(&mut forward, *name, value));
        unique.iter().rev().for_each(|(name, value)| set(&mut backward, *name, value));
        prop_assert_eq!(
            encode_check_request(&forward, limit, "", &[]),
            encode_check_request(&backward, limit, "", &[])
        );
    }

    #[test]
    fn reports_read_back_in_both_encodings(
        bags in prop::collection::vec(bag(), 0..6),
        limit in limit(),
        encoding in prop_oneof![Just(Encoding::Independent), Just(Encoding::Delta)],
    ) {
        let mut seen = Vec::new();
        for message in batches(&bags, limit, encoding) {
            let request = decode_report_request(&message).unwrap();
            prop_assert_eq!(request.errors, vec![]);
            prop_assert_eq!(request.encoding, encoding);
            prop_assert_eq!(request.global_word_count, u32::from(limit.get()));
            let other = proto::ReportRequest::decode(message.as_slice()).unwrap();
            prop_assert_eq!(other.attributes.len(), request.bags.len());
            seen.extend(request.bags);
        }
        prop_assert_eq!(seen, bags);
    }

    #[test]
    fn what_an_encoder_remembers_of_earlier_reports_never_shows(
        kinds in prop::collection::vec(attributes(), 1..4),
        reports in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[a-c]{0,2}", 0..6u8, limit()),
            1..30,
        ),
    ) {
        let mut lasting = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
        let mut fresh = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
        for (kind, changed, word, end, limit) in reports {
            let bag = similar(&kinds[kind.index(kinds.len())], changed, &word);
            lasting.push(&bag).unwrap();
            fresh.push(&bag).unwrap();
            if end == 0 {
                lasting.set_limit(limit);
                prop_assert_eq!(lasting.finish(), fresh.finish());
                fresh = ReportEncoder::new(limit, Encoding::Independent);
            }
        }
        prop_assert_eq!(lasting.finish(), fresh.finish());
    }

    #[test]
    fn a_delta_of_a_growing_bag_needs_one_batch_and_says_little(first in bag(), later in attributes()) {
        let mut bags = vec![first];
        for (name, value) in &later {
            let mut next = bags.last().unwrap().clone();
            set(&mut next, *name, value);
            bags.push(next);
        }
        let messages = batches(&bags, WordLimit::FULL, Encoding::Delta);
        prop_assert_eq!(messages.len(), 1);
        let message = proto::ReportRequest::decode(messages[0].as_slice()).unwrap();
        for entry in &message.attributes[1..] {
            let maps = entry.strings.len() + entry.int64s.len() + entry.doubles.len() + entry.bools.len()
                + entry.timestamps.len() + entry.durations.len() + entry.bytes.len() + entry.string_maps.len();
            prop_assert!(maps <= 1);
        }
        prop_assert_eq!(decode_report_request(&messages[0]).unwrap().bags, bags);
    }

    #[test]
    fn bags_with_words_of_their_own_are_read(bags in prop::collection::vec(bag(), 1..4)) {
        let attributes = bags.iter().map(|bag| {
            let message = encode_check_request(bag, WordLimit::FULL, "", &[]);
            proto::CheckRequest::decode(message.as_slice()).unwrap().attributes.unwrap()
        });
        let request = proto::ReportRequest {
            attributes: attributes.collect(),
            default_words: vec!["never".to_owned(), "used".to_owned()],
            global_word_count: 222,
            repeated_attributes_semantics: 1,
        };
        prop_assert_eq!(decode_report_request(&request.encode_to_vec()).unwrap().bags, bags);
    }

    #[test]
    fn no_input_makes_a_decoder_panic(input in prop::collection::vec(any::<u8>(), 0..300)) {
        read_everything(&input);
    }

    #[test]
    fn no_damaged_message_makes_a_decoder_panic(
        bags in prop::collection::vec(bag(), 1..4),
        encoding in prop_oneof![Just(Encoding::Independent), Just(Encoding::Delta)],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut messages = batches(&bags, WordLimit::FULL, encoding);
        messages.push(encode_check_request(&bags[0], WordLimit::BASE, "id", &[]));
        messages.push(encode_forwarded(&bags[0]).into_bytes());
        for mut message in messages {
            mutate(&mut message, &changes, cut);
            read_everything(&message);
        }
    }

    #[test]
    fn a_forwarded_header_carries_the_accepted_names(bag in bag(), uid in "\\PC{1,30}", host in "\\PC{1,30}") {
        let mut sent = bag;
        sent.set_string(names::SOURCE_UID, &uid);
        sent.set_string(names::DESTINATION_SERVICE_HOST, &host);
        let header = encode_forwarded(&sent);
        let mut received = Bag::new();
        apply_forwarded(header.as_bytes(), &mut received);
        let mut expected = Bag::new();
        expected.set_string(names::SOURCE_UID, &uid);
        expected.set_string(names::DESTINATION_SERVICE_HOST, &host);
        prop_assert_eq!(received, expected);
        prop_assert_eq!(header, encode_forwarded(&sent.clone()));
    }
}

/// A `CheckRequest` as the other library writes it.
fn request_with(attributes: proto::CompressedAttributes) -> Vec<u8> {
    let request = proto::CheckRequest { attributes: Some(attributes), ..proto::CheckRequest::default() };
    request.encode_to_vec()
}
