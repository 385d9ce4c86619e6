//! Sealing and opening of personal data in an event's payload.
//!
//! XChaCha20-Poly1305 with a key per person; the event's id is bound in, so that a sealed value cannot be moved to another event.
//! Destroying a key erases what it sealed everywhere at once ("crypto-shredding").

use crate::personal::PERSONAL;
use crate::{EventId, UserId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const NONCE_BYTES: usize = 24;

/// A person's key. Its bytes never show in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonKey(#[serde(with = "key_text")] [u8; 32]);

impl PersonKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(XChaCha20Poly1305::generate_key(&mut OsRng).into())
    }

    /// A key out of a store; `None` if it has not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for the store that keeps them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonKey(..)")
    }
}

mod key_text {
    use super::{Engine, URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("a key has 32 bytes"))
    }
}

/// What is known of a person's key. A key that is merely absent is no state: it means wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// The person's data can be read.
    Live(PersonKey),
    /// The mark that stays after erasing; final.
    Destroyed,
}

/// Why a payload could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key has not arrived yet: wait, then try again.
    #[error("the key of person {0} is not here yet")]
    KeyAbsent(UserId),
    /// A destroyed key cannot seal.
    #[error("the key of person {0} is destroyed")]
    KeyDestroyed(UserId),
    /// The ciphertext does not fit the key or the event: damage, or a forgery.
    #[error("sealed data of person {0} does not open")]
    Damaged(UserId),
    /// The wire form is not one that [`crate::Personal`] writes.
    #[error("personal data in an unknown form")]
    Malformed,
}

/// The persons whose keys a payload needs.
pub fn persons(payload: &Value) -> BTreeSet<UserId> {
    let mut found = BTreeSet::new();
    collect(payload, &mut found);
    found
}

/// True if no personal value of a payload lies readable.
pub fn is_sealed(payload: &Value) -> bool {
    match payload {
        Value::Object(object) => match object.get(PERSONAL) {
            Some(content) => content.get("plain").is_none(),
            None => object.values().all(is_sealed),
        },
        Value::Array(items) => items.iter().all(is_sealed),
        _ => true,
    }
}

/// Seals each personal value in place.
pub fn seal(payload: &mut Value, event: EventId, key_of: &dyn Fn(UserId) -> Option<KeyState>) -> Result<(), SealError> {
    each_personal(payload, &mut |of, content| {
        let Some(plain) = content.remove("plain") else { return Ok(()) };
        let key = match key_of(of).ok_or(SealError::KeyAbsent(of))? {
            KeyState::Live(key) => key,
            KeyState::Destroyed => return Err(SealError::KeyDestroyed(of)),
        };
        content.insert("sealed".into(), encrypt(&key, event, of, &plain)?.into());
        Ok(())
    })
}

/// Opens each sealed value in place: readable with a live key, `Erased` with a destroyed one.
pub fn open(payload: &mut Value, event: EventId, key_of: &dyn Fn(UserId) -> Option<KeyState>) -> Result<(), SealError> {
    each_personal(payload, &mut |of, content| {
        let Some(sealed) = content.remove("sealed") else { return Ok(()) };
        match key_of(of).ok_or(SealError::KeyAbsent(of))? {
            KeyState::Live(key) => content.insert("plain".into(), decrypt(&key, event, of, &sealed)?),
            KeyState::Destroyed => content.insert("erased".into(), json!(true)),
        };
        Ok(())
    })
}

fn collect(value: &Value, found: &mut BTreeSet<UserId>) {
    match value {
        Value::Object(object) => {
            if let Some(of) = object.get(PERSONAL).and_then(|content| content.get("of")) {
                found.extend(serde_json::from_value::<UserId>(of.clone()));
            }
            object.values().for_each(|inner| collect(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, found)),
        _ => {}
    }
}

type Visit<'a> = &'a mut dyn FnMut(UserId, &mut Map<String, Value>) -> Result<(), SealError>;

fn each_personal(value: &mut Value, visit: Visit<'_>) -> Result<(), SealError> {
    match value {
        Value::Object(object) => match object.get_mut(PERSONAL) {
            Some(Value::Object(content)) => visit(owner(content)?, content),
            Some(_) => Err(SealError::Malformed),
            None => object.values_mut().try_for_each(|inner| each_personal(inner, visit)),
        },
        Value::Array(items) => items.iter_mut().try_for_each(|inner| each_personal(inner, visit)),
        _ => Ok(()),
    }
}

fn owner(content: &Map<String, Value>) -> Result<UserId, SealError> {
    let of = content.get("of").cloned().ok_or(SealError::Malformed)?;
    serde_json::from_value(of).map_err(|_| SealError::Malformed)
}

fn encrypt(key: &PersonKey, event: EventId, of: UserId, plain: &Value) -> Result<String, SealError> {
    let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
    let message = plain.to_string();
    let payload = Payload { msg: message.as_bytes(), aad: event.0.as_bytes() };
    let text = cipher(key).encrypt(&nonce, payload).map_err(|_| SealError::Damaged(of))?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &text].concat()))
}

fn decrypt(key: &PersonKey, event: EventId, of: UserId, sealed: &Value) -> Result<Value, SealError> {
    let text = sealed.as_str().ok_or(SealError::Malformed)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)?;
    let (nonce, text) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Malformed)?;
    let payload = Payload { msg: text, aad: event.0.as_bytes() };
    let plain = cipher(key).decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::Damaged(of))?;
    serde_json::from_slice(&plain).map_err(|_| SealError::Damaged(of))
}

fn cipher(key: &PersonKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&key.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Personal;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: Personal<String>,
        tags: Personal<Vec<String>>,
    }

    fn note(of: UserId) -> Note {
        Note { text: Personal::known(of, "hello".into()), tags: Personal::known(of, vec!["a".into()]) }
    }

    fn sealed(of: UserId, event: EventId, key: &PersonKey) -> Value {
        let mut payload = serde_json::to_value(note(of)).unwrap();
        seal(&mut payload, event, &|_| Some(KeyState::Live(key.clone()))).unwrap();
        payload
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_only() {
        let (of, event, key) = (UserId::generate(), EventId::generate(), PersonKey::generate());
        let payload = sealed(of, event, &key);
        assert!(!payload.to_string().contains("hello") && is_sealed(&payload));
        assert!(!is_sealed(&json!([{ "note": serde_json::to_value(note(of)).unwrap() }])));
        assert_eq!(persons(&payload), BTreeSet::from([of]));

        let mut opened = payload.clone();
        open(&mut opened, event, &|_| Some(KeyState::Live(key.clone()))).unwrap();
        assert_eq!(serde_json::from_value::<Note>(opened).unwrap(), note(of));

        let other = PersonKey::generate();
        let refused = open(&mut payload.clone(), event, &|_| Some(KeyState::Live(other.clone())));
        assert_eq!(refused, Err(SealError::Damaged(of)));
    }

    #[test]
    fn a_sealed_value_cannot_move_to_another_event() {
        let (of, key) = (UserId::generate(), PersonKey::generate());
        let mut payload = sealed(of, EventId::generate(), &key);
        let moved = open(&mut payload, EventId::generate(), &|_| Some(KeyState::Live(key.clone())));
        assert_eq!(moved, Err(SealError::Damaged(of)));
    }

    #[test]
    fn a_destroyed_key_reads_as_erased_and_an_absent_one_means_wait() {
        let (of, event, key) = (UserId::generate(), EventId::generate(), PersonKey::generate());
        let mut payload = sealed(of, event, &key);
        assert_eq!(open(&mut payload.clone(), event, &|_| None), Err(SealError::KeyAbsent(of)));

        open(&mut payload, event, &|_| Some(KeyState::Destroyed)).unwrap();
        let note: Note = serde_json::from_value(payload).unwrap();
        assert_eq!(note.text, Personal::Erased { of });
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", PersonKey::generate()), "PersonKey(..)");
    }
}
