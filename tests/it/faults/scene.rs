//! A whole system on servers of its own, under load, for one fault after another.

use crate::checker::everything_holds;
use crate::harness::client::{Client, Person};
use crate::harness::cluster::Cluster;
use crate::harness::stage::Stage;
use crate::load::Load;
use crate::market::Market;
use async_nats::jetstream;
use millrace_servers::Servers;
use serde_json::json;

const PEOPLE: usize = 4;
const POSTS: usize = 2;
/// So many commands are answered between two faults.
const COMMANDS_BETWEEN: usize = 40;

/// Processes of all roles, and clients at work.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub cluster: Cluster,
    pub people: Vec<Person>,
    pub posts: Vec<String>,
    pub market: Market,
    load: Load,
}

impl<'a> Scene<'a> {
    /// Starts everything on a stage with servers of its own.
    pub async fn begin(stage: &'a Stage) -> Self {
        let cluster = Cluster::start(stage).await;
        let client = Client::new(&cluster.urls()[0]);
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(client.sign_up(&format!("Person{number}")).await);
        }
        let mut posts = Vec::new();
        for number in 0..POSTS {
            let input = json!({ "title": format!("Post {number}"), "body": "Words." });
            let payload = people[0].client.command("createPost", input, "").await;
            posts.push(payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned());
        }
        let market = Market::open(stage, &cluster.urls()[0]).await;
        let load = Load::begin(stage, &market, &people, &cluster.urls(), &posts).await;
        Self { stage, cluster, people, posts, market, load }
    }

    /// Waits until the clients have got further answers.
    pub async fn go_on(&self) {
        self.load.reach(self.load.count() + COMMANDS_BETWEEN).await;
    }

    /// The servers that may be broken.
    pub fn servers(&self) -> &Servers {
        self.stage.servers.as_ref().expect("servers of its own")
    }

    /// Ends the load; every command that was begun is answered by then. Checks everything, and that what was acknowledged is there once.
    pub async fn holds(self) -> Cluster {
        let acknowledged = self.load.end().await;
        everything_holds(self.stage).await;
        acknowledged.are_in_the_log_once(self.stage).await;
        self.cluster
    }

    /// The same, then stops everything in order.
    pub async fn ends_well(self) {
        self.holds().await.stop().await;
    }
}

/// The stream's context, for what nobody should do to it.
pub async fn jetstream(stage: &Stage) -> jetstream::Context {
    jetstream::new(stage.nats().await)
}

/// The stream's name.
pub fn stream_name(stage: &Stage) -> String {
    format!("{}-log", stage.name)
}

/// What the relay that made the stream wrote on it; none while there is no such stream.
pub async fn identity(context: &jetstream::Context, stage: &Stage) -> Option<String> {
    let stream = context.get_stream(stream_name(stage)).await.ok()?;
    stream.cached_info().config.metadata.get("millrace-identity").cloned()
}
