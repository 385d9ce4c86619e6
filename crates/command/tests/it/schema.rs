//! What the command side adds to the GraphQL schema.

use async_graphql::{EmptySubscription, Object, Schema, SimpleObject, Value, value};
use millrace_command::{
    AddComment, ChangeEmail, ChangePassword, CommandError, CommandReceipt, CreatePost, DeactivateAccount,
    DeleteComment, DeletePost, EditComment, EditPost, FollowUser, GrantRole, HideComment, HidePost, LikePost,
    PublishPost, RefreshSession, RequestPasswordReset, ResetPassword, RevokeRole, Session, SignIn, SignOut,
    SignOutEverywhere, SignUp, UnfollowUser, UnhideComment, UnhidePost, UnlikePost, UnpublishPost, UpdateProfile,
    VerifyEmail,
};

struct Query;

#[Object]
impl Query {
    async fn nothing(&self) -> bool {
        false
    }
}

/// A payload as the schema's crate makes them, without objects.
#[derive(Default, SimpleObject)]
struct Payload {
    receipt: Option<CommandReceipt>,
    errors: Vec<CommandError>,
    session: Option<Session>,
    heard: String,
}

macro_rules! mutations {
    ($($name:ident($command:ty)),+ $(,)?) => {
        struct Mutation;

        #[Object]
        impl Mutation {
            $( async fn $name(&self, input: $command) -> Payload {
                Payload { heard: format!("{input:?}"), ..Payload::default() }
            } )+
        }

        const COMMANDS: &[&str] = &[$(<$command as millrace_command::Command>::NAME),+];
    };
}

mutations! {
    sign_up(SignUp), sign_in(SignIn), refresh_session(RefreshSession), sign_out(SignOut),
    sign_out_everywhere(SignOutEverywhere), update_profile(UpdateProfile), change_password(ChangePassword), change_email(ChangeEmail),
    verify_email(VerifyEmail), request_password_reset(RequestPasswordReset), reset_password(ResetPassword), deactivate_account(DeactivateAccount), grant_role(GrantRole), revoke_role(RevokeRole),
    follow_user(FollowUser), unfollow_user(UnfollowUser), create_post(CreatePost), edit_post(EditPost),
    publish_post(PublishPost), unpublish_post(UnpublishPost), hide_post(HidePost), unhide_post(UnhidePost), delete_post(DeletePost), add_comment(AddComment),
    edit_comment(EditComment), hide_comment(HideComment), unhide_comment(UnhideComment), delete_comment(DeleteComment), like_post(LikePost), unlike_post(UnlikePost),
}

fn schema() -> Schema<Query, Mutation, EmptySubscription> {
    Schema::new(Query, Mutation, EmptySubscription)
}

const TYPES: &str = "{ __schema { types { name kind description
    fields { name description args { name description } } inputFields { name description } enumValues { name description } } } }";

fn list<'a>(object: &'a Value, field: &str) -> Vec<&'a Value> {
    let Value::Object(object) = object else { panic!("{object}") };
    match object.get(field) {
        Some(Value::List(items)) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    let Value::Object(object) = object else { panic!("{object}") };
    match object.get(field) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

async fn types() -> Vec<Value> {
    let answer = schema().execute(TYPES).await;
    assert_eq!(answer.errors, []);
    let Value::Object(data) = answer.data else { panic!() };
    list(&data["__schema"], "types").into_iter().cloned().collect()
}

#[tokio::test]
async fn every_item_is_described() {
    const NOT_OURS: [&str; 8] = ["Query", "Mutation", "Payload", "ID", "String", "Int", "Float", "Boolean"];
    let mut seen = 0;
    for object in types().await {
        let name = text(&object, "name");
        if name.starts_with("__") || NOT_OURS.contains(&name) {
            continue;
        }
        assert!(!text(&object, "description").is_empty(), "{name} has no description");
        for field in ["fields", "inputFields", "enumValues"].iter().flat_map(|part| list(&object, part)) {
            assert!(!text(field, "description").is_empty(), "{name}.{} has no description", text(field, "name"));
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test]
async fn inputs_are_named_after_their_commands_and_take_keys_where_they_may() {
    let types = types().await;
    for command in COMMANDS {
        let name = format!("{}{}Input", command[..1].to_uppercase(), &command[1..]);
        let input = types.iter().find(|object| text(object, "name") == name).unwrap_or_else(|| panic!("no {name}"));
        let keyed = list(input, "inputFields").into_iter().any(|field| text(field, "name") == "idempotencyKey");
        assert_eq!(keyed, !["signIn", "refreshSession"].contains(command), "{name}");
    }
}

#[tokio::test]
async fn errors_are_types_of_one_interface() {
    let sdl = schema().sdl();
    for name in [
        "ValidationError",
        "VersionConflict",
        "NotFound",
        "NotAllowed",
        "IdempotencyKeyReused",
        "InvalidCredentials",
        "PasswordNotSet",
        "EmailTaken",
        "InvalidToken",
        "LastAdmin",
        "AccountDeactivated",
        "InvalidTransition",
    ] {
        assert!(sdl.contains(&format!("type {name} implements CommandError {{")), "{name}");
    }
    for field in
        ["code: CommandErrorCode!", "message: String!", "path: [String!]!", "retryable: Boolean!", "actual: Int!"]
    {
        assert!(sdl.contains(field), "{field}");
    }
    assert!(sdl.contains("IDEMPOTENCY_KEY_REUSED") && sdl.contains("publish: Boolean! = true"));
}

#[tokio::test]
async fn secrets_of_an_input_do_not_show() {
    let question = r#"mutation { signUp(input: { firstName: "Ada", lastName: "Lovelace", email: "ada@example.org",
        password: "correct horse battery" }) { heard } }"#;
    let answer = schema().execute(question).await;
    assert_eq!(answer.errors, []);
    assert!(!answer.data.to_string().contains("correct horse"));
    let wrong_type = r#"mutation { likePost(input: { postId: "AAAA" }) { heard } }"#;
    assert_eq!(schema().execute(wrong_type).await.data, value!(null));
}
