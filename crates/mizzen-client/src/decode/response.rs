//! The answer to a Check.

use super::DecodeError;
use crate::answer::Reference;
use crate::answer::{CheckResponse, HeaderOperation, Operation, Precondition, QuotaResult, RouteDirective};
use crate::proto;
use crate::referenced::{ReferencedError, decode_references};
use crate::status::Status;
use crate::value::Time;
use prost::Message;

/// Reads the answer to a Check.
///
/// Header names become lower case; an operation that the protocol does not have is left out.
///
/// # Errors
/// The bytes are no `CheckResponse`, or a text in it is not UTF-8.
pub fn decode_check_response(message: &[u8]) -> Result<CheckResponse, DecodeError> {
    let response = proto::CheckResponse::decode(message).map_err(|error| DecodeError::Message(error.to_string()))?;
    Ok(CheckResponse {
        precondition: response.precondition.map(precondition),
        quotas: response.quotas.into_iter().map(|(name, result)| (name, quota_result(result))).collect(),
    })
}

fn precondition(message: proto::PreconditionResult) -> Precondition {
    Precondition {
        status: status(message.status),
        valid_duration: message.valid_duration.map(time),
        valid_use_count: message.valid_use_count,
        referenced: references(message.referenced_attributes),
        directive: message.route_directive.map(directive),
    }
}

fn quota_result(message: proto::QuotaResult) -> QuotaResult {
    QuotaResult {
        valid_duration: message.valid_duration.map(time),
        granted_amount: message.granted_amount,
        referenced: references(message.referenced_attributes),
        status: status(message.status),
    }
}

fn status(message: Option<proto::Status>) -> Status {
    message.map_or_else(Status::ok, |message| Status { code: message.code, message: message.message })
}

fn time(message: proto::Duration) -> Time {
    Time { seconds: message.seconds, nanos: message.nanos }
}

fn references(message: Option<proto::ReferencedAttributes>) -> Result<Vec<Reference>, ReferencedError> {
    message.map_or_else(|| Ok(Vec::new()), |message| decode_references(&message))
}

fn directive(message: proto::RouteDirective) -> RouteDirective {
    RouteDirective {
        request_header_operations: operations(message.request_header_operations),
        response_header_operations: operations(message.response_header_operations),
        direct_response_code: message.direct_response_code,
        direct_response_body: message.direct_response_body,
    }
}

fn operations(messages: Vec<proto::HeaderOperation>) -> Vec<HeaderOperation> {
    messages
        .into_iter()
        .filter_map(|message| {
            let operation = match message.operation {
                0 => Operation::Replace,
                1 => Operation::Remove,
                2 => Operation::Append,
                _ => return None,
            };
            Some(HeaderOperation { name: message.name.to_ascii_lowercase(), value: message.value, operation })
        })
        .collect()
}
