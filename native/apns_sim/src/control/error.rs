//! Errors of the control API: a sentence that says what is wrong, and an example that is right.

use hyper::{Response, StatusCode};

use super::body::{Body, json};
use crate::script::ScriptError;

/// A request the control API cannot carry out.
#[derive(Debug)]
pub(super) struct ControlError {
    status: StatusCode,
    sentence: String,
    example: &'static str,
}

impl ControlError {
    pub(super) fn new(
        status: StatusCode,
        sentence: impl Into<String>,
        example: &'static str,
    ) -> Self {
        Self {
            status,
            sentence: sentence.into(),
            example,
        }
    }

    pub(super) fn bad_request(sentence: impl Into<String>, example: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence, example)
    }

    /// `port` is the control API's own, so that the example can be taken as it is.
    pub(super) fn into_response(self, port: u16) -> Response<Body> {
        let example = self.example.replace("PORT", &port.to_string());
        let text = serde_json::json!({ "error": self.sentence, "example": example });
        json(self.status, &text)
    }
}

impl From<ScriptError> for ControlError {
    fn from(error: ScriptError) -> Self {
        match error.is_not_found() {
            true => Self::new(StatusCode::NOT_FOUND, error.to_string(), HEALTH_EXAMPLE),
            false => Self::bad_request(error.to_string(), SCRIPT_EXAMPLE),
        }
    }
}

const SCRIPT_EXAMPLE: &str = r#"curl -d '{"token":"00fc13adff785122","status":410,"reason":"Unregistered","times":1}' http://127.0.0.1:PORT/script"#;
const HEALTH_EXAMPLE: &str = "curl http://127.0.0.1:PORT/health";
