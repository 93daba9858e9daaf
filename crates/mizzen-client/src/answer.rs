//! What the Mixer answers to a Check, decoded.

use crate::referenced::ReferencedError;
use crate::status::Status;
use crate::value::Time;

/// The answer to a Check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckResponse {
    /// The decision. An answer without one counts as INVALID_ARGUMENT and is not remembered.
    pub precondition: Option<Precondition>,
    /// What was granted, by quota name in byte order; usually empty after a denial.
    pub quotas: Vec<(String, QuotaResult)>,
}

/// The decision whether the request may pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Precondition {
    /// OK, or why not.
    pub status: Status,
    /// How long the decision may be used again; `None` = for ever.
    pub valid_duration: Option<Time>,
    /// How often it may be used again: 0 = never, negative = without limit.
    pub valid_use_count: i32,
    /// The attributes that the decision rests on; with an error the decision holds but must not be remembered.
    pub referenced: Result<Vec<Reference>, ReferencedError>,
    /// What to do to the request and its response.
    pub directive: Option<RouteDirective>,
}

/// What the Mixer granted of one quota.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaResult {
    /// How long the tokens live; `None` = the client's default of one minute.
    pub valid_duration: Option<Time>,
    /// Tokens granted; 0 = refused.
    pub granted_amount: i64,
    /// The attributes that this quota depends on.
    pub referenced: Result<Vec<Reference>, ReferencedError>,
    /// OK for servers before Istio 1.3, which did not have it.
    pub status: Status,
}

/// One attribute, or one key of a string map, that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The attribute's name.
    pub name: String,
    /// The key, if the attribute is a string map. Index 0 of the protocol reads as none.
    pub map_key: Option<String>,
    /// What must hold for the decision to apply to another request.
    pub condition: Condition,
}

/// When a decision applies to another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The attribute or key must be missing.
    Absence,
    /// It must be there with the same value.
    Exact,
    /// It must match a pattern. No sidecar ever supported this: the decision must not be remembered.
    Regex,
}

/// What to do to a request and its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDirective {
    /// Changes to the request, in order.
    pub request_header_operations: Vec<HeaderOperation>,
    /// Changes to the response, in order; to a direct response too.
    pub response_header_operations: Vec<HeaderOperation>,
    /// Answer with this HTTP code instead of passing the request on; 0 = no.
    pub direct_response_code: u32,
    /// The body of that answer.
    pub direct_response_body: String,
}

/// One change to a list of headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderOperation {
    /// The header's name in lower case; may be a pseudo header.
    pub name: String,
    /// Its value; without meaning for a removal.
    pub value: String,
    /// What to do.
    pub operation: Operation,
}

/// How to change a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Remove all lines of the name, then add one.
    Replace,
    /// Remove all lines of the name.
    Remove,
    /// Add a line of its own.
    Append,
}
