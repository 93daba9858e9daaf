use super::*;
use proptest::prelude::*;

fn operation(operation: Operation, name: &str, value: &str) -> HeaderOperation {
    HeaderOperation { name: name.to_owned(), value: value.to_owned(), operation }
}

fn replace(name: &str, value: &str) -> HeaderOperation {
    operation(Operation::Replace, name, value)
}

fn on_request(operations: Vec<HeaderOperation>) -> RouteDirective {
    RouteDirective { request_header_operations: operations, ..RouteDirective::default() }
}

fn on_response(operations: Vec<HeaderOperation>) -> RouteDirective {
    RouteDirective { response_header_operations: operations, ..RouteDirective::default() }
}

fn direct(code: u32, body: &str) -> RouteDirective {
    RouteDirective {
        direct_response_code: code,
        direct_response_body: body.to_owned(),
        response_header_operations: vec![replace("x-a", "1")],
        ..RouteDirective::default()
    }
}

#[test]
fn ordinary_operations_stay_in_their_order() {
    let operations = vec![
        replace("x-user", "ann, bob;q=1"),
        operation(Operation::Append, "set-cookie", "a=1"),
        operation(Operation::Append, "set-cookie", "b=ü"),
        operation(Operation::Remove, "cookie", "what\nfor"),
        replace("x-empty", ""),
    ];
    for directive in [on_request(operations.clone()), on_response(operations)] {
        assert_eq!(usable(&directive), (directive, 0));
    }
}

#[test]
fn pseudo_headers_are_only_replaced_and_only_by_what_they_can_hold() {
    let good = [
        (":path", "/a?b=%20"),
        (":path", "*"),
        (":method", "PUT"),
        (":authority", "[::1]:80"),
        ("host", "a.b"),
        (":scheme", "https"),
    ];
    for (name, value) in good {
        let directive = on_request(vec![replace(name, value)]);
        assert_eq!(usable(&directive), (directive, 0), "{name} {value}");
        for kind in [Operation::Remove, Operation::Append] {
            assert_eq!(usable(&on_request(vec![operation(kind, name, value)])), (RouteDirective::default(), 1));
        }
    }
    let bad = [
        (":path", ""),
        (":path", "a"),
        (":path", "/a b"),
        (":path", "/a#b"),
        (":path", "/ü"),
        (":method", ""),
        (":method", "GET /"),
        (":authority", ""),
        (":authority", "a b"),
        ("host", "a\r\nb: c"),
        (":scheme", "ftp"),
        (":status", "200"),
        (":other", "x"),
    ];
    for (name, value) in bad {
        assert_eq!(usable(&on_request(vec![replace(name, value)])), (RouteDirective::default(), 1), "{name} {value}");
    }
}

#[test]
fn a_status_is_replaced_only_by_one_that_a_response_can_end_with() {
    let directive = on_response(vec![replace(":status", "599")]);
    assert_eq!(usable(&directive), (directive, 0));
    for value in ["", "abc", "99", "100", "199", "600", "1000", "+20", "0200"] {
        assert_eq!(usable(&on_response(vec![replace(":status", value)])), (RouteDirective::default(), 1), "{value}");
    }
    for kind in [Operation::Remove, Operation::Append] {
        assert_eq!(usable(&on_response(vec![operation(kind, ":status", "200")])), (RouteDirective::default(), 1));
    }
}

#[test]
fn a_value_cannot_begin_a_header_of_its_own() {
    for value in ["a\r\nx-b: c", "a\n", "\r", "a\0b", "\u{7f}"] {
        let appended = on_response(vec![operation(Operation::Append, "x-a", value)]);
        assert_eq!(usable(&appended), (RouteDirective::default(), 1));
        let removed = on_request(vec![operation(Operation::Remove, "x-a", "")]);
        assert_eq!(usable(&on_request(vec![replace("x-a", value)])), (removed, 1), "what was there must not stay");
    }
    for name in ["", "a b", "a:b", "ü", "a\r\n", "x(y)"] {
        assert_eq!(usable(&on_response(vec![replace(name, "v")])), (RouteDirective::default(), 1), "{name}");
    }
}

#[test]
fn the_length_of_a_message_is_not_changed() {
    for name in ["content-length", "transfer-encoding"] {
        for kind in [Operation::Replace, Operation::Append, Operation::Remove] {
            assert_eq!(usable(&on_request(vec![operation(kind, name, "5")])), (RouteDirective::default(), 1));
        }
    }
}

#[test]
fn a_direct_response_has_a_final_code_and_a_body_only_where_there_may_be_one() {
    for code in [200, 302, 403, 599] {
        assert_eq!(usable(&direct(code, "b")), (direct(code, "b"), 0));
    }
    for code in [1, 99, 101, 199, 600, 65_736, u32::MAX] {
        assert_eq!(usable(&direct(code, "b")), (direct(500, "b"), 0));
    }
    for code in [204, 205, 304] {
        assert_eq!(usable(&direct(code, "b")), (direct(code, ""), 0));
    }
}

#[test]
fn the_status_of_a_direct_response_follows_the_last_operation_on_it() {
    let mut directive = direct(200, "b");
    directive.response_header_operations = vec![replace(":status", "404"), replace(":status", "204")];
    let (usable, left_out) = usable(&directive);
    assert_eq!((usable.direct_response_code, usable.direct_response_body.as_str(), left_out), (204, "", 0));
}

fn becomes_removal(operation: &HeaderOperation) -> bool {
    let HeaderOperation { name, value, operation } = operation;
    let is_plain = is_token(name) && name != "host" && !FRAMING.contains(&name.as_str());
    *operation == Operation::Replace && is_plain && !is_field_value(value)
}

proptest! {
    #[test]
    fn what_is_left_is_usable_and_nothing_else_is_lost(
        operations in proptest::collection::vec(("[:a-z\\-\r ]{0,8}", any::<String>(), 0..3_u8), 0..8),
        code: u32,
        body in "[a-z]{0,4}",
    ) {
        let kinds = [Operation::Replace, Operation::Remove, Operation::Append];
        let operations: Vec<_> =
            operations.iter().map(|(name, value, kind)| operation(kinds[*kind as usize], name, value)).collect();
        let directive = RouteDirective {
            request_header_operations: operations.clone(),
            response_header_operations: operations.clone(),
            direct_response_code: code,
            direct_response_body: body,
        };
        let (first, left_out) = usable(&directive);
        let mut kept = first.request_header_operations.len() + first.response_header_operations.len();
        kept -= operations.iter().filter(|operation| becomes_removal(operation)).count() * 2;
        prop_assert_eq!(kept as u64 + left_out, 2 * operations.len() as u64);
        prop_assert!(first.direct_response_code == 0 || FINAL_CODES.contains(&first.direct_response_code));
        prop_assert_eq!(usable(&first), (first, 0));
    }
}
