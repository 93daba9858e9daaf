use super::*;
use proptest::prelude::*;

type List<'h> = &'h [(&'h str, &'h str)];

fn headers<'h>(list: List<'h>) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
    list.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

const STARTED: List = &[(":status", "200"), ("content-type", "application/grpc")];

fn answer(head: &[(&str, &str)], body: &[u8], trailers: &[(&str, &str)]) -> Outcome {
    let mut answer = Answer::new();
    answer.headers(headers(head));
    for piece in body.chunks(3) {
        answer.data(piece);
    }
    answer.trailers(headers(trailers));
    answer.complete()
}

fn callout(head: &[(&str, &str)], body: &[u8]) -> Outcome {
    let mut answer = Answer::new();
    answer.headers(headers(head));
    answer.data(body);
    answer.complete_without_trailers()
}

fn failure(outcome: Outcome) -> (FailureClass, i32, String) {
    let failure = outcome.result.unwrap_err();
    (failure.class, failure.status.code, failure.status.message)
}

#[test]
fn a_frame_reads_back_and_anything_else_does_not() {
    assert_eq!(frame(b"abc"), b"\0\0\0\0\x03abc");
    assert_eq!(unframe(&frame(b"abc")), Ok(&b"abc"[..]));
    assert_eq!(unframe(&frame(b"")), Ok(&b""[..]));
    assert_eq!(unframe(b""), Err(FrameError::Missing));
    assert_eq!(unframe(b"\0\0\0"), Err(FrameError::CutShort));
    assert_eq!(unframe(b"\0\0\0\0\x03ab"), Err(FrameError::CutShort));
    assert_eq!(unframe(b"\0\0\0\0\x01ab"), Err(FrameError::Excess));
    assert_eq!(unframe(b"\x01\0\0\0\x01a"), Err(FrameError::Compressed));
    assert_eq!(unframe(b"<html>"), Err(FrameError::NotAFrame));
}

#[test]
fn an_answer_in_pieces_is_a_message_once_its_trailers_say_ok() {
    let outcome = answer(STARTED, &frame(b"hello, world"), &[("grpc-status", "0"), ("mizzen-generation", "g7")]);
    assert_eq!(
        outcome,
        Outcome { result: Ok(b"hello, world".to_vec()), generation: Some("g7".to_owned()), decision: None }
    );
}

#[test]
fn a_decision_is_told_with_the_name_of_its_header_also_by_a_failure() {
    let told = |header, id| {
        let metadata = [("mizzen-decision-header", header), ("mizzen-decision-id", id)];
        let answered = answer(STARTED, &frame(b"hi"), &[&metadata[..], &[("grpc-status", "0")]].concat()).decision;
        let failed = answer(&[STARTED, &metadata[..]].concat(), b"", &[("grpc-status", "13")]).decision;
        assert_eq!(answered, failed);
        answered
    };
    let (name, id) = ("x-decision".to_owned(), "7d59-1".to_owned());
    assert_eq!(told("x-decision", "7d59-1"), Some(DecisionHeader { name, id }));
    for (header, id) in
        [(":status", "200"), ("X-Decision", "1"), ("", "1"), ("x y", "1"), ("x-d", ""), ("x-d", "a\r\nb: c")]
    {
        assert_eq!(told(header, id), None, "{header}: {id}");
    }
    assert_eq!(told(&"x".repeat(257), "1"), None);
}

#[test]
fn where_trailers_cannot_be_seen_a_complete_message_is_success() {
    assert_eq!(callout(STARTED, &frame(b"hi")).result, Ok(b"hi".to_vec()));
    assert_eq!(callout(STARTED, &frame(b"")).result, Ok(Vec::new()));
    let (class, code, _) = failure(callout(STARTED, b""));
    assert_eq!((class, code), (FailureClass::OtherError, 14));
}

#[test]
fn an_error_of_the_server_keeps_its_code_and_text_wherever_it_stands() {
    let head = [(":status", "200"), ("grpc-status", "7"), ("grpc-message", "no%20entry %C3%A4 100%")];
    let expected = (FailureClass::OtherError, 7, "no entry ä 100%".to_owned());
    assert_eq!(failure(answer(&head, b"", &[])), expected);
    assert_eq!(failure(callout(&head, b"")), expected);
    assert_eq!(failure(answer(STARTED, b"", &[("grpc-status", "13")])), (FailureClass::OtherError, 13, String::new()));
}

#[test]
fn failures_are_classified_by_what_envoy_says() {
    let synthetic =
        |message| failure(answer(&[(":status", "200"), ("grpc-status", "14"), ("grpc-message", message)], b"", &[])).0;
    assert_eq!(synthetic("upstream request timeout"), FailureClass::Timeout);
    assert_eq!(
        synthetic("upstream connect error or disconnect/reset before headers. reset reason: overflow"),
        FailureClass::SendError
    );
    assert_eq!(synthetic("the server is going away"), FailureClass::OtherError);
    let other_code = [(":status", "200"), ("grpc-status", "4"), ("grpc-message", "upstream request timeout")];
    assert_eq!(failure(answer(&other_code, b"", &[])).0, FailureClass::OtherError);
}

#[test]
fn what_is_not_grpc_or_cut_short_is_unavailable() {
    let message = frame(b"hello");
    let cases: [(List, &[u8], List); 7] = [
        (STARTED, &message, &[]),
        (STARTED, &message[..7], &[("grpc-status", "0")]),
        (STARTED, b"", &[("grpc-status", "0")]),
        (&[(":status", "200"), ("content-type", "text/html")], &message, &[("grpc-status", "0")]),
        (&[(":status", "503")], b"overloaded", &[]),
        (&[(":status", "x")], &message, &[("grpc-status", "0")]),
        (&[], b"", &[]),
    ];
    for (head, body, trailers) in cases {
        let (class, code, message) = failure(answer(head, body, trailers));
        assert_eq!((class, code), (FailureClass::OtherError, 14), "{message}");
    }
}

#[test]
fn a_status_that_is_no_number_is_unknown() {
    for text in ["", "abc", "-1", "99999999999", "0x0"] {
        assert_eq!(failure(answer(STARTED, &frame(b"hi"), &[("grpc-status", text)])).1, 2, "{text:?}");
    }
}

#[test]
fn a_reset_is_a_timeout_a_send_error_or_a_broken_answer() {
    let mut begun = Answer::new();
    begun.headers(headers(STARTED));
    let (class, code, _) = failure(begun.interrupted(false));
    assert_eq!((class, code), (FailureClass::OtherError, 14));
    assert_eq!(failure(Answer::new().interrupted(false)).0, FailureClass::SendError);
    assert_eq!(failure(Answer::new().interrupted(true)).0, FailureClass::Timeout);
    for failure in [Failure::timed_out(), Failure::not_sent("no such cluster"), Failure::cut_short()] {
        assert_eq!(failure.status.http_code(), 503);
    }
}

#[test]
fn an_answer_beyond_the_limit_is_not_kept() {
    let mut answer = Answer::new();
    answer.headers(headers(STARTED));
    let piece = vec![0; 1 << 20];
    (0..6).for_each(|_| answer.data(&piece));
    answer.trailers(headers(&[("grpc-status", "0")]));
    assert!(failure(answer.complete()).2.contains("too large"));
}

#[test]
fn only_the_wording_of_the_protocol_means_an_invalid_dictionary() {
    let refused = |code, message: &str| Failure::from_status(Status::new(code, message)).is_invalid_dictionary();
    assert!(refused(3, "Request could not be processed due to invalid attributes."));
    assert!(!refused(13, "Request could not be processed due to invalid attributes."));
    assert!(!refused(3, "request could not be processed due to invalid"));
}

proptest! {
    #[test]
    fn no_bytes_of_a_peer_panic(
        head in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..4),
        body: Vec<u8>,
        status: Vec<u8>,
        message: Vec<u8>,
    ) {
        let mut answer = Answer::new();
        answer.headers(head.iter().map(|(name, value)| (&name[..], &value[..])));
        answer.headers(headers(STARTED));
        answer.data(&body);
        answer.trailers([(&b"grpc-status"[..], &status[..]), (&b"grpc-message"[..], &message[..])]);
        let outcome = answer.complete();
        if outcome.result.is_ok() {
            prop_assert!(body.len() >= FRAME_HEADER && status.iter().all(|digit| *digit == b'0'));
        }
    }

    #[test]
    fn every_message_survives_its_frame(message: Vec<u8>) {
        let body = frame(&message);
        prop_assert_eq!(unframe(&body), Ok(&message[..]));
    }
}
