//! `millrace dev` as a newcomer runs it: started, stopped by Ctrl-C, started again.

use crate::harness::client::{Client, PASSWORD, token};
use crate::harness::cluster::free_address;
use crate::harness::eventually;
use crate::harness::socket::Socket;
use millrace::seed::{STAFF_EMAIL, STAFF_PASSWORD};
use millrace_servers::Binaries;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Servers, roles and the demo community together.
const START_WAIT: Duration = Duration::from_secs(180);
const STOP_WAIT: Duration = Duration::from_secs(60);
/// Nobody listens there: whatever would be fetched is not.
const NO_NETWORK: &str = "http://127.0.0.1:9";
const PRODUCTS: &str = "{ products(first: 100) { nodes { name imageUrl } } }";
/// All orders, at each step of each.
const ORDERS: &str = "subscription { event: orders { ... on OrderChanged { order { timeline { status } } } } }";
/// Quick, so that a test sees an order's whole way; the second start tells no story, so that what is counted stands still.
const QUICK_STORY: &str = "story.step_ms=20";
const NO_STORY: &str = "story.told=false";
const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { receipt { accepted } } }";

/// A running `millrace dev`.
struct Dev {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said until it was ready.
    banner: Vec<String>,
    client: Client,
}

impl Dev {
    async fn start(home: &Path, address: &str, story: &str) -> Self {
        let mut dev = Self::begin(home, address, &["--set", story], &[]);
        dev.banner = dev.says("Ctrl-C stops everything", START_WAIT).await;
        dev
    }

    fn begin(home: &Path, address: &str, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(["dev", "--set", &format!("http.listen={address}")])
            .args(["--set", &format!("http.operations_listen={}", free_address())])
            .args(["--set", "http.consistency_wait_ms_max=20000", "--set", "http.request_ms_max=25000"])
            .args(["--set", "auth.password_memory_kib=64"])
            .args(more)
            .arg("--home")
            .arg(home)
            .envs(environment.iter().copied())
            .env("http_proxy", NO_NETWORK)
            .env("https_proxy", NO_NETWORK)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines, banner: vec![], client: Client::new(&format!("http://{address}/graphql")) }
    }

    /// Answers the lines up to the one with these words.
    async fn says(&mut self, words: &str, at_most: Duration) -> Vec<String> {
        let mut said = Vec::new();
        let found = async {
            while let Some(line) = self.lines.next_line().await.expect("its output") {
                said.push(line);
                if said.last().is_some_and(|line| line.contains(words)) {
                    return;
                }
            }
            panic!("it ended without a word of {words:?}");
        };
        timeout(at_most, found).await.expect("it says so in time");
        said
    }

    /// What the banner says behind a word.
    fn told(&self, what: &str) -> &str {
        let line = self.banner.iter().find_map(|line| line.trim_start().strip_prefix(what)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {what} in {:#?}", self.banner)).trim()
    }

    /// As the terminal does at Ctrl-C. Answers what it said from then on.
    async fn interrupt(mut self) -> Vec<String> {
        let id = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.expect("kill runs").success());
        let said = self.says("stopped; data is kept in", STOP_WAIT).await;
        let status = timeout(STOP_WAIT, self.child.wait()).await.expect("it stops in time").expect("its end");
        assert!(status.success(), "{status}");
        said
    }
}

/// A home with the programs of this run, and nothing else.
async fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let programs = Binaries::from_environment().await.expect("the programs").home.join("servers");
    if programs.is_dir() {
        std::os::unix::fs::symlink(programs, home.path().join("servers")).expect("a link");
    }
    home
}

/// Processes that work below a folder: servers do.
fn at_work_in(folder: &Path) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok).map(|entry| entry.path());
    let works_there =
        |process: &PathBuf| std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    processes.filter(works_there).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_needs_no_network_keeps_the_data_and_ctrl_c_leaves_nothing_running() {
    let home = home().await;
    let folder = home.path().canonicalize().expect("a folder");
    // Pictures have the address of the start that seeded them.
    let address = free_address();
    let dev = Dev::start(&folder, &address, QUICK_STORY).await;
    what_the_banner_offers_is_there(&dev).await;
    other_commands_find_the_servers(&dev).await;
    an_order_goes_its_way_by_itself(&dev).await;
    let products = all_have_pictures(&dev).await;
    let ada = dev.client.sign_up("Ada").await;
    assert!(at_work_in(&folder).len() >= 4, "four servers work there");
    let settings = PathBuf::from(settings_file(&dev));
    dev.interrupt().await;
    assert_eq!(at_work_in(&folder), Vec::<PathBuf>::new(), "left running");
    assert!(!settings.exists(), "there are no servers that it could lead to");

    let dev = Dev::start(&folder, &address, NO_STORY).await;
    assert_eq!(all_have_pictures(&dev).await, products, "nothing is seeded twice");
    let input = json!({ "email": ada.email, "password": PASSWORD });
    eventually("the account of the first start is there", || async {
        let answer = dev.client.send(SIGN_IN, json!({ "input": input }), &[]).await.ok()?;
        (answer.body["data"]["signIn"]["receipt"]["accepted"] == true).then_some(())
    })
    .await;
    let read = dev.client.ask("query($id: ID!) { user(id: $id) { fullName } }", json!({ "id": ada.id })).await;
    assert_eq!(read["user"]["fullName"], "Ada Test");
    dev.interrupt().await;
    assert_eq!(at_work_in(&folder), Vec::<PathBuf>::new(), "left running");
}

/// Somebody changes their mind while the demo community is still being made: the next start goes on where this one ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_while_it_seeds_is_obeyed_and_leaves_nothing_running() {
    let home = home().await;
    let folder = home.path().canonicalize().expect("a folder");
    let address = free_address();
    let slow_seed = [("MILLRACE_FAIL_POINTS", "command.committed=stall:1000")];
    let dev = Dev::begin(&folder, &address, &["--set", NO_STORY], &slow_seed);
    let people = "{ users(first: 100) { nodes { id } } }";
    eventually("somebody of the community is there", || async {
        let answer = dev.client.send(people, json!({}), &[]).await.ok()?;
        (!answer.body["data"]["users"]["nodes"].as_array()?.is_empty()).then_some(())
    })
    .await;
    assert!(at_work_in(&folder).len() >= 4, "four servers work there");
    let said = dev.interrupt().await;
    assert!(said.iter().all(|line| !line.contains("Ctrl-C")), "it was seeded before it was stopped: {said:#?}");
    assert_eq!(at_work_in(&folder), Vec::<PathBuf>::new(), "left running");

    let dev = Dev::start(&folder, &address, NO_STORY).await;
    all_have_pictures(&dev).await;
    dev.interrupt().await;
    assert_eq!(at_work_in(&folder), Vec::<PathBuf>::new(), "left running");
}

/// A newcomer has nothing but these lines: addresses to open, and accounts to sign in with.
async fn what_the_banner_offers_is_there(dev: &Dev) {
    let url = dev.told("GraphQL").split_whitespace().next().expect("an address");
    for (what, role) in [("Customer", None), ("Staff", Some("STAFF"))] {
        let (email, password) = dev.told(what).split_once(" with password ").expect("an account");
        let client = signed_in(&Client::new(url), email, password).await;
        let viewer = client.ask("{ viewer { roles user { fullName } } }", json!({})).await["viewer"].clone();
        assert!(viewer["user"]["fullName"].is_string(), "{what}: {viewer:#}");
        let roles = viewer["roles"].as_array().expect("roles");
        assert_eq!(role.is_some(), role.is_some_and(|role| roles.contains(&json!(role))), "{what}: {viewer:#}");
    }
    let operations = dev.told("Operations").split_whitespace().collect::<Vec<_>>();
    let base = operations[0].strip_suffix("/readyz").expect("readiness first");
    let paths = operations[1..].iter().map(|path| format!("{base}{path}")).chain([operations[0].to_owned()]);
    let mails = dev.told("Mails").split_whitespace().next().expect("an address").to_owned();
    for address in paths.chain([mails, dev.told("GraphiQL").to_owned()]) {
        eventually(&format!("{address} answers well"), async || {
            let answer = dev.client.http.get(&address).send().await.expect("an answer");
            answer.status().is_success().then_some(())
        })
        .await;
    }
}

fn settings_file(dev: &Dev) -> &str {
    dev.told("Settings").split_whitespace().next().expect("a file")
}

/// Of all four servers, and as their owner.
async fn other_commands_find_the_servers(dev: &Dev) {
    let ada = dev.client.sign_up("Ada").await;
    let input = json!({ "password": PASSWORD });
    let erased = ada.client.command("eraseAccount", input, "erasureReceiptId").await;
    let receipt = erased["erasureReceiptId"].as_str().expect("an id");
    eventually("the receipt is kept on all four", || async {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
        let output = command.args(["--config", settings_file(dev), "erasure", "verify", receipt]).output().await;
        output.expect("the program runs").status.success().then_some(())
    })
    .await;
}

/// Nobody does anything but look: the story of the demo shop moves.
async fn an_order_goes_its_way_by_itself(dev: &Dev) {
    let staff = signed_in(&dev.client, STAFF_EMAIL, STAFF_PASSWORD).await;
    let mut socket = Socket::open(&staff.url, staff.access_token.as_deref()).await;
    socket.subscribe("1", ORDERS, json!({})).await;
    let whole_way = json!(["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED"].map(|status| json!({ "status": status })));
    while socket.event("event", "an order that goes on").await["order"]["timeline"] != whole_way {}
}

/// The names of the demo shop's products; each has a picture that this very process serves.
async fn all_have_pictures(dev: &Dev) -> Vec<String> {
    let found = dev.client.ask(PRODUCTS, json!({})).await;
    let products = found["products"]["nodes"].as_array().expect("products").clone();
    for product in &products {
        let url = product["imageUrl"].as_str().expect("a picture");
        let picture = dev.client.http.get(url).send().await.expect("an answer");
        assert_eq!(picture.headers()["content-type"], "image/svg+xml", "{url}");
        let (name, text) = (product["name"].as_str().expect("a name"), picture.text().await.expect("a text"));
        assert!(text.starts_with("<svg") && text.contains(&name.replace('&', "&amp;")), "{text}");
    }
    let mut names: Vec<String> =
        products.iter().map(|product| product["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    assert_eq!(names.len(), 12, "{names:?}");
    names
}

async fn signed_in(client: &Client, email: &str, password: &str) -> Client {
    let mut client = client.clone();
    let payload = client.command("signIn", json!({ "email": email, "password": password }), "session { accessToken }");
    let payload = payload.await;
    client.access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
    // The read side knows the role once it has come so far.
    client.ask_with("{ viewer { roles } }", json!({}), &[("millrace-consistency", &token(&payload))]).await;
    client
}
