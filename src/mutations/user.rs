//! People, their sessions and their roles.

use super::entry::mutations;
use millrace_command::session::{RefreshSession, SignIn, SignInWithProvider, SignOut, SignOutEverywhere};
use millrace_command::user::{
    ChangeEmail, ChangePassword, DeactivateAccount, EraseAccount, ExportMyData, GrantRole, LinkProvider,
    RequestPasswordReset, ResetPassword, RevokeRole, SignUp, UnlinkProvider, UpdateProfile, VerifyEmail,
};
use millrace_events::{ErasureId, UserId};
use millrace_read::graphql::User;

mutations! {
    UserMutations:

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
}
