//! `wallet:ID`: a person's money in one currency.

use super::ShopDocument;
use crate::models::fields::{global_id, micros};
use crate::projection::DocumentKey;
use millrace_events::wallet::{OPEN_TOP_UPS_MAX, TopUpDeclined, TopUpRequested, WalletMoved, WalletOpened};
use millrace_events::{Money, Recorded, Timestamp, TopUpId, UserId, WalletId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "wallet";

/// A wallet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// Which wallet.
    #[serde(with = "global_id")]
    pub id: WalletId,
    /// Version of the wallet.
    pub version: u32,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Whose, for selecting.
    pub user_id: UserId,
    /// What is in it.
    pub balance: Money,
    /// Top-ups that the payment provider has not answered yet, the oldest first. Commands let only so many wait; what has waited for too
    /// long makes room for others, and goes.
    pub pending_top_ups: Vec<TopUp>,
}

/// Money that the payment provider was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopUp {
    /// Which top-up.
    #[serde(with = "global_id")]
    pub id: TopUpId,
    /// How much.
    pub amount: Money,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// The key of a wallet.
pub fn key(id: WalletId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// The wallet that a key names, if it names one.
pub fn id_in(key: &DocumentKey) -> Option<WalletId> {
    key.as_str().strip_prefix(KIND)?.strip_prefix(':')?.parse().ok().map(WalletId)
}

pub(super) fn opened(document: &mut Option<ShopDocument>, event: &Recorded, e: &WalletOpened) {
    let wallet = Wallet {
        id: e.wallet_id,
        version: event.aggregate.version,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
        user_id: e.user_id,
        balance: Money::zero(e.currency),
        pending_top_ups: vec![],
    };
    *document = Some(ShopDocument::Wallet(Arc::new(wallet)));
}

pub(super) fn top_up_requested(document: &mut Option<ShopDocument>, event: &Recorded, e: &TopUpRequested) {
    let top_up = TopUp { id: e.top_up_id, amount: e.amount, requested_at: event.at };
    with(document, event, |wallet| {
        wallet.pending_top_ups.push(top_up);
        let abandoned = wallet.pending_top_ups.len().saturating_sub(OPEN_TOP_UPS_MAX as usize);
        wallet.pending_top_ups.drain(..abandoned);
    });
}

pub(super) fn top_up_declined(document: &mut Option<ShopDocument>, event: &Recorded, e: &TopUpDeclined) {
    with(document, event, |wallet| wallet.pending_top_ups.retain(|top_up| top_up.id != e.top_up_id));
}

pub(super) fn moved(document: &mut Option<ShopDocument>, event: &Recorded, e: &WalletMoved) {
    with(document, event, |wallet| {
        wallet.balance = e.balance;
        wallet.pending_top_ups.retain(|top_up| Some(top_up.id) != e.top_up_id);
    });
}

fn with(document: &mut Option<ShopDocument>, event: &Recorded, change: impl FnOnce(&mut Wallet)) {
    let Some(ShopDocument::Wallet(wallet)) = document else { return };
    let wallet = Arc::make_mut(wallet);
    change(wallet);
    wallet.version = event.aggregate.version;
    wallet.updated_at = event.at;
}
