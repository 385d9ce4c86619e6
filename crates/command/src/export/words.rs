//! Opening of the words that statements take sealed out of events.

use crate::fault::Fault;
use millrace_events::{EventId, KeyState, Personal, UserId, seal};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Words as `sealed_words()` of PostgreSQL answers them.
#[derive(Deserialize)]
struct SealedWords {
    #[serde(rename = "$event")]
    event: EventId,
    #[serde(rename = "$words")]
    words: Value,
}

/// Puts the person's own words where a row has them sealed. Words of others, which the person's key does not open, become null.
pub(super) fn open(row: &str, person: UserId, key: &KeyState) -> Result<String, Fault> {
    let mut row: Value = serde_json::from_str(row)?;
    open_in(&mut row, person, key)?;
    Ok(serde_json::to_string(&row)?)
}

fn open_in(value: &mut Value, person: UserId, key: &KeyState) -> Result<(), Fault> {
    match value {
        Value::Object(object) if object.contains_key("$event") => {
            let SealedWords { event, words } = serde_json::from_value(value.take())?;
            *value = own(words, event, person, key)?;
            Ok(())
        }
        Value::Object(object) => object.values_mut().try_for_each(|inner| open_in(inner, person, key)),
        Value::Array(items) => items.iter_mut().try_for_each(|inner| open_in(inner, person, key)),
        _ => Ok(()),
    }
}

fn own(mut words: Value, event: EventId, person: UserId, key: &KeyState) -> Result<Value, Fault> {
    if seal::persons(&words) != BTreeSet::from([person]) {
        return Ok(Value::Null);
    }
    seal::open(&mut words, event, &|_| Some(key.clone()))?;
    let words: Personal<Value> = serde_json::from_value(words)?;
    Ok(words.value().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::PersonKey;
    use serde_json::json;
    use uuid::Uuid;

    fn sealed(text: &str, of: UserId, event: EventId, key: &PersonKey) -> Value {
        let mut words = serde_json::to_value(Personal::known(of, text.to_owned())).unwrap();
        seal::seal(&mut words, event, &|_| Some(KeyState::Live(key.clone()))).unwrap();
        json!({ "$event": event, "$words": words })
    }

    #[test]
    fn ones_own_words_are_opened_and_those_of_others_left_out() {
        let (ada, ben) = (UserId::generate(), UserId::generate());
        let (key, other) = (PersonKey::generate(), PersonKey::generate());
        let event = EventId(Uuid::from_u128(7));
        let row = json!({
            "title": "{\"$event\": 1}", "reason": sealed("Mine.", ada, event, &key), "nothing": { "$event": event, "$words": null },
            "inner": [{ "note": sealed("Ben's.", ben, event, &other) }, { "note": sealed("Also mine.", ada, event, &key) }],
        });
        let opened = open(&row.to_string(), ada, &KeyState::Live(key)).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&opened).unwrap(),
            json!({ "title": "{\"$event\": 1}", "reason": "Mine.", "nothing": null,
                "inner": [{ "note": null }, { "note": "Also mine." }] })
        );
        let damaged = json!({ "reason": sealed("Mine.", ada, EventId(Uuid::from_u128(8)), &PersonKey::generate()) });
        assert!(open(&damaged.to_string(), ada, &KeyState::Live(other)).is_err());
    }
}
