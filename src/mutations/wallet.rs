//! Wallets.

use super::entry::mutations;
use millrace_command::wallet::{TopUpWallet, Transfer};
use millrace_events::TopUpId;
use millrace_read::graphql::Wallet;

mutations! {
    WalletMutations:

    /// Asks the payment provider for money. The wallet holds it once the provider has confirmed it.
    top_up_wallet(TopUpWallet) -> TopUpWalletPayload {
        show {
            /// The wallet, with the top-up pending.
            wallet: Wallet,
        }
        tell {
            /// The top-up that waits for the provider.
            top_up_id: TopUpId,
        }
    }

    /// Sends money to another person.
    transfer(Transfer) -> TransferPayload {
        show {
            /// The wallet that it went out of.
            wallet: Wallet,
        }
    }
}
