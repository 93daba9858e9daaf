//! Which changes that a Mixer asks for can be made to an HTTP message without breaking it.
//!
//! Envoy's module interface takes any bytes for a header and writes them as they are, so a line break in a value would
//! begin a header of its own, and a status that is none would break the connection. What a policy builds from
//! attributes must not get that far.

use crate::answer::{HeaderOperation, Operation, RouteDirective};

/// The status codes that a final response can have.
const FINAL_CODES: std::ops::RangeInclusive<u32> = 200..=599;
/// What stands for a code that no final response can have.
const INTERNAL_ERROR: u32 = 500;
/// Headers by which a message's end is found; they follow from the message itself.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// What a name means for the operations on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Request,
    Response,
}

/// The part of `directive` that can be carried out, and how many of its operations are left out because they cannot:
///
/// - a name that is no header name, a value with a control character (a header that would get such a value is removed, so
///   that what the client sent does not stand for what the policy says);
/// - `content-length` and `transfer-encoding`, which follow from the message;
/// - anything but the replacement of a pseudo header (`:method`, `:path`, `:scheme`, `:authority` and `host` of
///   requests, `:status` of responses) by a value that it can have.
///
/// A direct response gets a code from 200 to 599, else 500, and no body where its code allows none (204, 205, 304).
pub fn usable(directive: &RouteDirective) -> (RouteDirective, u64) {
    let mut left_out = 0;
    let request = kept(&directive.request_header_operations, Message::Request, &mut left_out);
    let response = kept(&directive.response_header_operations, Message::Response, &mut left_out);
    let code = match directive.direct_response_code {
        0 => 0,
        code if FINAL_CODES.contains(&code) => status_of(&response).unwrap_or(code),
        _ => status_of(&response).unwrap_or(INTERNAL_ERROR),
    };
    let body = if matches!(code, 204 | 205 | 304) { "" } else { &directive.direct_response_body };
    let directive = RouteDirective {
        request_header_operations: request,
        response_header_operations: response,
        direct_response_code: code,
        direct_response_body: body.to_owned(),
    };
    (directive, left_out)
}

fn kept(operations: &[HeaderOperation], message: Message, left_out: &mut u64) -> Vec<HeaderOperation> {
    let mut kept = Vec::with_capacity(operations.len());
    for operation in operations {
        if is_usable(operation, message) {
            kept.push(operation.clone());
            continue;
        }
        *left_out += 1;
        let removal = HeaderOperation { value: String::new(), operation: Operation::Remove, ..operation.clone() };
        if operation.operation == Operation::Replace && is_usable(&removal, message) {
            kept.push(removal);
        }
    }
    kept
}

/// The last status that the operations set.
fn status_of(operations: &[HeaderOperation]) -> Option<u32> {
    operations.iter().rfind(|operation| operation.name == ":status").and_then(|operation| operation.value.parse().ok())
}

fn is_usable(operation: &HeaderOperation, message: Message) -> bool {
    let HeaderOperation { name, value, operation } = operation;
    let replaced = |fits: bool| *operation == Operation::Replace && fits;
    match (message, name.as_str()) {
        (Message::Request, ":method") => replaced(is_token(value)),
        (Message::Request, ":path") => replaced(is_target(value)),
        (Message::Request, ":scheme") => replaced(matches!(value.as_str(), "http" | "https")),
        (Message::Request, ":authority" | "host") => replaced(!value.is_empty() && is_graphic(value)),
        (Message::Response, ":status") => replaced(is_final_code(value)),
        (_, name) if FRAMING.contains(&name) => false,
        (_, name) => is_token(name) && (*operation == Operation::Remove || is_field_value(value)),
    }
}

fn is_final_code(value: &str) -> bool {
    value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse().is_ok_and(is_final)
}

fn is_final(code: u32) -> bool {
    FINAL_CODES.contains(&code)
}

/// A path with an optional query, or `*`.
fn is_target(value: &str) -> bool {
    value == "*" || value.starts_with('/') && is_graphic(value) && !value.contains('#')
}

fn is_graphic(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token of RFC 9110, section 5.6.2: header names and methods.
fn is_token(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// A field value of RFC 9110, section 5.5: no control character but the tab; letters beyond ASCII are opaque bytes to
/// HTTP.
fn is_field_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

#[cfg(test)]
mod tests;
