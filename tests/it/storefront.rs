//! The example shop in a real browser in front of a real server: `examples/storefront/test/storefront.mjs` does there what a person would.

use crate::harness::browser::{Application, Tools};
use crate::harness::cluster::free_address;
use crate::harness::stage::Stage;
use millrace::http::webhook;

const STOREFRONT: Application = Application {
    name: "the storefront",
    folder: "examples/storefront",
    script: "test/storefront.mjs",
    make: "examples/storefront/dist/index.html",
};

#[tokio::test]
async fn the_storefront_works_in_a_browser() {
    let Some(tools) = Tools::find(&STOREFRONT) else { return };
    // The same address before and after the restart; the payment provider of the development set-up calls there, too.
    let listen = free_address();
    let provider = format!("http://{listen}{}", webhook::PATH);
    let stage = Stage::new()
        .await
        .with("MILLRACE_HTTP__LISTEN", &listen)
        .with("MILLRACE_PAYMENTS__DEVELOPMENT_WEBHOOK_URL", &provider);
    // Pictures have the address of the public endpoint that was set when they were seeded.
    stage.run(&["seed"]).await;
    tools.run(&listen, &stage.environment()).await;
}
