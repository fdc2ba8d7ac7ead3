//! The `sound` key.

/// What is played.
#[derive(Clone, PartialEq)]
pub enum Sound {
    /// A sound file of the app, or `default`.
    Name(String),
    /// A critical alert, heard through the mute switch; the app needs an entitlement of Apple's.
    Critical {
        /// A sound file of the app, or `default`.
        name: String,
        /// Loudness, 0 (silent) to 1 (full).
        volume: f64,
    },
}
