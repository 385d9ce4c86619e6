//! A payment provider's notice, signed: only who holds the secret can say that somebody paid.
//!
//! The form is [Stripe's](https://docs.stripe.com/webhooks#verify-manually): `t=SECONDS,v1=HEX`, an HMAC-SHA256 over the moment, a dot
//! and the body. A notice that is sent again within the window is the same notice: its event id says so.

use super::provider::PaymentNotice;
use hmac::{Hmac, Mac};
use millrace_events::Timestamp;
use sha2::Sha256;
use std::fmt::Write;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "millrace-signature";
/// The most seconds between the moment that was signed and now, either way.
pub const SIGNATURE_AGE_MAX_S: u64 = 300;
/// The most bytes of an event's id.
pub const EVENT_ID_BYTES_MAX: usize = 255;
/// The fewest bytes of the secret.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 32;

/// What a provider signs with.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

/// Why a notice is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The header has not the form of a signature.
    #[error("the signature cannot be read")]
    MalformedSignature,
    /// Signed too long ago, or in the future.
    #[error("the signature is not of now")]
    Stale,
    /// Signed with another secret, or over another body.
    #[error("the signature does not fit")]
    Forged,
    /// Rightly signed, but no notice.
    #[error("the notice cannot be read")]
    MalformedNotice,
}

impl WebhookSecret {
    /// A secret of at least 32 bytes; none if it is shorter.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() >= WEBHOOK_SECRET_BYTES_MIN).then_some(Self(bytes))
    }

    /// The signature of a body at a moment.
    pub fn sign(&self, at: Timestamp, body: &[u8]) -> String {
        let seconds = at.moment().unix_timestamp();
        let mut text = format!("t={seconds},v1=");
        for byte in self.mac(seconds, body).finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The notice, if it was signed with this secret a moment ago.
    pub fn open(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<PaymentNotice, NoticeError> {
        let (seconds, mac) = parse(signature).ok_or(NoticeError::MalformedSignature)?;
        if now.moment().unix_timestamp().abs_diff(seconds) > SIGNATURE_AGE_MAX_S {
            return Err(NoticeError::Stale);
        }
        self.mac(seconds, body).verify_slice(&mac).map_err(|_| NoticeError::Forged)?;
        let notice: PaymentNotice = serde_json::from_slice(body).map_err(|_| NoticeError::MalformedNotice)?;
        if !is_event_id(&notice.event_id) {
            return Err(NoticeError::MalformedNotice);
        }
        Ok(notice)
    }

    fn mac(&self, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length.
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("a key of any length"));
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// What PostgreSQL takes as a key, and tells an event from others. Anything else would be sent again for ever.
fn is_event_id(text: &str) -> bool {
    (1..=EVENT_ID_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

fn parse(signature: &str) -> Option<(i64, Vec<u8>)> {
    let (seconds, mac) = signature.strip_prefix("t=")?.split_once(",v1=")?;
    Some((seconds.parse().ok()?, bytes(mac)?))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PaymentResult;
    use millrace_events::{Currency, Money, TopUpId};
    use time::{Duration, OffsetDateTime};

    fn secret(byte: u8) -> WebhookSecret {
        WebhookSecret::new([byte; WEBHOOK_SECRET_BYTES_MIN]).unwrap()
    }

    fn notice() -> PaymentNotice {
        PaymentNotice {
            event_id: "evt_1".into(),
            top_up_id: TopUpId::generate(),
            result: PaymentResult::Succeeded,
            amount: Money::new(500, Currency::parse("EUR").unwrap()),
        }
    }

    #[test]
    fn an_event_has_an_id_that_can_be_kept() {
        let now = Timestamp::new(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let opened = |event_id: String| {
            let body = serde_json::to_vec(&PaymentNotice { event_id, ..notice() }).unwrap();
            secret(1).open(&secret(1).sign(now, &body), &body, now).map(|notice| notice.event_id.len())
        };
        for refused in ["", "evt\0", "evt\n1", &"x".repeat(EVENT_ID_BYTES_MAX + 1)] {
            assert_eq!(opened(refused.to_owned()), Err(NoticeError::MalformedNotice), "{refused:?}");
        }
        assert_eq!(opened("x".repeat(EVENT_ID_BYTES_MAX)), Ok(EVENT_ID_BYTES_MAX));
    }

    #[test]
    fn only_what_was_signed_a_moment_ago_is_believed() {
        let (notice, now) = (notice(), Timestamp::new(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)));
        let body = serde_json::to_vec(&notice).unwrap();
        let signature = secret(1).sign(now, &body);
        let later = |seconds| Timestamp::new(now.moment() + Duration::seconds(seconds));
        assert_eq!(secret(1).open(&signature, &body, later(300)), Ok(notice));
        assert_eq!(secret(1).open(&signature, &body, later(301)), Err(NoticeError::Stale));
        assert_eq!(secret(1).open(&signature, &body, later(-301)), Err(NoticeError::Stale));
        assert_eq!(secret(2).open(&signature, &body, now), Err(NoticeError::Forged));
        let more = [&body[..], b" "].concat();
        assert_eq!(secret(1).open(&signature, &more, now), Err(NoticeError::Forged));
        for moment in [i64::MIN, i64::MAX] {
            let signature = format!("t={moment},v1={}", "00".repeat(32));
            assert_eq!(secret(1).open(&signature, &body, now), Err(NoticeError::Stale));
        }
        let moved = signature.replacen("t=", "t=1", 1);
        assert!(secret(1).open(&moved, &body, now).is_err());
    }

    #[test]
    fn junk_is_told_apart() {
        let now = Timestamp::new(OffsetDateTime::UNIX_EPOCH);
        for junk in ["", "t=1", "t=x,v1=00", "t=0,v1=0", "t=0,v1=zz", "t=0,v1=ää"] {
            assert_eq!(secret(1).open(junk, b"{}", now), Err(NoticeError::MalformedSignature), "{junk}");
        }
        let signed = secret(1).sign(now, b"{}");
        assert_eq!(secret(1).open(&signed, b"{}", now), Err(NoticeError::MalformedNotice));
        assert!(WebhookSecret::new(*b"short").is_none());
    }
}
