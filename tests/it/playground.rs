//! GraphiQL in a real browser on a real server: `web-playground/test/playground.mjs` does there what a person would.

use crate::harness::browser::{Application, Tools};
use crate::harness::cluster::free_address;
use crate::harness::stage::Stage;

const GRAPHIQL: Application =
    Application { name: "GraphiQL", folder: "web-playground", script: "test/playground.mjs", make: "playground" };

#[tokio::test]
async fn graphiql_works_in_a_browser() {
    let Some(tools) = Tools::find(&GRAPHIQL) else { return };
    let stage = Stage::new().await;
    stage.run(&["seed"]).await;
    // The same address before and after the restart.
    let listen = free_address();
    let folder = tools.dist.display().to_string();
    let more = [("MILLRACE_HTTP__LISTEN", listen.as_str()), ("MILLRACE_HTTP__PLAYGROUND_FOLDER", folder.as_str())];
    tools.run(&listen, &stage.environment_with(&more)).await;
}
