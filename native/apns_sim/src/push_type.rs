//! What Apple demands of each `apns-push-type`: the topic's suffix, the priorities, the payload's size.
//!
//! Source: Apple, "Sending notification requests to APNs" and "Generating a remote notification".

/// The rules of one push type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushType {
    pub(crate) name: &'static str,
    /// What the topic has behind the app's bundle id.
    pub(crate) topic_suffix: &'static str,
    pub(crate) priorities: &'static [&'static str],
    /// Bytes.
    pub(crate) payload_limit: usize,
}

impl PushType {
    /// What holds when the request names no push type: Apple takes it, and may deliver it late or not at all.
    pub(crate) const UNNAMED: Self = rules("", "", ANY_PRIORITY, PAYLOAD_LIMIT);

    pub(crate) fn find(name: &[u8]) -> Option<Self> {
        PUSH_TYPES
            .iter()
            .copied()
            .find(|push_type| push_type.name.as_bytes() == name)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PUSH_TYPES.iter().copied()
    }
}

const PAYLOAD_LIMIT: usize = 4096;
const VOIP_PAYLOAD_LIMIT: usize = 5120;

const ANY_PRIORITY: &[&str] = &["10", "5", "1"];
/// Apple's page calls priority 10 with a background push an error, and tells to use 5 always.
const BACKGROUND_PRIORITY: &[&str] = &["5"];

const PUSH_TYPES: &[PushType] = &[
    rules("alert", "", ANY_PRIORITY, PAYLOAD_LIMIT),
    rules("background", "", BACKGROUND_PRIORITY, PAYLOAD_LIMIT),
    rules("voip", ".voip", ANY_PRIORITY, VOIP_PAYLOAD_LIMIT),
    rules("complication", ".complication", ANY_PRIORITY, PAYLOAD_LIMIT),
    rules(
        "fileprovider",
        ".pushkit.fileprovider",
        ANY_PRIORITY,
        PAYLOAD_LIMIT,
    ),
    rules("location", ".location-query", ANY_PRIORITY, PAYLOAD_LIMIT),
    rules("pushtotalk", ".voip-ptt", ANY_PRIORITY, PAYLOAD_LIMIT),
    rules(
        "liveactivity",
        ".push-type.liveactivity",
        ANY_PRIORITY,
        PAYLOAD_LIMIT,
    ),
    rules("widgets", ".push-type.widgets", ANY_PRIORITY, PAYLOAD_LIMIT),
    rules(
        "controls",
        ".push-type.controls",
        ANY_PRIORITY,
        PAYLOAD_LIMIT,
    ),
    // The topic is the UID of the MDM certificate's subject, which has no suffix.
    rules("mdm", "", ANY_PRIORITY, PAYLOAD_LIMIT),
];

const fn rules(
    name: &'static str,
    topic_suffix: &'static str,
    priorities: &'static [&'static str],
    payload_limit: usize,
) -> PushType {
    PushType {
        name,
        topic_suffix,
        priorities,
        payload_limit,
    }
}
