use super::*;
use crate::Time;
use crate::bag::Bag;
use crate::check_cache::Verdict;
use crate::flow::Decision;
use crate::instant::Instant;
use crate::name::{Name, names};
use crate::status::Status;
use crate::value::ValueRef;
use proptest::prelude::*;
use std::rc::Rc;

fn accepted(moment: Moment) -> Connection {
    Connection::new(moment, Instant::from_millis(1000))
}

fn number(bag: &Bag, name: Name) -> i64 {
    match bag.get(name) {
        Some(ValueRef::Int64(number)) => number,
        other => panic!("{} is {other:?}", name.as_str()),
    }
}

fn text(bag: &Bag, name: Name) -> Option<String> {
    match bag.get(name) {
        Some(ValueRef::String(text)) => Some(text.to_owned()),
        None => None,
        other => panic!("{} is {other:?}", name.as_str()),
    }
}

/// Received and sent of one report: the difference and the total of each.
fn report(connection: &mut Connection, event: Event) -> [i64; 4] {
    let mut bag = Bag::new();
    connection.report(event, &mut bag, Instant::from_millis(3500), Time { seconds: 7, nanos: 0 });
    assert_eq!(text(&bag, names::CONNECTION_EVENT).as_deref(), Some(event.as_str()));
    assert_eq!(bag.get(names::CONTEXT_TIME), Some(ValueRef::Timestamp(Time { seconds: 7, nanos: 0 })));
    let duration = (event == Event::Close).then_some(ValueRef::Duration(Time { seconds: 2, nanos: 500_000_000 }));
    assert_eq!(bag.get(names::CONNECTION_DURATION), duration);
    [
        names::CONNECTION_RECEIVED_BYTES,
        names::CONNECTION_RECEIVED_BYTES_TOTAL,
        names::CONNECTION_SENT_BYTES,
        names::CONNECTION_SENT_BYTES_TOTAL,
    ]
    .map(|name| number(&bag, name))
}

#[test]
fn the_first_data_asks_and_is_held_until_the_decision() {
    let mut connection = accepted(Moment::FirstData);
    assert!(!connection.connected());
    assert_eq!(connection.read(4), Step::Ask);
    connection.hold(4);
    assert_eq!(connection.read(10), Step::Hold);
    assert!(connection.is_calling());
    assert_eq!(connection.decide(true), Resolution::Allowed);
    assert_eq!(report(&mut connection, Event::Open), [10, 10, 0, 0]);
    assert_eq!(connection.read(5), Step::Pass);
    assert_eq!(report(&mut connection, Event::Close), [15, 15, 0, 0]);
}

#[test]
fn only_reports_in_between_move_the_start_of_the_next_difference() {
    let mut connection = accepted(Moment::FirstData);
    connection.read(3);
    assert_eq!(connection.decide(true), Resolution::Allowed);
    connection.pass(3);
    connection.wrote(7);
    assert_eq!(report(&mut connection, Event::Open), [3, 3, 7, 7]);
    connection.read(2);
    assert_eq!(report(&mut connection, Event::Continue), [5, 5, 7, 7]);
    assert_eq!(report(&mut connection, Event::Continue), [0, 5, 0, 7]);
    connection.wrote(1);
    assert_eq!(report(&mut connection, Event::Close), [0, 5, 1, 8]);
}

#[test]
fn a_connection_that_is_checked_on_connect_asks_once_and_before_any_data() {
    let mut connection = accepted(Moment::Connect);
    assert!(connection.connected());
    assert!(!connection.connected());
    assert_eq!(connection.read(6), Step::Hold);
    assert_eq!(connection.decide(true), Resolution::Allowed);
    assert_eq!(report(&mut connection, Event::Open), [6, 6, 0, 0]);
    assert_eq!(connection.read(3), Step::Pass);
    assert_eq!(report(&mut connection, Event::Continue), [9, 9, 0, 0]);
}

#[test]
fn data_before_the_handshake_was_told_asks_too() {
    let mut connection = accepted(Moment::Connect);
    assert_eq!(connection.read(0), Step::Hold);
    assert_eq!(connection.read(1), Step::Ask);
    assert!(!connection.connected());
}

#[test]
fn the_end_of_a_client_that_sent_nothing_passes_without_asking() {
    let mut connection = accepted(Moment::FirstData);
    assert_eq!(connection.read(0), Step::Pass);
    connection.wrote(9);
    assert!(connection.close());
    assert_eq!(report(&mut connection, Event::Close), [0, 0, 9, 9]);
}

#[test]
fn a_denied_connection_lets_nothing_through_and_is_closed_once() {
    let mut connection = accepted(Moment::FirstData);
    connection.read(4);
    connection.hold(4);
    assert_eq!(connection.decide(false), Resolution::Denied);
    assert_eq!(connection.read(8), Step::Hold);
    assert!(!connection.is_over());
    assert!(connection.close());
    assert!(connection.is_over());
    assert!(!connection.close());
    assert_eq!(report(&mut connection, Event::Close), [4, 4, 0, 0]);
}

#[test]
fn a_decision_that_comes_too_late_or_unasked_is_ignored() {
    let mut connection = accepted(Moment::FirstData);
    assert_eq!(connection.decide(true), Resolution::Ignored);
    connection.read(1);
    connection.close();
    assert_eq!(connection.decide(false), Resolution::Ignored);
    assert_eq!(connection.read(1), Step::Hold);
    assert!(!connection.is_open());
}

#[test]
fn the_peer_is_named_by_the_first_uri_of_its_certificate() {
    for (peer, user, namespace) in [
        ("", None, None),
        ("spiffe://cluster.local/ns/shop/sa/web", Some("cluster.local/ns/shop/sa/web"), Some("shop")),
        ("spiffe://td/ns/last", Some("td/ns/last"), Some("last")),
        ("https://example.org/x", Some("https://example.org/x"), None),
    ] {
        let mut bag = Bag::new();
        let tls = Tls { mutual: !peer.is_empty(), peer_uri: peer.as_bytes(), ..Tls::default() };
        set_tls(&mut bag, &tls);
        assert_eq!(text(&bag, names::SOURCE_USER).as_deref(), user);
        assert_eq!(text(&bag, names::SOURCE_PRINCIPAL).as_deref(), user);
        assert_eq!(text(&bag, names::SOURCE_NAMESPACE).as_deref(), namespace);
        assert_eq!(bag.get(names::CONNECTION_MTLS), Some(ValueRef::Bool(!peer.is_empty())));
        assert!(!bag.contains(names::CONNECTION_REQUESTED_SERVER_NAME) && !bag.contains(names::DESTINATION_PRINCIPAL));
    }
}

#[test]
fn addresses_are_in_network_order_and_configured_ones_stay() {
    let mut bag = Bag::new();
    set_arrival(&mut bag, "10.0.0.7".parse().ok(), "u-1", Time { seconds: 1, nanos: 0 });
    assert_eq!(bag.get(names::SOURCE_IP), Some(ValueRef::Bytes(&[10, 0, 0, 7])));
    assert_eq!(bag.get(names::ORIGIN_IP), bag.get(names::SOURCE_IP));
    assert_eq!(text(&bag, names::CONTEXT_PROTOCOL).as_deref(), Some("tcp"));
    bag.set_int64(names::DESTINATION_PORT, 5432);
    set_destination(&mut bag, "::1".parse().unwrap(), 9, (false, true));
    assert_eq!(
        bag.get(names::DESTINATION_IP),
        Some(ValueRef::Bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]))
    );
    assert_eq!(number(&bag, names::DESTINATION_PORT), 5432);
}

#[test]
fn a_decision_tells_its_reason_only_if_it_refuses() {
    for (status, code) in [(Status::ok(), None), (Status::new(7, "no"), Some(7))] {
        let verdict = Rc::new(Verdict { status, directive: None });
        let mut bag = Bag::new();
        set_decision(&mut bag, &Decision { verdict, check_cache_hit: true, quota_cache_hit: false });
        assert_eq!(bag.get(names::CHECK_CACHE_HIT), Some(ValueRef::Bool(true)));
        assert_eq!(bag.get(names::QUOTA_CACHE_HIT), Some(ValueRef::Bool(false)));
        assert_eq!(bag.get(names::CHECK_ERROR_CODE), code.map(ValueRef::Int64));
        assert_eq!(text(&bag, names::CHECK_ERROR_MESSAGE), code.map(|_| "PERMISSION_DENIED:no".to_owned()));
    }
}

#[test]
fn a_uuid_carries_its_version_and_variant() {
    assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
    assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

/// What happens on the wire.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Connected,
    ClientSends(u64),
    ServerSends(u64),
    Decision(bool),
    Report,
    Close,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        Just(Happening::Connected),
        (0_u64..2000).prop_map(Happening::ClientSends),
        (0_u64..2000).prop_map(Happening::ServerSends),
        any::<bool>().prop_map(Happening::Decision),
        Just(Happening::Report),
        Just(Happening::Close),
    ]
}

proptest! {
    /// Envoy's read buffer is played: what the filter does not let pass stays in it and is shown again.
    #[test]
    fn every_byte_counts_once(
        on_connect: bool, decided_at_once: bool, happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let moment = if on_connect { Moment::Connect } else { Moment::FirstData };
        let mut connection = accepted(moment);
        let (mut buffer, mut arrived, mut sent) = (0, 0, 0);
        let (mut closed, mut refused, mut closes, mut differences) = (false, false, 0, [0, 0]);
        for happening in happenings {
            match happening {
                Happening::Connected => { connection.connected(); }
                Happening::ClientSends(length) if !closed && !refused => {
                    buffer += length;
                    arrived += length;
                    match connection.read(buffer) {
                        Step::Pass => buffer = 0,
                        Step::Hold => {}
                        Step::Ask if decided_at_once && !on_connect => {
                            prop_assert_eq!(connection.decide(true), Resolution::Allowed);
                            connection.pass(buffer);
                            buffer = 0;
                        }
                        Step::Ask => connection.hold(buffer),
                    }
                }
                Happening::ServerSends(length) if !closed => {
                    sent += length;
                    connection.wrote(length);
                }
                Happening::Decision(allowed) => match connection.decide(allowed) {
                    Resolution::Ignored => {}
                    Resolution::Denied => refused = true,
                    Resolution::Allowed => buffer = 0,
                },
                Happening::Report => {
                    let [received, _, sent, _] = report(&mut connection, Event::Continue);
                    differences[0] += received;
                    differences[1] += sent;
                }
                Happening::Close => {
                    closes += i32::from(connection.close());
                    closed = true;
                }
                _ => {}
            }
        }
        closes += i32::from(connection.close());
        prop_assert_eq!(closes, 1);
        let [received_new, received, sent_new, sent_total] = report(&mut connection, Event::Close);
        prop_assert_eq!((received, sent_total), (i64::try_from(arrived).unwrap(), i64::try_from(sent).unwrap()));
        prop_assert_eq!([differences[0] + received_new, differences[1] + sent_new], [received, sent_total]);
    }
}
