//! What the Mixer's decision does to the messages: header operations, refusals and direct responses.

use mizzen_client::answer::{HeaderOperation, Operation, RouteDirective};
use mizzen_client::grpc::DecisionHeader;
use mizzen_client::status::Status;

use crate::ffi::{Header, HeaderKind, HttpHandle};

/// Carries out the operations in their order. Envoy lower-cases nothing here: names come lower-cased from the decoder.
pub(crate) fn apply(envoy: &mut HttpHandle<'_>, kind: HeaderKind, operations: &[HeaderOperation]) {
    for operation in operations {
        let (name, value) = (&operation.name, operation.value.as_bytes());
        match operation.operation {
            Operation::Replace => envoy.set_header(kind, name, value),
            Operation::Remove => envoy.remove_header(kind, name),
            Operation::Append => envoy.add_header(kind, name, value),
        };
    }
}

/// An answer of ours.
pub(crate) struct Reply {
    code: u32,
    headers: Vec<(String, String)>,
    body: String,
    details: &'static str,
}

impl Reply {
    /// The answer to a refused request. A gRPC caller gets the canonical code itself.
    pub(crate) fn denial(status: &Status, grpc: bool) -> Reply {
        let mut headers = plain_text();
        if grpc {
            headers.push(grpc_status(status.code));
        }
        let code = u32::from(status.http_code());
        Reply { code, headers, body: status.to_text(), details: "mixer_access_denied" }
    }

    /// The same with a header that names the decision; never in the place of another header.
    pub(crate) fn telling(mut self, decision: Option<DecisionHeader>) -> Reply {
        if let Some(DecisionHeader { name, id }) = decision
            && !self.headers.iter().any(|(known, _)| *known == name)
        {
            self.headers.push((name, id));
        }
        self
    }

    /// The answer that the Mixer dictates, whether it allows the request or not.
    pub(crate) fn direct(directive: &RouteDirective, status: &Status, grpc: bool) -> Reply {
        let mut reply = Reply {
            code: directive.direct_response_code,
            headers: plain_text(),
            body: directive.direct_response_body.clone(),
            details: "mixer_direct_response",
        };
        for operation in &directive.response_header_operations {
            reply.operate(operation);
        }
        if grpc && !reply.headers.iter().any(|(name, _)| name == "grpc-status") {
            let code = if status.is_ok() { canonical_code(reply.code) } else { status.code };
            reply.headers.push(grpc_status(code));
        }
        reply
    }

    /// The answer when the filter itself fails and the policy is to close.
    pub(crate) fn failure(grpc: bool) -> Reply {
        let status = Status { code: 13, message: "the Mixer filter failed".to_owned() };
        Reply { details: "mixer_filter_failure", ..Reply::denial(&status, grpc) }
    }

    /// Answers the request. A code that no final response can have becomes 500.
    pub(crate) fn send(&self, envoy: HttpHandle<'_>) {
        let headers: Vec<Header<'_>> = self.headers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let code = if (200..=599).contains(&self.code) { self.code } else { 500 };
        envoy.send_response(code, &headers, self.body.as_bytes(), self.details);
    }

    fn operate(&mut self, operation: &HeaderOperation) {
        if operation.name == ":status" {
            if let (Operation::Replace, Ok(code)) = (operation.operation, operation.value.parse()) {
                self.code = code;
            }
            return;
        }
        if operation.operation != Operation::Append {
            self.headers.retain(|(name, _)| *name != operation.name);
        }
        if operation.operation != Operation::Remove {
            self.headers.push((operation.name.clone(), operation.value.clone()));
        }
    }
}

fn plain_text() -> Vec<(String, String)> {
    vec![("content-type".to_owned(), "text/plain".to_owned())]
}

/// Without this header Envoy would tell a gRPC caller `grpc-status: 0`, success.
fn grpc_status(code: i32) -> (String, String) {
    let code = if (0..=16).contains(&code) { code } else { 2 };
    ("grpc-status".to_owned(), code.to_string())
}

/// The gRPC status that stands for an HTTP code, as the gRPC specification maps them.
fn canonical_code(http: u32) -> i32 {
    match http {
        200 => 0,
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}
