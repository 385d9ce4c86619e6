//! GraphiQL and the pipeline page in a real browser on a real server: scripts in `web-playground/test` do there what a person would.

use crate::harness::browser::{Application, Tools};
use crate::harness::cluster::free_address;
use crate::harness::stage::Stage;

const GRAPHIQL: Application =
    Application { name: "GraphiQL", folder: "web-playground", script: "test/playground.mjs", make: "playground" };
const PIPELINE: Application = Application { name: "the pipeline page", script: "test/pipeline.mjs", ..GRAPHIQL };

#[tokio::test]
async fn graphiql_works_in_a_browser() {
    visit(&GRAPHIQL).await;
}

#[tokio::test]
async fn the_pipeline_page_works_in_a_browser() {
    visit(&PIPELINE).await;
}

async fn visit(application: &Application) {
    let Some(tools) = Tools::find(application) else { return };
    let stage = Stage::new().await;
    stage.run(&["seed"]).await;
    // The same address before and after the restart.
    let listen = free_address();
    let folder = tools.dist.display().to_string();
    let more = [
        ("MILLRACE_HTTP__LISTEN", listen.as_str()),
        ("MILLRACE_HTTP__PLAYGROUND_FOLDER", folder.as_str()),
        ("MILLRACE_HTTP__PIPELINE", "true"),
    ];
    tools.run(&listen, &stage.environment_with(&more)).await;
}
