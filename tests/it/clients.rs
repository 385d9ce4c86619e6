//! Five clients out of npm on a real server: graphql-ws, graphql-sse, Apollo Client, urql and Relay. `clients/test/real/` does with each
//! of them what a frontend does, through the end of an access token and a restart of the server.

use crate::harness::browser::{program, run_script};
use crate::harness::cluster::free_address;
use crate::harness::stage::Stage;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The script and what it needs, as `make web-test` leaves it.
fn tools() -> Result<(PathBuf, PathBuf), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    for needed in ["node_modules/relay-runtime", "dist/index.js"] {
        if !folder.join(needed).exists() {
            return Err(format!("clients/{needed} is not there: `make web-test`"));
        }
    }
    Ok((program("node").ok_or("node is not installed")?, folder.join("test/real/five-clients.mjs")))
}

#[tokio::test]
async fn five_clients_go_on_through_the_end_of_a_token_and_a_restart() {
    let (node, script) = match tools() {
        Ok(tools) => tools,
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            return eprintln!("SKIPPED: the clients out of npm are not tested: {missing}");
        }
    };
    // The same address before and after the restart.
    let listen = free_address();
    let more = [("MILLRACE_HTTP__LISTEN", listen.as_str()), ("MILLRACE_AUTH__ACCESS_TOKEN_S", "2")];
    let stage = Stage::new().await;
    let mut command = Command::new(node);
    command.arg(script);
    run_script(command, &listen, &stage.environment_with(&more)).await;
}
