//! The outcome of a decision: a canonical code of `google.rpc.Code` and a message.

use std::fmt;

/// A code and a message; code 0 is OK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The canonical code, or what the peer sent in its place.
    pub code: i32,
    /// For people; may be empty.
    pub message: String,
}

/// The canonical codes by number: their names and the HTTP status that a denied request is answered with.
const CODES: [(&str, u16); 17] = [
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
];

impl Status {
    /// Code 0.
    pub const OK: i32 = 0;
    /// Code 2.
    pub const UNKNOWN: i32 = 2;
    /// Code 3.
    pub const INVALID_ARGUMENT: i32 = 3;
    /// Code 4.
    pub const DEADLINE_EXCEEDED: i32 = 4;
    /// Code 5.
    pub const NOT_FOUND: i32 = 5;
    /// Code 7.
    pub const PERMISSION_DENIED: i32 = 7;
    /// Code 8.
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    /// Code 13.
    pub const INTERNAL: i32 = 13;
    /// Code 14.
    pub const UNAVAILABLE: i32 = 14;
    /// Code 16.
    pub const UNAUTHENTICATED: i32 = 16;

    /// A status with this code and message.
    pub fn new(code: i32, message: impl Into<String>) -> Status {
        Status { code, message: message.into() }
    }

    /// OK without a message.
    pub const fn ok() -> Status {
        Status { code: Status::OK, message: String::new() }
    }

    /// Whether the code is 0.
    pub const fn is_ok(&self) -> bool {
        self.code == Status::OK
    }

    /// The HTTP status for a request that ends with this status; 500 for a code that is not canonical.
    pub fn http_code(&self) -> u16 {
        canonical(self.code).map_or(500, |(_, http)| http)
    }

    /// The name of the code; `UNKNOWN` for one that is not canonical.
    pub fn name(&self) -> &'static str {
        canonical(self.code).map_or("UNKNOWN", |(name, _)| name)
    }

    /// `OK`, `NAME`, or `NAME:message`: the body of a denial and the value of `check.error_message`.
    pub fn to_text(&self) -> String {
        match self {
            _ if self.is_ok() || self.message.is_empty() => self.name().to_owned(),
            _ => format!("{}:{}", self.name(), self.message),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

fn canonical(code: i32) -> Option<(&'static str, u16)> {
    CODES.get(usize::try_from(code).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_map_to_http_as_the_protocol_says() {
        let expected = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401, 500, 500];
        let seen: Vec<u16> = (0..=18).map(|code| Status::new(code, "").http_code()).collect();
        assert_eq!(seen, expected);
        assert_eq!(Status::new(-1, "").http_code(), 500);
    }

    #[test]
    fn the_text_leaves_out_what_is_empty() {
        for (code, message, text) in [
            (0, "", "OK"),
            (0, "fine", "OK"),
            (7, "", "PERMISSION_DENIED"),
            (7, "no", "PERMISSION_DENIED:no"),
            (99, "odd", "UNKNOWN:odd"),
        ] {
            assert_eq!(Status::new(code, message).to_text(), text);
        }
    }
}
