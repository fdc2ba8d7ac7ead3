//! One app's files: whether to read them, and what is worth telling of what they hold.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use apns_proto::topic::Topic;

use crate::config::{ConfigError, Options};
use crate::credentials::{Credentials, key_id_warning};
use crate::stats::Stats;

/// What an engine should know of its app's files.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// They hold other credentials than before, checked as at a start.
    Changed {
        /// To be used from now on.
        credentials: Arc<Credentials>,
        /// What an operator should know of them although they can be used.
        warning: Option<String>,
    },
    /// They cannot be used; a sentence for an operator. The credentials that were read before go on.
    Unusable(String),
}

/// The files of one app's credentials, and what is known of them.
pub(crate) struct Watched {
    options: Options,
    topic: Topic,
    current: Arc<Credentials>,
    /// As the files were when they were looked at last. None yet at first: so nothing is missed that happened since the
    /// start read them.
    seen: Option<Vec<Option<Stamp>>>,
    /// What was read need not be read again as long as the files seem unchanged.
    settled: bool,
    health: Health,
    stats: Arc<Stats>,
    tell: Box<dyn Fn(News) + Send>,
}

/// Whether the files are good.
#[derive(Debug)]
enum Health {
    Good,
    /// They were bad at the last look, for the first time: perhaps somebody is just writing them, or has replaced one
    /// of two.
    Doubtful,
    /// An operator was told this.
    Bad(String),
}

impl Watched {
    /// The files that `options` name; `current` are the credentials that the app has, `tell` gets the news, and must not
    /// block.
    pub(crate) fn new(
        options: Options,
        topic: Topic,
        current: Arc<Credentials>,
        stats: Arc<Stats>,
        tell: impl Fn(News) + Send + 'static,
    ) -> Self {
        Self {
            options,
            topic,
            current,
            seen: None,
            settled: false,
            health: Health::Good,
            stats,
            tell: Box::new(tell),
        }
    }

    /// Hands over what was found.
    pub(crate) fn tell(&self, news: News) {
        (self.tell)(news);
    }

    /// Looks whether the files have changed, and reads them if so; at `now_unix` (Unix seconds).
    pub(crate) fn look(&mut self, now_unix: u64) -> Option<News> {
        // Before they are read: what changes after this is seen the next time.
        let stamps = Credentials::files(&self.options).map(Stamp::of).collect();
        let changed = self.seen.as_ref() != Some(&stamps);
        if !changed && self.settled {
            return None;
        }
        self.seen = Some(stamps);
        match Credentials::load(&self.options, &self.topic, now_unix) {
            Ok(credentials) => {
                // Once more at the next look: a file that is written while it is read, or twice within one tick of the
                // file system's clock, may have changed without a trace.
                self.settled = !changed;
                self.health = Health::Good;
                self.handle_good(credentials)
            }
            Err(error) => self.handle_bad(changed, &error),
        }
    }

    /// A look has panicked.
    pub(crate) fn handle_panic(&mut self) -> Option<News> {
        let problem = "reading them crashes apns_engine, which is a bug of it: please report it";
        self.handle_bad(true, &ConfigError::new("credentials", problem))
    }

    fn handle_good(&mut self, credentials: Credentials) -> Option<News> {
        if credentials.is_same(&self.current) {
            return None;
        }
        self.current = Arc::new(credentials);
        Some(News::Changed {
            credentials: Arc::clone(&self.current),
            warning: key_id_warning(&self.options),
        })
    }

    /// Read again at every look, as time may mend them too: a certificate whose days begin tomorrow. An operator is
    /// told at the second look, and again when a change has led to another problem.
    fn handle_bad(&mut self, changed: bool, error: &ConfigError) -> Option<News> {
        self.settled = false;
        self.stats.credentials_failures.add(1);
        let problem = error.to_string();
        match &self.health {
            Health::Good => {
                self.health = Health::Doubtful;
                return None;
            }
            Health::Bad(told) if !changed || *told == problem => return None,
            Health::Doubtful | Health::Bad(_) => {}
        }
        let news = News::Unusable(format!(
            "{problem}; until it is put right, the credentials that were read before are used"
        ));
        self.health = Health::Bad(problem);
        Some(news)
    }
}

/// Which files they are is no secret; what the options hold beside may be.
impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("current", &self.current)
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

/// By what a changed file is told from an unchanged one. Links are followed, so that a link that leads elsewhere is a
/// change. Another owner or mode is one too, since it may be why a file could not be read.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// `None`: the file is not there, or cannot be looked at.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests;
