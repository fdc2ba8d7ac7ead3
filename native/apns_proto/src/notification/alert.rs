//! The `alert` key: a text, or a dictionary of its parts and of keys into the app's own translations.

/// What is shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Alert {
    /// A body and nothing else.
    Text(String),
    /// Title, body and so on, each given or looked up in the app's translations.
    Dictionary(Box<AlertDictionary>),
}

impl From<AlertDictionary> for Alert {
    fn from(dictionary: AlertDictionary) -> Self {
        Self::Dictionary(Box::new(dictionary))
    }
}

/// The parts of an alert. A field that is `None` or empty is not sent.
///
/// A key ending in `loc_key` is looked up in the app's `Localizable.strings`; its `loc_args` fill the `%@` in what is found.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AlertDictionary {
    /// `title`: first line.
    pub title: Option<String>,
    /// `subtitle`: second line.
    pub subtitle: Option<String>,
    /// `body`: the text.
    pub body: Option<String>,
    /// `title-loc-key`: the title's translation.
    pub title_loc_key: Option<String>,
    /// `title-loc-args`: what fills it.
    pub title_loc_args: Vec<String>,
    /// `subtitle-loc-key`: the subtitle's translation.
    pub subtitle_loc_key: Option<String>,
    /// `subtitle-loc-args`: what fills it.
    pub subtitle_loc_args: Vec<String>,
    /// `loc-key`: the body's translation.
    pub loc_key: Option<String>,
    /// `loc-args`: what fills it.
    pub loc_args: Vec<String>,
    /// `launch-image`: what the app shows while it starts.
    pub launch_image: Option<String>,
    /// `action-loc-key`: label of the button; old devices only.
    pub action_loc_key: Option<String>,
    /// `action`: label of the button; Safari's web notifications.
    pub action: Option<String>,
}
