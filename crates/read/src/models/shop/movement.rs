//! `movement:TRANSACTION-WALLET`: one movement of money, as one wallet saw it: a line of its statement.

use super::ShopDocument;
use crate::models::fields::{global_id, micros, readable};
use crate::projection::{DocumentKey, Unfoldable};
use millrace_events::wallet::{MovementCause, WalletMoved};
use millrace_events::{Money, OrderId, Timestamp, TransactionId, UserId, WalletId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "movement";

/// A line of a wallet's statement. It never changes, but for the note of a person who is erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    /// The transaction. A transfer stands under it in two wallets.
    #[serde(with = "global_id")]
    pub transaction_id: TransactionId,
    /// In which wallet, for selecting.
    pub wallet_id: WalletId,
    /// Whose wallet.
    pub user_id: UserId,
    /// When.
    pub at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// Why.
    pub cause: MovementCause,
    /// How much; below zero for what went out.
    pub amount: Money,
    /// What the wallet held then.
    pub balance: Money,
    /// The order that was paid or refunded.
    pub order_id: Option<OrderId>,
    /// Who sent or got a transfer.
    pub other_user_id: Option<UserId>,
    /// The sender's words with a transfer.
    pub note: Option<String>,
    /// Who wrote them, for selecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_of: Option<UserId>,
}

impl Movement {
    /// Takes the words of a person out of it.
    pub(super) fn forget(&mut self, person: UserId) {
        if self.note_of == Some(person) {
            (self.note, self.note_of) = (None, None);
        }
    }
}

/// The key of a movement in one wallet.
pub fn key(transaction_id: TransactionId, wallet_id: WalletId) -> DocumentKey {
    DocumentKey::new(KIND, format_args!("{transaction_id}-{wallet_id}"))
}

pub(super) fn moved(document: &mut Option<ShopDocument>, e: &WalletMoved, key: &DocumentKey) -> Result<(), Unfoldable> {
    let note = match &e.note {
        Some(note) => readable(note, key)?.map(|text| (text.clone(), note.of())),
        None => None,
    };
    let (note, note_of) = note.unzip();
    *document = Some(ShopDocument::Movement(Arc::new(Movement {
        transaction_id: e.transaction_id,
        wallet_id: e.wallet_id,
        user_id: e.user_id,
        at: e.moved_at,
        created_micros: micros(e.moved_at),
        cause: e.cause,
        amount: e.amount,
        balance: e.balance,
        order_id: e.order_id,
        other_user_id: e.other_user_id,
        note,
        note_of,
    })));
    Ok(())
}
