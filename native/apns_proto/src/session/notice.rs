//! What a session tells besides outcomes: news of the connection, and why a push has to wait.

use crate::http2;

/// What the owner of a session should know besides outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The server's SETTINGS came: pushes may be sent.
    Ready,
    /// The server wants no more pushes on this connection; those in flight may still be answered.
    GoingAway {
        /// Apple's reason, or the HTTP/2 error code's name.
        reason: String,
        /// The server found that we ask too much (ENHANCE_YOUR_CALM): come back late.
        calm: bool,
    },
    /// No push can be sent on this connection any more; `reason` says why.
    Retired {
        /// Why, for an operator.
        reason: String,
    },
    /// An answer showed that the app's credentials work. Said once.
    Authenticated,
}

/// Why a push cannot be sent now on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Blocked {
    /// The server's SETTINGS have not come.
    #[error("the server's SETTINGS have not come")]
    Starting,
    /// Pushes authenticate by a provider token, and none was given yet.
    #[error("no provider token was given")]
    NoProviderToken,
    /// The first push is in flight: its answer shows whether the credentials work, and until then Apple takes one.
    #[error("the first answer has not come")]
    Unproven,
    /// The connection was silent for long, and is asked by a PING whether it lives.
    #[error("the connection is asked whether it lives")]
    Silent,
    /// The connection takes no more pushes; use another.
    #[error("the connection takes no more pushes")]
    Retired,
    /// Streams, windows or output are full.
    #[error(transparent)]
    Http2(http2::Blocked),
}
