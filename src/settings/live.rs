//! `live`: subscriptions to changes.

use super::numbers::at_least_one;
use millrace_read::live::LiveLimits;
use serde::{Deserialize, Serialize};

/// Each limit is one process's, for one projection: who watches posts takes no place from who watches orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSettings {
    /// Subscriptions to one projection that are open at once; further ones are refused.
    #[serde(deserialize_with = "at_least_one")]
    pub subscribers_max: usize,
    /// Topics that one subscription listens to; with more it is refused, or ends. A feed has one for each person whom its viewer follows,
    /// of whom 1,000 count, and one more; all others have two at the most.
    #[serde(deserialize_with = "at_least_one")]
    pub topics_per_subscriber_max: usize,
    /// Changes that wait for one subscription to take them. With one more it ends with its cursor, after which it can go on.
    #[serde(deserialize_with = "at_least_one")]
    pub waiting_changes_max: usize,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self { subscribers_max: 10_000, topics_per_subscriber_max: 1_024, waiting_changes_max: 256 }
    }
}

impl LiveSettings {
    /// As the read side takes them.
    pub fn limits(&self) -> LiveLimits {
        LiveLimits {
            subscribers_max: self.subscribers_max,
            topics_max: self.topics_per_subscriber_max,
            waiting_max: self.waiting_changes_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_defaults_are_those_of_the_read_side() {
        assert_eq!(LiveSettings::default().limits(), LiveLimits::default());
    }

    #[test]
    fn each_number_is_the_limit_that_it_names() {
        let set = [("subscribers_max", "1"), ("topics_per_subscriber_max", "2"), ("waiting_changes_max", "3")];
        let set = set.map(|(key, value)| (format!("live.{key}"), value.to_owned()));
        let limits = Settings::load(None, &set).unwrap().live.limits();
        assert_eq!(limits, LiveLimits { subscribers_max: 1, topics_max: 2, waiting_max: 3 });
    }
}
