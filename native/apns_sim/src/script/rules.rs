//! The rules that wait for requests.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use super::{Effect, Rule};
use crate::lock::lock;

/// All waiting rules, a token's own and those for any.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    of_token: HashMap<String, VecDeque<Rule>>,
    of_any: VecDeque<Rule>,
    count: usize,
}

/// Where a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) connection: u64,
    pub(crate) stream: u32,
}

impl Place {
    fn is_meant_by(self, rule: &Rule) -> bool {
        // A provider's streams are odd: 1 is its first, 3 its second.
        let ordinal = self.stream.div_ceil(2);
        rule.connection
            .is_none_or(|number| number == self.connection)
            && rule.stream.is_none_or(|stream| stream == self.stream)
            && rule.every.is_none_or(|every| ordinal.is_multiple_of(every))
    }
}

impl Rules {
    /// Adds rules behind those that wait; `false`, and none is added, when they would be more than is kept.
    #[must_use]
    pub(crate) fn add(&self, rules: Vec<Rule>) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.count + rules.len() > MAX_RULES {
            return false;
        }
        waiting.count += rules.len();
        for rule in rules {
            match &rule.token {
                Some(token) => waiting
                    .of_token
                    .entry(token.to_ascii_lowercase())
                    .or_default()
                    .push_back(rule),
                None => waiting.of_any.push_back(rule),
            }
        }
        true
    }

    /// What is to be done with a request for `token`: the first rule of the token's own that is due, else the
    /// first for any. Each rule that is asked counts the request; one for another place is not asked.
    pub(crate) fn take(&self, token: Option<&str>, place: Place) -> Option<Effect> {
        let mut waiting = lock(&self.waiting);
        let mut spent = 0;
        let own = token.and_then(|token| {
            let rules = waiting.of_token.get_mut(token)?;
            let effect = take_first(rules, place, &mut spent);
            if rules.is_empty() {
                waiting.of_token.remove(token);
            }
            effect
        });
        let effect = own.or_else(|| take_first(&mut waiting.of_any, place, &mut spent));
        waiting.count -= spent;
        effect
    }

    pub(crate) fn clear(&self) {
        *lock(&self.waiting) = Waiting::default();
    }

    /// Copies of the rules that wait: those for any, then the tokens' own.
    pub(crate) fn list(&self) -> Vec<Rule> {
        let waiting = lock(&self.waiting);
        waiting
            .of_any
            .iter()
            .chain(waiting.of_token.values().flatten())
            .cloned()
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.waiting).count
    }
}

fn take_first(rules: &mut VecDeque<Rule>, place: Place, spent: &mut usize) -> Option<Effect> {
    let at = rules.iter_mut().position(|rule| {
        if !place.is_meant_by(rule) {
            return false;
        }
        let due = rule.skip == 0;
        rule.skip = rule.skip.saturating_sub(1);
        due
    })?;
    let rule = rules.get_mut(at)?;
    let effect = rule.effect.clone();
    if let Some(times) = &mut rule.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            rules.remove(at);
            *spent += 1;
        }
    }
    Some(effect)
}

/// Bounds the memory a client of the control API can make the simulator take.
pub(crate) const MAX_RULES: usize = 100_000;
