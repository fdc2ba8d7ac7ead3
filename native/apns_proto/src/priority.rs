//! The `apns-priority` header: how much of the device's battery a push may cost.

/// How urgently Apple hands the push to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// 1: power comes before everything; never wakes the device.
    Low = 1,
    /// 5: at a time that suits the device's power.
    PowerConsiderate = 5,
    /// 10: at once.
    Immediate = 10,
}

impl Priority {
    /// Reads Apple's number.
    ///
    /// # Errors
    /// [`PriorityError`] for anything but 10, 5 and 1.
    pub const fn parse(number: u64) -> Result<Self, PriorityError> {
        match number {
            1 => Ok(Self::Low),
            5 => Ok(Self::PowerConsiderate),
            10 => Ok(Self::Immediate),
            number => Err(PriorityError { number }),
        }
    }

    /// Apple's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The value of the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "1",
            Self::PowerConsiderate => "5",
            Self::Immediate => "10",
        }
    }
}

/// Apple knows no such priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{number} is no priority: Apple's are 10 (at once), 5 (when it suits the device's power) and 1 (lowest)"
)]
pub struct PriorityError {
    /// The number given.
    pub number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_apples_three_numbers_are_priorities() {
        for number in 0..300 {
            match Priority::parse(number) {
                Ok(priority) => {
                    assert_eq!(u64::from(priority.number()), number);
                    assert_eq!(priority.as_str(), number.to_string());
                }
                Err(error) => {
                    assert!(![1, 5, 10].contains(&number));
                    assert_eq!(error, PriorityError { number });
                }
            }
        }
    }
}
