//! Requests and answers of the Check call, written.

use crate::answer::{CheckResponse, Operation, Precondition, QuotaResult, Reference, RouteDirective};
use crate::bag::Bag;
use crate::compress::Compressor;
use crate::dictionary::{MessageWords, WordLimit};
use crate::proto;
use crate::referenced::encode_references;
use crate::value::Time;
use crate::wire::{BYTES, VARINT, put_bytes, put_varint, tag, varint_len};
use prost::Message;

/// What is asked of one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaParams<'a> {
    /// The quota's name.
    pub name: &'a str,
    /// Tokens asked for.
    pub amount: i64,
    /// Whether fewer tokens are welcome too.
    pub best_effort: bool,
}

/// A `CheckRequest` with these contents. Equal arguments give equal bytes.
pub fn encode_check_request(
    bag: &Bag,
    limit: WordLimit,
    deduplication_id: &str,
    quotas: &[QuotaParams<'_>],
) -> Vec<u8> {
    let mut words = MessageWords::new(1);
    let mut compressor = Compressor::new();
    compressor.prepare(bag, None, limit, &mut words);
    let mut maps = Vec::with_capacity(512);
    compressor.write(bag, &mut maps);

    let attributes = words.wire().len() + maps.len();
    let mut out = Vec::with_capacity(attributes + deduplication_id.len() + 32);
    out.push(tag(1, BYTES));
    put_varint(&mut out, attributes as u64);
    out.extend_from_slice(words.wire());
    out.extend_from_slice(&maps);
    put_word_count(&mut out, 2, limit);
    if !deduplication_id.is_empty() {
        put_bytes(&mut out, 3, deduplication_id.as_bytes());
    }
    for quota in quotas {
        put_quota(&mut out, quota);
    }
    out
}

pub(crate) fn put_word_count(out: &mut Vec<u8>, field: u8, limit: WordLimit) {
    if limit.get() != 0 {
        out.push(tag(field, VARINT));
        put_varint(out, u64::from(limit.get()));
    }
}

fn put_quota(out: &mut Vec<u8>, quota: &QuotaParams<'_>) {
    let mut params = Vec::with_capacity(16);
    if quota.amount != 0 {
        params.push(tag(1, VARINT));
        put_varint(&mut params, quota.amount as u64);
    }
    if quota.best_effort {
        params.extend_from_slice(&[tag(2, VARINT), 1]);
    }
    let name = quota.name.len();
    let len = 2 + varint_len(name as u64) + name + varint_len(params.len() as u64) + params.len();
    out.push(tag(4, BYTES));
    put_varint(out, len as u64);
    put_bytes(out, 1, quota.name.as_bytes());
    put_bytes(out, 2, &params);
}

/// A `CheckResponse` with these contents; `limit` is what the client's request said it knows.
///
/// References that could not be decoded are left out.
pub fn encode_check_response(response: &CheckResponse, limit: WordLimit) -> Vec<u8> {
    let precondition = response.precondition.as_ref().map(|precondition| encode_precondition(precondition, limit));
    let quotas = response.quotas.iter().map(|(name, result)| (name.clone(), encode_quota_result(result, limit)));
    proto::CheckResponse { precondition, quotas: quotas.collect() }.encode_to_vec()
}

fn encode_precondition(precondition: &Precondition, limit: WordLimit) -> proto::PreconditionResult {
    proto::PreconditionResult {
        status: encode_status(precondition.status.code, &precondition.status.message),
        valid_duration: precondition.valid_duration.map(encode_duration),
        valid_use_count: precondition.valid_use_count,
        referenced_attributes: encode_some_references(precondition.referenced.as_deref().unwrap_or_default(), limit),
        route_directive: precondition.directive.as_ref().map(encode_directive),
    }
}

fn encode_quota_result(result: &QuotaResult, limit: WordLimit) -> proto::QuotaResult {
    proto::QuotaResult {
        valid_duration: result.valid_duration.map(encode_duration),
        granted_amount: result.granted_amount,
        referenced_attributes: encode_some_references(result.referenced.as_deref().unwrap_or_default(), limit),
        status: encode_status(result.status.code, &result.status.message),
    }
}

fn encode_some_references(references: &[Reference], limit: WordLimit) -> Option<proto::ReferencedAttributes> {
    (!references.is_empty()).then(|| encode_references(references, limit))
}

fn encode_status(code: i32, message: &str) -> Option<proto::Status> {
    (code != 0 || !message.is_empty()).then(|| proto::Status { code, message: message.to_owned() })
}

fn encode_duration(time: Time) -> proto::Duration {
    proto::Duration { seconds: time.seconds, nanos: time.nanos }
}

fn encode_directive(directive: &RouteDirective) -> proto::RouteDirective {
    let operations = |operations: &[crate::answer::HeaderOperation]| {
        operations
            .iter()
            .map(|operation| proto::HeaderOperation {
                name: operation.name.clone(),
                value: operation.value.clone(),
                operation: match operation.operation {
                    Operation::Replace => 0,
                    Operation::Remove => 1,
                    Operation::Append => 2,
                },
            })
            .collect()
    };
    proto::RouteDirective {
        request_header_operations: operations(&directive.request_header_operations),
        response_header_operations: operations(&directive.response_header_operations),
        direct_response_code: directive.direct_response_code,
        direct_response_body: directive.direct_response_body.clone(),
    }
}
