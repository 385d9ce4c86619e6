//! Every mutation, one line each: the only place where a command meets the objects that its payload shows.
//!
//! The command crate knows no object types, the read crate no commands; fields cannot be added to another crate's type. So a payload
//! is made here: receipt and errors from the command's answer, objects from the read side once it has reached the command's position.

use crate::command_port::{CommandPort, RemoteAnswer};
use async_graphql::{Context, Error, ErrorExtensions, Object, Result};
use millrace_command::comment::{AddComment, DeleteComment, EditComment, HideComment, UnhideComment};
use millrace_command::follow::{FollowUser, UnfollowUser};
use millrace_command::like::{LikePost, UnlikePost};
use millrace_command::order::{CancelOrder, ConfirmDelivery, PayOrder, PlaceOrder, ShipOrder};
use millrace_command::post::{CreatePost, DeletePost, EditPost, HidePost, PublishPost, UnhidePost, UnpublishPost};
use millrace_command::product::{CreateProduct, RestockProduct, RetireProduct, UpdateProduct};
use millrace_command::session::{RefreshSession, SignIn, SignInWithProvider, SignOut, SignOutEverywhere};
use millrace_command::user::{
    ChangeEmail, ChangePassword, DeactivateAccount, EraseAccount, ExportMyData, GrantRole, LinkProvider,
    RequestPasswordReset, ResetPassword, RevokeRole, SignUp, UnlinkProvider, UpdateProfile, VerifyEmail,
};
use millrace_command::wallet::{TopUpWallet, Transfer};
use millrace_command::{
    Answer, Command, CommandError, CommandFailure, CommandReceipt, Commands, DataExport, Sender, Session,
};
use millrace_events::{CommentId, ErasureId, PostId, TopUpId, UserId};
use millrace_read::graphql::{AfterCommand, Comment, Order, Post, Product, User, Wallet};

/// A command without an answer is a top-level error: its report, and nothing of its cause.
fn top_level(failure: CommandFailure) -> Error {
    let report = failure.report().clone();
    Error::new(report.message).extend_with(|_, extensions| {
        extensions.set("code", report.code.as_str());
        extensions.set("retryable", report.retryable);
        if let Some(limit) = report.limit {
            extensions.set("limit", limit);
        }
        if let Some(seconds) = report.retry_after_s {
            extensions.set("retryAfter", seconds);
        }
    })
}

macro_rules! mutations {
    ($(
        $(#[$doc:meta])*
        $field:ident($command:ty) -> $payload:ident {
            $( show { $( $(#[$object_doc:meta])* $object:ident: $object_type:ty, )* } )?
            $( tell { $( $(#[$id_doc:meta])* $id:ident: $id_type:ty, )* } )?
            $( credentials { $(#[$session_doc:meta])* $session:ident } )?
            $( link { $(#[$export_doc:meta])* $export:ident } )?
        }
    )*) => {
        $(
            #[doc = concat!("What `", stringify!($field), "` did.")]
            pub struct $payload(Answer<<$command as Command>::Outcome>);

            /// What became of a command, and the objects that it concerns.
            #[Object]
            impl $payload {
                /// What became of the command.
                async fn receipt(&self) -> &CommandReceipt {
                    self.0.receipt()
                }

                /// Why the command was rejected; empty if it was accepted.
                async fn errors(&self) -> &[CommandError] {
                    self.0.errors()
                }

                $( $(
                    $(#[$object_doc])*
                    ///
                    /// Read from the read side; null if the command was rejected, or if the read side has not reached it in time
                    /// (then `extensions.millrace.pending` is true).
                    async fn $object(&self, ctx: &Context<'_>) -> Result<Option<$object_type>> {
                        match self.0.outcome() {
                            Some(outcome) => <$object_type>::after(ctx, self.0.receipt().consistency_token.as_deref(), &outcome.$object).await,
                            None => Ok(None),
                        }
                    }
                )* )?

                $( $(
                    $(#[$id_doc])*
                    async fn $id(&self) -> Option<$id_type> {
                        self.0.outcome().map(|outcome| outcome.$id)
                    }
                )* )?

                $(
                    $(#[$session_doc])*
                    async fn $session(&self) -> Option<&Session> {
                        self.0.session()
                    }
                )?

                $(
                    $(#[$export_doc])*
                    async fn $export(&self) -> Option<&DataExport> {
                        self.0.export()
                    }
                )?
            }
        )*

        /// The root of all mutations.
        pub struct Mutation;

        /// Commands: each changes something, or tells why not.
        #[Object]
        impl Mutation {
            $(
                $(#[$doc])*
                async fn $field(
                    &self,
                    ctx: &Context<'_>,
                    #[graphql(desc = "What to do.")] input: $command,
                ) -> Result<$payload> {
                    let port = ctx.data::<CommandPort>()?;
                    let answer = port.send(crate::api::command_request(ctx)?, input).await;
                    answer.map($payload).map_err(top_level)
                }
            )*
        }

        /// True if a mutation may be sent with a token whose sign-in has ended: sending it again gets the first answer.
        pub fn takes_ended_sign_ins(name: &str) -> bool {
            match name {
                $( <$command as Command>::NAME => matches!(<$command as Command>::SENDER, Sender::SignedInOrOut), )*
                _ => false,
            }
        }

        /// Handles a command that came over the internal API, by its name; none if there is no such command.
        pub async fn dispatch(
            commands: &Commands,
            name: &str,
            request: millrace_command::Request,
            input: serde_json::Value,
        ) -> Option<RemoteAnswer> {
            match name {
                $( <$command as Command>::NAME => Some(crate::command_port::run::<$command>(commands, request, input).await), )*
                _ => None,
            }
        }
    };
}

mutations! {
    /// Makes an account, and signs in to it.
    sign_up(SignUp) -> SignUpPayload {
        show {
            /// The new account.
            user: User,
        }
        credentials {
            /// The first session.
            session
        }
    }

    /// Signs in with e-mail address and password.
    sign_in(SignIn) -> SignInPayload {
        show {
            /// Who signed in.
            user: User,
        }
        credentials {
            /// The new session.
            session
        }
    }

    /// Signs in with an ID token of an OpenID provider, or opens an account with it.
    sign_in_with_provider(SignInWithProvider) -> SignInWithProviderPayload {
        show {
            /// Who signed in.
            user: User,
        }
        credentials {
            /// The new session.
            session
        }
    }

    /// Exchanges a refresh token for new tokens. Each refresh token is good once; the one before stays good for 20 seconds.
    refresh_session(RefreshSession) -> RefreshSessionPayload {
        show {
            /// Whose session it is.
            user: User,
        }
        credentials {
            /// The same session with new tokens.
            session
        }
    }

    /// Ends the session that the request is signed in with.
    sign_out(SignOut) -> SignOutPayload {}

    /// Ends all sessions of the signed-in person, this one included.
    sign_out_everywhere(SignOutEverywhere) -> SignOutEverywherePayload {}

    /// Changes how the signed-in person shows themselves. What is not given stays as it is.
    update_profile(UpdateProfile) -> UpdateProfilePayload {
        show {
            /// The person, changed.
            user: User,
        }
    }

    /// Asks for a link to all that is kept of the signed-in person, drafts included: a JSON document.
    export_my_data(ExportMyData) -> ExportMyDataPayload {
        link {
            /// The link, good for a few minutes.
            export
        }
    }

    /// Changes the signed-in person's password. All their other sessions end.
    change_password(ChangePassword) -> ChangePasswordPayload {
        show {
            /// Whose password it is.
            user: User,
        }
    }

    /// Asks for another e-mail address. It becomes the signed-in person's once `verifyEmail` has the token that is mailed there.
    change_email(ChangeEmail) -> ChangeEmailPayload {
        show {
            /// Whose address it is.
            user: User,
        }
    }

    /// Shows that mail to an address arrives: one's own, or the one that was asked for, which takes its place.
    verify_email(VerifyEmail) -> VerifyEmailPayload {
        show {
            /// Whose address it is.
            user: User,
        }
    }

    /// Links an account that the signed-in person has with an OpenID provider: they can sign in by it, too.
    link_provider(LinkProvider) -> LinkProviderPayload {
        show {
            /// Whose account it is.
            user: User,
        }
    }

    /// Ends that the signed-in person can sign in by an OpenID provider. Who has no password keeps the last one.
    unlink_provider(UnlinkProvider) -> UnlinkProviderPayload {
        show {
            /// Whose account it is.
            user: User,
        }
    }

    /// Asks for a mail with which a forgotten password can be replaced. The answer never tells whether there is such an account.
    request_password_reset(RequestPasswordReset) -> RequestPasswordResetPayload {}

    /// Sets a new password with the token out of a mail. All sessions of the account end.
    reset_password(ResetPassword) -> ResetPasswordPayload {}

    /// Deactivates the signed-in person's account: their sessions end, and nobody but staff sees their page. What they wrote stays, under
    /// their name. `signIn` with `reactivate` brings it back.
    deactivate_account(DeactivateAccount) -> DeactivateAccountPayload {}

    /// Grants a role. For admins. Granting twice changes nothing.
    grant_role(GrantRole) -> GrantRolePayload {
        show {
            /// Who has the role now.
            user: User,
        }
    }

    /// Takes a role away. For admins; the last admin keeps theirs. Changes nothing for who does not have it.
    revoke_role(RevokeRole) -> RevokeRolePayload {
        show {
            /// Who has the role no longer.
            user: User,
        }
    }

    /// Erases the signed-in person's account for good: who they are and what they wrote. Orders and movements of money stay, without
    /// a name.
    erase_account(EraseAccount) -> EraseAccountPayload {
        tell {
            /// The person who is no more.
            erased_user_id: UserId,
            /// The receipt, by which an operator can check what was removed where.
            erasure_receipt_id: ErasureId,
        }
    }

    /// Follows a person: their posts come into the feed. Following twice changes nothing.
    follow_user(FollowUser) -> FollowUserPayload {
        show {
            /// The person who is followed now.
            user: User,
        }
    }

    /// Ends following a person. Changes nothing if they are not followed.
    unfollow_user(UnfollowUser) -> UnfollowUserPayload {
        show {
            /// The person who is not followed any more.
            user: User,
        }
    }

    /// Writes a post: public at once, or a draft.
    create_post(CreatePost) -> CreatePostPayload {
        show {
            /// The new post.
            post: Post,
        }
    }

    /// Rewrites one's own post. What is not given stays as it is.
    edit_post(EditPost) -> EditPostPayload {
        show {
            /// The post, changed.
            post: Post,
        }
    }

    /// Makes one's own draft public.
    publish_post(PublishPost) -> PublishPostPayload {
        show {
            /// The post, public now.
            post: Post,
        }
    }

    /// Makes one's own public post a draft again.
    unpublish_post(UnpublishPost) -> UnpublishPostPayload {
        show {
            /// The post, a draft now.
            post: Post,
        }
    }

    /// Hides a post from everybody but its author and staff. Its author may still rewrite and delete it, but not publish it. For staff.
    hide_post(HidePost) -> HidePostPayload {
        show {
            /// The post, hidden now.
            post: Post,
        }
    }

    /// Hides a post no longer: it is again what it was before, public or a draft. For staff.
    unhide_post(UnhidePost) -> UnhidePostPayload {
        show {
            /// The post, as it was before.
            post: Post,
        }
    }

    /// Deletes one's own post, with its comments and likes.
    delete_post(DeletePost) -> DeletePostPayload {
        tell {
            /// The post that is gone.
            deleted_post_id: PostId,
        }
    }

    /// Adds a comment to a post.
    add_comment(AddComment) -> AddCommentPayload {
        show {
            /// The new comment.
            comment: Comment,
            /// The post, with the comment.
            post: Post,
        }
    }

    /// Rewrites one's own comment.
    edit_comment(EditComment) -> EditCommentPayload {
        show {
            /// The comment, changed.
            comment: Comment,
            /// The post that it stands on.
            post: Post,
        }
    }

    /// Hides a comment from everybody but its author and staff, who find it by its id: it stands in no list. For staff.
    hide_comment(HideComment) -> HideCommentPayload {
        show {
            /// The comment, hidden now.
            comment: Comment,
            /// The post, without the comment.
            post: Post,
        }
    }

    /// Hides a comment no longer: it stands in its old place again. For staff.
    unhide_comment(UnhideComment) -> UnhideCommentPayload {
        show {
            /// The comment, as it was before.
            comment: Comment,
            /// The post, with the comment.
            post: Post,
        }
    }

    /// Deletes one's own comment, or any comment on one's own post.
    delete_comment(DeleteComment) -> DeleteCommentPayload {
        show {
            /// The post, without the comment.
            post: Post,
        }
        tell {
            /// The comment that is gone.
            deleted_comment_id: CommentId,
        }
    }

    /// Likes a post. Liking twice changes nothing.
    like_post(LikePost) -> LikePostPayload {
        show {
            /// The post, with the like.
            post: Post,
        }
    }

    /// Takes a like back. Changes nothing if there is none.
    unlike_post(UnlikePost) -> UnlikePostPayload {
        show {
            /// The post, without the like.
            post: Post,
        }
    }

    /// Brings a product into the shop. For staff.
    create_product(CreateProduct) -> CreateProductPayload {
        show {
            /// The new product.
            product: Product,
        }
    }

    /// Describes a product anew. What is not given stays as it is. For staff.
    update_product(UpdateProduct) -> UpdateProductPayload {
        show {
            /// The product, changed.
            product: Product,
        }
    }

    /// Puts more of a product in store. For staff.
    restock_product(RestockProduct) -> RestockProductPayload {
        show {
            /// The product, with what came in.
            product: Product,
        }
    }

    /// Takes a product out of the shop. For staff.
    retire_product(RetireProduct) -> RetireProductPayload {
        show {
            /// The product, sold no longer.
            product: Product,
        }
    }

    /// Orders products: they are set aside at the prices of this moment, until the order is paid or its time is over.
    place_order(PlaceOrder) -> PlaceOrderPayload {
        show {
            /// The new order, pending.
            order: Order,
        }
    }

    /// Pays one's own pending order out of one's wallet: wallet, payment and order move together or not at all.
    pay_order(PayOrder) -> PayOrderPayload {
        show {
            /// The order, confirmed now.
            order: Order,
        }
    }

    /// Notes that a paid order has left the shop. For staff.
    ship_order(ShipOrder) -> ShipOrderPayload {
        show {
            /// The order, on its way now.
            order: Order,
        }
    }

    /// Notes that a shipped order has arrived. For staff.
    confirm_delivery(ConfirmDelivery) -> ConfirmDeliveryPayload {
        show {
            /// The order, delivered now.
            order: Order,
        }
    }

    /// Cancels an order that has not left the shop: one's own, or any as staff. What was paid comes back in full.
    cancel_order(CancelOrder) -> CancelOrderPayload {
        show {
            /// The order, cancelled now.
            order: Order,
        }
    }

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
