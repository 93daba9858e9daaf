//! The messages of `istio.mixer.v1` as prost structs: for what is rare, for tools and for tests.
//!
//! Bags are written and read by hand on the paths that every request takes (`encode`, `report`, `decode`).
#![allow(missing_docs)] // fields are those of the protocol's own definition in proto/istio/mixer/v1

use prost::Message;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub struct Duration {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.rpc.Status` without its details.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct StringMap {
    #[prost(btree_map = "sint32, sint32", tag = "1")]
    pub entries: BTreeMap<i32, i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CompressedAttributes {
    #[prost(string, repeated, tag = "1")]
    pub words: Vec<String>,
    #[prost(btree_map = "sint32, sint32", tag = "2")]
    pub strings: BTreeMap<i32, i32>,
    #[prost(btree_map = "sint32, int64", tag = "3")]
    pub int64s: BTreeMap<i32, i64>,
    #[prost(btree_map = "sint32, double", tag = "4")]
    pub doubles: BTreeMap<i32, f64>,
    #[prost(btree_map = "sint32, bool", tag = "5")]
    pub bools: BTreeMap<i32, bool>,
    #[prost(btree_map = "sint32, message", tag = "6")]
    pub timestamps: BTreeMap<i32, Timestamp>,
    #[prost(btree_map = "sint32, message", tag = "7")]
    pub durations: BTreeMap<i32, Duration>,
    #[prost(btree_map = "sint32, bytes", tag = "8")]
    pub bytes: BTreeMap<i32, Vec<u8>>,
    #[prost(btree_map = "sint32, message", tag = "9")]
    pub string_maps: BTreeMap<i32, StringMap>,
}

#[derive(Clone, PartialEq, Message)]
pub struct QuotaParams {
    #[prost(int64, tag = "1")]
    pub amount: i64,
    #[prost(bool, tag = "2")]
    pub best_effort: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<CompressedAttributes>,
    #[prost(uint32, tag = "2")]
    pub global_word_count: u32,
    #[prost(string, tag = "3")]
    pub deduplication_id: String,
    #[prost(btree_map = "string, message", tag = "4")]
    pub quotas: BTreeMap<String, QuotaParams>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AttributeMatch {
    #[prost(sint32, tag = "1")]
    pub name: i32,
    #[prost(int32, tag = "2")]
    pub condition: i32,
    #[prost(string, tag = "3")]
    pub regex: String,
    #[prost(sint32, tag = "4")]
    pub map_key: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReferencedAttributes {
    #[prost(string, repeated, tag = "1")]
    pub words: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub attribute_matches: Vec<AttributeMatch>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderOperation {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(int32, tag = "3")]
    pub operation: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct RouteDirective {
    #[prost(message, repeated, tag = "1")]
    pub request_header_operations: Vec<HeaderOperation>,
    #[prost(message, repeated, tag = "2")]
    pub response_header_operations: Vec<HeaderOperation>,
    #[prost(uint32, tag = "3")]
    pub direct_response_code: u32,
    #[prost(string, tag = "4")]
    pub direct_response_body: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreconditionResult {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    pub valid_duration: Option<Duration>,
    #[prost(int32, tag = "3")]
    pub valid_use_count: i32,
    #[prost(message, optional, tag = "5")]
    pub referenced_attributes: Option<ReferencedAttributes>,
    #[prost(message, optional, tag = "6")]
    pub route_directive: Option<RouteDirective>,
}

#[derive(Clone, PartialEq, Message)]
pub struct QuotaResult {
    #[prost(message, optional, tag = "1")]
    pub valid_duration: Option<Duration>,
    #[prost(int64, tag = "2")]
    pub granted_amount: i64,
    #[prost(message, optional, tag = "5")]
    pub referenced_attributes: Option<ReferencedAttributes>,
    #[prost(message, optional, tag = "6")]
    pub status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "2")]
    pub precondition: Option<PreconditionResult>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub quotas: BTreeMap<String, QuotaResult>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReportRequest {
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<CompressedAttributes>,
    #[prost(string, repeated, tag = "2")]
    pub default_words: Vec<String>,
    #[prost(uint32, tag = "3")]
    pub global_word_count: u32,
    /// 0 = DELTA_ENCODING, 1 = INDEPENDENT_ENCODING
    #[prost(int32, tag = "4")]
    pub repeated_attributes_semantics: i32,
}

/// `Attributes`: names and values in full, as configuration and the forwarding header carry them.
#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(btree_map = "string, message", tag = "1")]
    pub attributes: BTreeMap<String, AttributeValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AttributeValue {
    #[prost(oneof = "Value", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    #[prost(string, tag = "2")]
    String(String),
    #[prost(int64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(bool, tag = "5")]
    Bool(bool),
    #[prost(bytes, tag = "6")]
    Bytes(Vec<u8>),
    #[prost(message, tag = "7")]
    Timestamp(Timestamp),
    #[prost(message, tag = "8")]
    Duration(Duration),
    #[prost(message, tag = "9")]
    StringMap(PlainStringMap),
}

/// `Attributes.StringMap`
#[derive(Clone, PartialEq, Message)]
pub struct PlainStringMap {
    #[prost(btree_map = "string, string", tag = "1")]
    pub entries: BTreeMap<String, String>,
}
