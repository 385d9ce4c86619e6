//! Domain errors: the expected answers "no" of a command. They stand in the payload, as types that carry data.
//!
//! A new one is a line in the list below. What goes wrong in the system itself is [`crate::CommandFailure`].

use async_graphql::{Enum, Interface, SimpleObject};
use millrace_events::values::ValueError;
use millrace_events::{Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

macro_rules! command_errors {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident: $type:ty ),* $(,)? } )+) => {
        /// Which of the domain errors it is: the type's name in capitals, for clients that do not look at types.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
        pub enum CommandErrorCode {
            $( $(#[$doc])* $name ),+
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                /// Which error it is.
                pub code: CommandErrorCode,
                /// What is wrong, in words for a person.
                pub message: String,
                /// The input field that it is about, outermost name first; empty if it is about no single field.
                pub path: Vec<String>,
                /// True if the very same input may succeed when it is sent again.
                pub retryable: bool,
                $( $(#[$field_doc])* pub $field: $type, )*
            }
        )+

        /// Why a command was rejected. Nothing was changed.
        #[derive(Debug, Clone, PartialEq, Eq, Interface, Serialize, Deserialize)]
        #[serde(tag = "type")]
        #[graphql(
            field(name = "code", ty = "&CommandErrorCode", desc = "Which error it is."),
            field(name = "message", ty = "&String", desc = "What is wrong, in words for a person."),
            field(
                name = "path",
                ty = "&Vec<String>",
                desc = "The input field that it is about, outermost name first; empty if it is about no single field."
            ),
            field(
                name = "retryable",
                ty = "&bool",
                desc = "True if the very same input may succeed when it is sent again."
            )
        )]
        pub enum CommandError {
            $( $(#[$doc])* $name($name) ),+
        }

        impl CommandError {
            /// The code, without the rest.
            pub fn kind(&self) -> CommandErrorCode {
                match self { $( Self::$name(_) => CommandErrorCode::$name ),+ }
            }
        }
    };
}

command_errors! {
    /// An input field breaks a rule.
    ValidationError {}
    /// Somebody changed it meanwhile: it is not at the expected version.
    VersionConflict {
        /// The version that the input expected.
        expected: u32,
        /// The version that it is at.
        actual: u32,
    }
    /// There is no such thing, or none that you may see.
    NotFound {}
    /// It is there, but this is not for you to do.
    NotAllowed {}
    /// The idempotency key was used before, with another input.
    IdempotencyKeyReused {}
    /// E-mail address and password, or the refresh token, are not right. It is not told which part.
    InvalidCredentials {}
    /// Your account has no password yet, and this asks for it: set one first.
    PasswordNotSet {}
    /// There is an account with this e-mail address.
    EmailTaken {}
    /// The account is deactivated. Signing in with `reactivate` brings it back.
    AccountDeactivated {}
    /// There would be nobody left who may grant roles.
    LastAdmin {}
    /// The token out of a mail is not good: it was used, its time is over, or it was never sent.
    InvalidToken {}
    /// The ID token is not good, or of no provider that is taken here. It is not told what is wrong with it.
    InvalidIdToken {}
    /// The provider does not answer for an e-mail address, and an account needs one.
    EmailNotVerified {}
    /// There is an account with this e-mail address, to which the provider is not linked. Signing in to it and linking does that.
    AccountNotLinked {}
    /// The provider's account is linked to somebody else here.
    IdentityTaken {}
    /// Another account of this provider is linked already.
    ProviderAlreadyLinked {}
    /// There would be no way left to sign in.
    OnlyWayIn {}
    /// There are not so many of it.
    OutOfStock {
        /// Of which product.
        product_id: ProductId,
        /// How many there are.
        available: u32,
    }
    /// There is not so much in the wallet.
    InsufficientFunds {
        /// What is in it.
        balance: Money,
        /// What is missing.
        missing: Money,
    }
    /// The wallet cannot hold so much.
    WalletFull {}
    /// Amounts of different currencies do not go together.
    CurrencyMismatch {}
    /// It would be more than may be.
    LimitReached {
        /// Which limit.
        limit: String,
        /// How many may be.
        max: u32,
    }
    /// The thing cannot go from its state to the wanted one.
    InvalidTransition {
        /// The state that it is in.
        from: String,
        /// The state that was wanted.
        to: String,
    }
    /// The time to pay the order is over: it is about to be cancelled.
    PaymentOverdue {
        /// Until when it could be paid.
        pay_until: Timestamp,
    }
}

fn path_of(field: &str) -> Vec<String> {
    field.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl CommandError {
    /// The field breaks a rule; the message is the field's name and the rule.
    pub(crate) fn invalid(field: &str, rule: &ValueError) -> Self {
        Self::invalid_text(field, format!("{field} {rule}."))
    }

    /// The field breaks a rule that is told in a sentence of its own.
    pub(crate) fn invalid_text(field: &str, message: String) -> Self {
        let code = CommandErrorCode::ValidationError;
        ValidationError { code, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn version_conflict(expected: u32, actual: u32) -> Self {
        let message = format!("It was changed meanwhile: version {expected} was expected, {actual} is there.");
        let (code, path) = (CommandErrorCode::VersionConflict, path_of("expectedVersion"));
        VersionConflict { code, message, path, retryable: false, expected, actual }.into()
    }

    pub(crate) fn not_found(thing: &str, field: &str) -> Self {
        let message = format!("There is no such {thing}.");
        NotFound { code: CommandErrorCode::NotFound, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn not_allowed(message: &str, field: &str) -> Self {
        let (code, message) = (CommandErrorCode::NotAllowed, message.to_owned());
        NotAllowed { code, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        let message = "This idempotency key was used before, with another input.".to_owned();
        let (code, path) = (CommandErrorCode::IdempotencyKeyReused, path_of("idempotencyKey"));
        IdempotencyKeyReused { code, message, path, retryable: false }.into()
    }

    pub(crate) fn invalid_credentials(message: &str) -> Self {
        let (code, message) = (CommandErrorCode::InvalidCredentials, message.to_owned());
        InvalidCredentials { code, message, path: Vec::new(), retryable: false }.into()
    }

    /// The sender's own password was asked for again, and is another one.
    pub(crate) fn wrong_password(field: &str) -> Self {
        let message = "This is not your password.".to_owned();
        let (code, path) = (CommandErrorCode::InvalidCredentials, path_of(field));
        InvalidCredentials { code, message, path, retryable: false }.into()
    }

    /// The sender's own password was asked for, and there is none: they sign in by a provider alone.
    pub(crate) fn password_not_set(field: &str) -> Self {
        let message = "Your account has no password yet. Set one first: ask for a password reset.".to_owned();
        let (code, path) = (CommandErrorCode::PasswordNotSet, path_of(field));
        PasswordNotSet { code, message, path, retryable: false }.into()
    }

    pub(crate) fn out_of_stock(product_id: ProductId, available: u32, field: &str) -> Self {
        let message = format!("There are {available} of it left.");
        let (code, path) = (CommandErrorCode::OutOfStock, path_of(field));
        OutOfStock { code, message, path, retryable: false, product_id, available }.into()
    }

    pub(crate) fn insufficient_funds(balance: Money, missing: Money) -> Self {
        let message = "There is not so much in the wallet.".to_owned();
        let code = CommandErrorCode::InsufficientFunds;
        InsufficientFunds { code, message, path: Vec::new(), retryable: false, balance, missing }.into()
    }

    pub(crate) fn wallet_full(message: &str, field: &str) -> Self {
        let (code, message) = (CommandErrorCode::WalletFull, message.to_owned());
        WalletFull { code, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn currency_mismatch(message: String, field: &str) -> Self {
        let code = CommandErrorCode::CurrencyMismatch;
        CurrencyMismatch { code, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn limit_reached(message: &str, limit: &str, max: u32) -> Self {
        let (code, message, limit) = (CommandErrorCode::LimitReached, message.to_owned(), limit.to_owned());
        LimitReached { code, message, path: Vec::new(), retryable: true, limit, max }.into()
    }

    pub(crate) fn invalid_transition(from: &str, to: &str, field: &str) -> Self {
        let message = format!("It cannot go from {from} to {to}.");
        let (code, path) = (CommandErrorCode::InvalidTransition, path_of(field));
        InvalidTransition { code, message, path, retryable: false, from: from.to_owned(), to: to.to_owned() }.into()
    }

    pub(crate) fn payment_overdue(pay_until: Timestamp, field: &str) -> Self {
        let message = "The time to pay it is over. Order again.".to_owned();
        let (code, path) = (CommandErrorCode::PaymentOverdue, path_of(field));
        PaymentOverdue { code, message, path, retryable: false, pay_until }.into()
    }

    pub(crate) fn email_taken(field: &str) -> Self {
        let message = "There is an account with this e-mail address.".to_owned();
        EmailTaken { code: CommandErrorCode::EmailTaken, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn account_deactivated() -> Self {
        let message = "This account is deactivated. Sign in with reactivate to have it back.".to_owned();
        let (code, path) = (CommandErrorCode::AccountDeactivated, path_of("reactivate"));
        AccountDeactivated { code, message, path, retryable: false }.into()
    }

    pub(crate) fn last_admin(field: &str) -> Self {
        let message = "This is the last admin: nobody would be left to grant roles.".to_owned();
        LastAdmin { code: CommandErrorCode::LastAdmin, message, path: path_of(field), retryable: false }.into()
    }

    pub(crate) fn invalid_id_token() -> Self {
        let message = "This ID token is not good. Sign in with the provider again.".to_owned();
        let (code, path) = (CommandErrorCode::InvalidIdToken, path_of("idToken"));
        InvalidIdToken { code, message, path, retryable: false }.into()
    }

    pub(crate) fn email_not_verified() -> Self {
        let message = "The provider does not say that an e-mail address is yours. Verify it there first.".to_owned();
        let (code, path) = (CommandErrorCode::EmailNotVerified, path_of("idToken"));
        EmailNotVerified { code, message, path, retryable: false }.into()
    }

    pub(crate) fn account_not_linked() -> Self {
        let message = "There is an account with your e-mail address. Sign in to it, and link the provider.".to_owned();
        let (code, path) = (CommandErrorCode::AccountNotLinked, path_of("idToken"));
        AccountNotLinked { code, message, path, retryable: false }.into()
    }

    pub(crate) fn identity_taken() -> Self {
        let message = "This account of the provider is linked to somebody else here.".to_owned();
        let (code, path) = (CommandErrorCode::IdentityTaken, path_of("idToken"));
        IdentityTaken { code, message, path, retryable: false }.into()
    }

    pub(crate) fn provider_already_linked() -> Self {
        let message = "Another account of this provider is linked. Unlink it first.".to_owned();
        let (code, path) = (CommandErrorCode::ProviderAlreadyLinked, path_of("idToken"));
        ProviderAlreadyLinked { code, message, path, retryable: false }.into()
    }

    pub(crate) fn only_way_in() -> Self {
        let message = "You could not sign in any more. Set a password first.".to_owned();
        let (code, path) = (CommandErrorCode::OnlyWayIn, path_of("issuer"));
        OnlyWayIn { code, message, path, retryable: false }.into()
    }

    pub(crate) fn invalid_token() -> Self {
        let message = "This is not good any more. Ask for another mail.".to_owned();
        InvalidToken { code: CommandErrorCode::InvalidToken, message, path: path_of("token"), retryable: false }.into()
    }
}
