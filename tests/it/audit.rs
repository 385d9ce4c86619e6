//! The audit of GraphQL over HTTP (npm `graphql-http`): everything that a server MUST and SHOULD do.

use crate::harness::node::Script;
use crate::harness::stage::Stage;

#[tokio::test]
async fn graphql_over_http_is_as_its_audit_wants_it() {
    let Some(script) = Script::find("audit.mjs") else { return };
    let stage = Stage::new().await;
    let (process, _) = stage.all().await;
    let (_, is_good) = script.run(&[&process.graphql()]).await;
    assert!(is_good, "what MUST or SHOULD be so is marked with NOT above");
    process.stop().await;
}
