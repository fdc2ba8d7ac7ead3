//! The SETTINGS that the wire sends, and what their acknowledgements will mean.

use super::frame::{
    self, SETTINGS_HEADER_TABLE_SIZE, SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_MAX_FRAME_SIZE, SETTINGS_MAX_HEADER_LIST_SIZE,
};
use crate::script::Settings;

/// What h2's first SETTINGS say in h2's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstSettings {
    pub(super) limit: u32,
    pub(super) settings: Settings,
}

impl FirstSettings {
    /// Apple's, with this MAX_CONCURRENT_STREAMS.
    pub(super) const fn new(limit: u32) -> Self {
        Self {
            limit,
            settings: Settings::APPLES,
        }
    }

    pub(super) fn frame(self) -> Vec<u8> {
        let mut entries = vec![(SETTINGS_MAX_CONCURRENT_STREAMS, self.limit)];
        entries.extend(entries_of(self.settings));
        frame::settings(&entries)
    }
}

/// SETTINGS that were sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SentSettings {
    /// Its acknowledgement is h2's.
    pub(super) of_h2: bool,
    /// Its MAX_CONCURRENT_STREAMS.
    pub(super) limit: Option<u32>,
    pub(super) header_table_size: Option<u32>,
    pub(super) initial_window_size: Option<u32>,
}

impl SentSettings {
    /// The first one, which is h2's and the wire's.
    pub(super) fn first(first: FirstSettings) -> Self {
        Self {
            of_h2: true,
            limit: Some(first.limit),
            ..Self::of(first.settings)
        }
    }

    /// One of the wire's own.
    pub(super) fn of(settings: Settings) -> Self {
        Self {
            header_table_size: settings.header_table_size,
            initial_window_size: settings.initial_window_size,
            ..Self::default()
        }
    }

    /// One that a script has put together.
    pub(super) fn of_frame(frame: &[u8]) -> Self {
        Self {
            header_table_size: frame::setting(frame, SETTINGS_HEADER_TABLE_SIZE),
            initial_window_size: frame::setting(frame, SETTINGS_INITIAL_WINDOW_SIZE),
            ..Self::default()
        }
    }
}

/// All settings that are said.
pub(super) fn entries_of(settings: Settings) -> impl Iterator<Item = (u16, u32)> {
    let entries = [
        (SETTINGS_HEADER_TABLE_SIZE, settings.header_table_size),
        (SETTINGS_INITIAL_WINDOW_SIZE, settings.initial_window_size),
        (SETTINGS_MAX_FRAME_SIZE, settings.max_frame_size),
        (SETTINGS_MAX_HEADER_LIST_SIZE, settings.max_header_list_size),
    ];
    entries
        .into_iter()
        .filter_map(|(id, value)| Some((id, value?)))
}
