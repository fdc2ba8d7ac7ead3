//! Why Apple refused pushes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use apns_proto::response::Response;

/// Refused pushes by Apple's reason, from the start of the app on.
#[derive(Debug, Default)]
pub struct Reasons(Mutex<BTreeMap<Box<str>, u64>>);

impl Reasons {
    /// Counts one. Without a reason it counts under its status; beyond [`MAX_REASONS`] under `other`, since reasons are
    /// a server's words.
    pub(crate) fn add(&self, response: &Response) {
        let name: Box<str> = match &response.reason {
            Some(reason) => reason.as_str().into(),
            None => response.status.to_string().into(),
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if counts.len() < MAX_REASONS || counts.contains_key(&name) {
            name
        } else {
            OTHER.into()
        };
        *counts.entry(name).or_insert(0) += 1;
    }

    /// Every reason that came, with how often.
    #[must_use]
    pub fn counts(&self) -> Vec<(Box<str>, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|(name, count)| (name.clone(), *count))
            .collect()
    }
}

/// Apple has some forty.
const MAX_REASONS: usize = 100;
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use apns_proto::response::{Reason, ResponseBuilder};

    use super::*;

    fn refused(status: u16, reason: Option<&str>) -> Response {
        let mut builder = ResponseBuilder::new();
        builder.status(status);
        let mut response = builder.finish();
        response.reason = reason.map(Reason::parse);
        response
    }

    #[test]
    fn refusals_count_under_their_reason_or_status() {
        let reasons = Reasons::default();
        reasons.add(&refused(400, Some("BadDeviceToken")));
        reasons.add(&refused(400, Some("BadDeviceToken")));
        reasons.add(&refused(418, None));
        let counts = reasons.counts();
        assert_eq!(counts, [("418".into(), 1), ("BadDeviceToken".into(), 2)]);
    }

    #[test]
    fn a_server_with_ever_new_words_is_bounded_and_nothing_goes_uncounted() {
        let reasons = Reasons::default();
        for number in 0..1000 {
            reasons.add(&refused(400, Some(&format!("Reason{number}"))));
        }
        let counts = reasons.counts();
        assert_eq!(counts.len(), MAX_REASONS + 1);
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 1000);
    }
}
