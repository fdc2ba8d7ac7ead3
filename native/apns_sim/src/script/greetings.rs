//! The rules that wait for connections.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};
use std::sync::Mutex;

use super::{Greeting, OpenRule};
use crate::lock::lock;

/// All rules that wait for connections, in their order.
#[derive(Debug, Default)]
pub(crate) struct Greetings {
    waiting: Mutex<VecDeque<OpenRule>>,
}

impl Greetings {
    /// Whether so many more can wait.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        lock(&self.waiting).len() + more <= MAX_GREETINGS
    }

    /// Adds rules behind those that wait.
    pub(crate) fn add(&self, rules: Vec<OpenRule>) {
        lock(&self.waiting).extend(rules);
    }

    /// How the next connection is met: of each kind of greeting the first rule that is due. Each rule that is asked
    /// counts the connection; those behind one that acts are not asked.
    pub(crate) fn take(&self) -> Vec<Greeting> {
        let mut waiting = lock(&self.waiting);
        let mut taken: Vec<Greeting> = Vec::new();
        waiting.retain_mut(|rule| {
            if taken
                .iter()
                .any(|other| kind(other) == kind(&rule.greeting))
            {
                return true;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return true;
            }
            taken.push(rule.greeting.clone());
            if let Some(times) = &mut rule.times {
                *times = times.saturating_sub(1);
            }
            rule.times != Some(0)
        });
        taken
    }

    pub(crate) fn clear(&self) {
        lock(&self.waiting).clear();
    }

    pub(crate) fn list(&self) -> Vec<OpenRule> {
        lock(&self.waiting).iter().cloned().collect()
    }
}

/// Greetings of one kind take turns; others act together.
fn kind(
    greeting: &Greeting,
) -> (
    Discriminant<Greeting>,
    Option<Discriminant<super::ConnectionAction>>,
) {
    let action = match greeting {
        Greeting::Open(action) => Some(discriminant(action)),
        Greeting::Listener(_) | Greeting::Tls(_) => None,
    };
    (discriminant(greeting), action)
}

/// All are looked at for each connection.
const MAX_GREETINGS: usize = 1000;
