//! What happens to a wallet: one person's money in one currency.

use crate::money::{Currency, Money};
use crate::{OrderId, Personal, Timestamp, TopUpId, TransactionId, UserId, WalletId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most top-ups of a wallet that wait for the payment provider. Those that have waited for too long count no more.
pub const OPEN_TOP_UPS_MAX: u32 = 10;

/// A wallet was opened, empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletOpened {
    /// Which wallet.
    pub wallet_id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// In which currency.
    pub currency: Currency,
}

/// A top-up was asked for; the payment provider has not answered yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopUpRequested {
    /// Into which wallet.
    pub wallet_id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// Which top-up.
    pub top_up_id: TopUpId,
    /// How much.
    pub amount: Money,
}

/// The payment provider declined a top-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopUpDeclined {
    /// Into which wallet.
    pub wallet_id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// Which top-up.
    pub top_up_id: TopUpId,
}

/// Money came in or went out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletMoved {
    /// Which wallet.
    pub wallet_id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// The transaction in the ledger.
    pub transaction_id: TransactionId,
    /// When, by PostgreSQL's clock while the wallet was locked: within a wallet later movements have later moments.
    pub moved_at: Timestamp,
    /// Why.
    pub cause: MovementCause,
    /// How much; below zero for what went out.
    pub amount: Money,
    /// What the wallet holds now.
    pub balance: Money,
    /// The order that was paid or refunded.
    pub order_id: Option<OrderId>,
    /// The top-up that came in.
    pub top_up_id: Option<TopUpId>,
    /// Who sent or got a transfer.
    pub other_user_id: Option<UserId>,
    /// The sender's words with a transfer.
    pub note: Option<Personal<String>>,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MovementCause {
    /// From the payment provider.
    TopUp,
    /// An order was paid.
    Payment,
    /// A paid order was cancelled.
    Refund,
    /// Sent to another person.
    TransferSent,
    /// Got from another person.
    TransferReceived,
}
