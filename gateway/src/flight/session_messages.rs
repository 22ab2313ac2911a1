//! Messages of Flight's session actions, by hand: arrow-flight 59.3 has no types for them.
//!
//! Field numbers and types are those of Arrow's `Flight.proto`; a whole number is an `sfixed64` there.

use std::collections::HashMap;

/// A session option's value; none at all unsets the option.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(crate) option_value: Option<OptionValue>,
}

/// The kinds of value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(message, tag = "5")]
    Texts(StringListValue),
}

/// `SessionOptionValue.StringListValue`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

/// The body of `SetSessionOptions`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) session_options: HashMap<String, SessionOptionValue>,
}

/// Why an option wasn't set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

/// `SetSessionOptionsResult.Error`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SetOptionError {
    #[prost(enumeration = "ErrorValue", tag = "1")]
    pub(crate) value: i32,
}

/// The answer to `SetSessionOptions`: an option that isn't named here was set.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) errors: HashMap<String, SetOptionError>,
}

/// The answer to `GetSessionOptions`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) session_options: HashMap<String, SessionOptionValue>,
}

/// `CloseSessionResult.Status`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

/// The answer to `CloseSession`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub(crate) status: i32,
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn messages_have_the_protocols_bytes() {
        let value = SessionOptionValue { option_value: Some(OptionValue::Whole(30)) };
        let request = SetSessionOptionsRequest {
            session_options: HashMap::from([("deadline".to_owned(), value)]),
        };
        let mut expected = vec![0x0a, 21, 0x0a, 8];
        expected.extend(b"deadline");
        // Field 3 as a fixed 64-bit number.
        expected.extend([0x12, 9, 0x19, 30, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(request.encode_to_vec(), expected);
        assert_eq!(SetSessionOptionsRequest::decode(&*expected), Ok(request));
        assert_eq!(
            CloseSessionResult { status: CloseStatus::Closed.into() }.encode_to_vec(),
            [8, 1]
        );
    }
}
