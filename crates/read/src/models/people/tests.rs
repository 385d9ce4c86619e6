//! Given these events, then these documents.

use super::access::{self, ENDED_SESSIONS_MAX};
use super::user::{self, User};
use super::{People, PeopleDocument, follow, identity};
use crate::models::tests::{Folded, ISSUER, Log, after_erasing, at, id};
use crate::projection::{Audience, Projection};
use millrace_events::identity::identity_digest;
use millrace_events::viewer::Person;
use millrace_events::{CommentId, PostId, Role, SessionId, Timestamp, UserId};
use std::collections::BTreeSet;

const ADA: UserId = UserId(id(1));
const BEN: UserId = UserId(id(2));
const POST: PostId = PostId(id(9));

fn given(write: impl FnOnce(&mut Log) -> &mut Log) -> Folded<People> {
    let mut log = Log::default();
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben");
    write(&mut log);
    Folded::of(&log.events)
}

fn user(folded: &Folded<People>, id: UserId) -> User {
    match folded.get(&user::key(id)) {
        Some(PeopleDocument::User(user)) => (**user).clone(),
        other => panic!("{other:?}"),
    }
}

fn access(folded: &Folded<People>, id: UserId) -> access::Access {
    match folded.get(&access::key(id)) {
        Some(PeopleDocument::Access(access)) => access.clone(),
        other => panic!("{other:?}"),
    }
}

fn token(session_id: SessionId, issued_at: Timestamp) -> Person {
    Person { user_id: ADA, session_id, issued_at, expires_at: at(1_000_000), roles: BTreeSet::new() }
}

#[test]
fn a_new_person_has_a_page_and_no_access_of_their_own() {
    let folded = given(|log| log);
    let ada = user(&folded, ADA);
    assert_eq!((ada.full_name.as_str(), ada.email.as_deref()), ("Ada Test", Some("Ada@millrace.example")));
    assert_eq!((ada.profile_url, ada.version), (format!("/users/{}", ADA.to_global()), 1));
    assert_eq!((ada.created_at, ada.updated_at, ada.post_count), (at(1), at(1), 0));
    assert_eq!(folded.get(&access::key(ADA)), None);
}

#[test]
fn a_profile_replaces_the_whole_profile() {
    let folded = given(|log| {
        log.profile(ADA, "Ada", Some("https://example/a.png"), Some("Mills.")).profile(ADA, "Augusta", None, None)
    });
    let ada = user(&folded, ADA);
    assert_eq!((ada.first_name.as_str(), ada.full_name.as_str()), ("Augusta", "Augusta Test"));
    assert_eq!((ada.avatar_url, ada.bio, ada.version, ada.updated_at), (None, None, 3, at(4)));
    assert_eq!(user(&folded, BEN).version, 1);
}

#[test]
fn roles_are_granted_and_revoked_and_move_the_version() {
    let both = given(|log| log.grant(ADA, Role::Staff).grant(ADA, Role::Admin));
    assert_eq!(access(&both, ADA).roles, BTreeSet::from([Role::Staff, Role::Admin]));
    let one = given(|log| log.grant(ADA, Role::Staff).grant(ADA, Role::Admin).revoke(ADA, Role::Staff));
    assert_eq!(access(&one, ADA).roles, BTreeSet::from([Role::Admin]));
    assert_eq!((user(&one, ADA).version, user(&one, ADA).updated_at), (4, at(1)));
}

#[test]
fn an_ended_session_voids_its_own_tokens_only() {
    let (ended, other) = (SessionId(id(21)), SessionId(id(22)));
    let folded = given(|log| log.sign_out(ADA, ended));
    assert!(access(&folded, ADA).voids(&token(ended, at(2))));
    assert!(!access(&folded, ADA).voids(&token(other, at(2))));
    assert_eq!(user(&folded, ADA).version, 2);
}

#[test]
fn all_sessions_ended_voids_what_was_issued_until_then() {
    let session = SessionId(id(21));
    let folded = given(|log| log.sign_out_everywhere(ADA, at(50)).sign_out_everywhere(ADA, at(40)));
    let access = access(&folded, ADA);
    assert!(access.voids(&token(session, at(50))) && !access.voids(&token(session, at(51))));
}

#[test]
fn other_sessions_ended_voids_all_but_the_kept_one() {
    let (kept, other) = (SessionId(id(21)), SessionId(id(22)));
    let folded = given(|log| log.change_password(ADA).sign_out_others(ADA, kept, at(50)));
    let once = access(&folded, ADA);
    assert!(!once.voids(&token(kept, at(50))));
    assert!(once.voids(&token(other, at(50))) && !once.voids(&token(other, at(51))));
    assert_eq!(user(&folded, ADA).version, 3);

    let folded = given(|log| log.sign_out_others(ADA, kept, at(50)).sign_out_others(ADA, other, at(60)));
    let twice = access(&folded, ADA);
    assert!(twice.voids(&token(kept, at(60))) && !twice.voids(&token(other, at(60))));
    assert!(twice.voids(&token(other, at(50))), "what was ended the first time stays void");
    let folded = given(|log| log.sign_out_others(ADA, kept, at(50)).sign_out_others(ADA, kept, at(60)));
    assert!(!access(&folded, ADA).voids(&token(kept, at(1))));
}

#[test]
fn an_address_is_pending_until_it_is_verified() {
    let wanted = given(|log| log.want_email(ADA, "ada@new.example"));
    let ada = user(&wanted, ADA);
    assert_eq!((ada.email.as_deref(), ada.email_verified), (Some("Ada@millrace.example"), false));
    assert_eq!((ada.pending_email.as_deref(), ada.version, ada.updated_at), (Some("ada@new.example"), 2, at(3)));

    let verified = given(|log| log.want_email(ADA, "ada@new.example").verify_email(ADA, "ada@new.example"));
    let ada = user(&verified, ADA);
    assert_eq!((ada.email.as_deref(), ada.email_verified, ada.pending_email), (Some("ada@new.example"), true, None));

    let old = given(|log| log.want_email(ADA, "ada@new.example").verify_email(ADA, "Ada@millrace.example"));
    let ada = user(&old, ADA);
    assert_eq!((ada.email_verified, ada.pending_email.as_deref()), (true, Some("ada@new.example")));
}

#[test]
fn an_address_that_is_wanted_no_longer_waits_for_nothing() {
    let folded = given(|log| log.want_email(ADA, "ada@new.example").keep_email(ADA));
    let ada = user(&folded, ADA);
    assert_eq!((ada.email.as_deref(), ada.pending_email.as_deref()), (Some("Ada@millrace.example"), None));
    assert_eq!((ada.version, ada.updated_at), (3, at(4)));
}

#[test]
fn a_new_password_ends_the_wait_for_another_address() {
    let folded = given(|log| log.want_email(ADA, "thief@new.example").change_password(ADA));
    let ada = user(&folded, ADA);
    assert_eq!((ada.pending_email.as_deref(), ada.version, ada.updated_at), (None, 3, at(4)));
    assert_eq!(ada.email.as_deref(), Some("Ada@millrace.example"));
    let folded = given(|log| log.change_password(ADA));
    assert_eq!(user(&folded, ADA).updated_at, at(1), "nothing that the page shows");
}

#[test]
fn an_identity_leads_to_its_person_until_it_is_unlinked() {
    let session = SessionId(id(70));
    let linked = given(|log| log.link(ADA, session, "1"));
    let Some(PeopleDocument::Identity(found)) = linked.get(&identity::key(session)) else { panic!("no identity") };
    assert_eq!((found.user_id, found.digest), (ADA, identity_digest(ISSUER, "1")));
    assert!(access(&linked, ADA).identities.contains(&session) && !access(&linked, ADA).voids(&token(session, at(50))));

    let over = given(|log| log.link(ADA, session, "1").unlink(ADA, session));
    assert!(over.get(&identity::key(session)).is_none() && access(&over, ADA).identities.is_empty());
    assert!(access(&over, ADA).voids(&token(session, at(50))), "whoever is still there is sent away");
}

#[test]
fn a_link_says_whose_it_is_and_what_was_void_before_it() {
    let session = SessionId(id(70));
    let folded = given(|log| log.link_after(ADA, session, "1", Some(at(50))));
    let Some(PeopleDocument::Identity(found)) = folded.get(&identity::key(session)) else { panic!("no identity") };
    assert_eq!((&*found.issuer, found.linked_at), (ISSUER, at(3)));
    assert_eq!([found.takes(at(50)), found.takes(at(51))], [false, true]);
}

/// What is left to be swept up leads to nobody from the very event on.
#[test]
fn an_erasure_ends_links_at_once_and_sweeps_them_up() {
    let session = SessionId(id(70));
    let mut log = Log::default();
    log.sign_up(ADA, "Ada").link(ADA, session, "1").erase(ADA);
    let mut folded = Folded::<People>::default();
    log.events.iter().for_each(|event| folded.event(event));
    assert!(access(&folded, ADA).identities.is_empty());
    folded.drain();
    assert!(folded.get(&identity::key(session)).is_none());
    let rebuilt = Folded::<People>::of(&after_erasing(&log.events, ADA));
    assert_eq!(rebuilt.documents, folded.documents);
}

#[test]
fn ended_sessions_are_forgotten_when_their_tokens_are_long_over() {
    let session = |n: u8| SessionId(id(n));
    let folded = given(|log| {
        log.sign_out(ADA, session(21)).skewed(590).sign_out(ADA, session(22)).skewed(610).sign_out(ADA, session(23))
    });
    let kept: Vec<_> = access(&folded, ADA).ended_sessions.iter().map(|ended| ended.session_id).collect();
    assert_eq!(kept, [session(22), session(23)]);
}

#[test]
fn too_many_ended_sessions_become_a_moment() {
    let sessions: Vec<_> = (0..=ENDED_SESSIONS_MAX).map(|_| SessionId(uuid::Uuid::now_v7())).collect();
    let folded = given(|log| sessions.iter().fold(log, |log, session| log.sign_out(ADA, *session)));
    let access = access(&folded, ADA);
    assert!(access.ended_sessions.len() <= ENDED_SESSIONS_MAX);
    assert!(sessions.iter().all(|session| access.voids(&token(*session, at(2)))), "all stay void");
    assert!(!access.voids(&token(SessionId(id(77)), at(10_000))), "new sign-ins are good");
}

#[test]
fn following_is_counted_on_both_sides() {
    let folded = given(|log| log.follow(ADA, BEN));
    assert_eq!((user(&folded, ADA).following_count, user(&folded, ADA).follower_count), (1, 0));
    assert_eq!((user(&folded, BEN).following_count, user(&folded, BEN).follower_count), (0, 1));
    assert!(folded.get(&follow::key(ADA, BEN)).is_some() && folded.get(&follow::key(BEN, ADA)).is_none());
    assert_eq!(user(&folded, ADA).version, 1, "the pair has a version of its own");

    let folded = given(|log| log.follow(ADA, BEN).unfollow(ADA, BEN));
    assert_eq!((user(&folded, ADA).following_count, user(&folded, BEN).follower_count), (0, 0));
    assert_eq!(folded.get(&follow::key(ADA, BEN)), None);
}

#[test]
fn published_posts_are_counted() {
    let count = |write: fn(&mut Log) -> &mut Log| user(&given(write), ADA).post_count;
    assert_eq!(count(|log| log.post(POST, ADA, true)), 1);
    assert_eq!(count(|log| log.post(POST, ADA, false)), 0);
    assert_eq!(count(|log| log.post(POST, ADA, false).publish(POST, ADA)), 1);
    assert_eq!(count(|log| log.post(POST, ADA, true).unpublish(POST, ADA)), 0);
    assert_eq!(count(|log| log.post(POST, ADA, true).delete_post(POST, ADA, true)), 0);
    assert_eq!(count(|log| log.post(POST, ADA, true).unpublish(POST, ADA).delete_post(POST, ADA, false)), 0);
    assert_eq!(count(|log| log.post(POST, ADA, true).edit_post(POST, ADA, "New")), 1);
    assert_eq!(count(|log| log.post(POST, ADA, true).hide_post(POST, ADA, true, BEN)), 0);
    assert_eq!(count(|log| log.post(POST, ADA, true).hide_post(POST, ADA, true, BEN).unhide_post(POST, ADA, true)), 1);
    assert_eq!(count(|log| log.post(POST, ADA, false).hide_post(POST, ADA, false, BEN)), 0);
    assert_eq!(
        count(|log| log.post(POST, ADA, false).hide_post(POST, ADA, false, BEN).unhide_post(POST, ADA, false)),
        0
    );
    assert_eq!(count(|log| log.post(POST, ADA, true).hide_post(POST, ADA, true, BEN).delete_post(POST, ADA, false)), 0);
}

#[test]
fn comments_and_likes_touch_no_person() {
    let mut log = Log::default();
    let comment = CommentId(id(30));
    log.comment(comment, POST, BEN, "Hm").edit_comment(comment, POST, BEN, "Ah").delete_comment(comment, POST, BEN);
    log.like(POST, BEN).unlike(POST, BEN).edit_post(POST, ADA, "New");
    log.follow(ADA, ADA).unfollow(ADA, ADA).post(POST, ADA, false).delete_post(POST, ADA, false);
    assert!(log.events.iter().all(|event| People::touches(event).writes.is_empty()));
}

#[test]
fn events_of_nobody_change_nothing() {
    let mut log = Log::default();
    log.profile(ADA, "Ada", None, None).follow(ADA, BEN).unfollow(ADA, BEN).post(POST, ADA, true).unpublish(POST, ADA);
    assert!(Folded::<People>::of(&log.events).documents.is_empty());
}

#[test]
fn an_erased_person_is_a_deleted_user() {
    let mut log = Log::default();
    log.sign_up(ADA, "Ada").profile(ADA, "Augusta", Some("https://example/a.png"), Some("Mills.")).sign_up(BEN, "Ben");
    log.verify_email(ADA, "Ada@millrace.example").want_email(ADA, "ada@new.example");
    let folded = Folded::<People>::of(&after_erasing(&log.events, ADA));
    let ada = user(&folded, ADA);
    assert_eq!(ada.full_name, "Deleted user");
    assert_eq!((ada.email, ada.avatar_url, ada.bio), (None, None, None));
    assert_eq!(ada.pending_email, None);
    assert_eq!(user(&folded, BEN).full_name, "Ben Test");
}

#[test]
fn access_is_nobodys_to_see() {
    let folded = given(|log| log.grant(ADA, Role::Staff));
    let audience = |key| People::audience(&key, folded.get(&key).unwrap());
    assert_eq!(audience(access::key(ADA)), Audience::Nobody);
    assert_eq!(audience(user::key(ADA)), Audience::Everyone);
}

#[test]
fn the_page_of_a_deactivated_account_is_its_owners_until_they_have_it_back() {
    let gone = given(|log| log.deactivate(ADA));
    let audience = |folded: &Folded<People>| People::audience(&user::key(ADA), folded.get(&user::key(ADA)).unwrap());
    assert_eq!((audience(&gone), user(&gone, ADA).version), (Audience::Person(ADA), 2));
    let back = given(|log| log.deactivate(ADA).reactivate(ADA));
    assert_eq!((audience(&back), user(&back, ADA).version), (Audience::Everyone, 3));
}
