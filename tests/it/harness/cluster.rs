//! Roles as processes of their own, each at an address that it keeps when it is killed and started again.

use super::process::{Process, was_struck};
use super::stage::Stage;
use millrace_servers::Port;
use std::sync::Mutex;
use std::time::Duration;

/// How long a process may take to run into its fail point.
const STRIKE_WAIT: Duration = Duration::from_secs(120);
/// The ports that this test has taken: no other test may have one of them as long as this one runs.
static PORTS: Mutex<Vec<Port>> = Mutex::new(Vec::new());

/// How many processes of each role there are. Query processes are dealt out to the command processes in turn.
pub struct Size {
    pub commands: usize,
    pub relays: usize,
    pub projectors: usize,
    pub queries: usize,
}

pub const ONE_EACH: Size = Size { commands: 1, relays: 1, projectors: 1, queries: 2 };
pub const PAIRS: Size = Size { commands: 2, relays: 2, projectors: 2, queries: 2 };

/// Processes of all roles.
pub struct Cluster {
    members: Vec<Member>,
    /// How often a process died.
    pub deaths: usize,
}

struct Member {
    role: &'static str,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

impl Cluster {
    /// One command, one relay, one projector, two query processes.
    pub async fn start(stage: &Stage) -> Self {
        Self::of_size(stage, ONE_EACH).await
    }

    /// So many of each.
    pub async fn of_size(stage: &Stage, size: Size) -> Self {
        let mut cluster = Self { members: members(stage, size), deaths: 0 };
        for index in 0..cluster.members.len() {
            cluster.revive(index).await;
        }
        cluster
    }

    /// Addresses of the query processes.
    pub fn urls(&self) -> Vec<String> {
        self.indices_of("query").into_iter().map(|index| self.url_of(index)).collect()
    }

    /// Where a query process answers.
    pub fn url_of(&self, index: usize) -> String {
        self.process(index).graphql()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The first member of a role.
    pub fn index_of(&self, role: &str) -> usize {
        self.indices_of(role)[0]
    }

    /// All members of a role.
    pub fn indices_of(&self, role: &str) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| member.role == role).map(|(index, _)| index).collect()
    }

    /// The first member of a role at work.
    pub fn first(&self, role: &str) -> &Process {
        self.process(self.index_of(role))
    }

    /// Kills the first member of a role, and leaves it so.
    pub async fn take_down(&mut self, role: &str) {
        let index = self.index_of(role);
        self.members[index].process.take().expect("it runs").kill().await;
        self.deaths += 1;
    }

    /// Starts the first member of a role that was taken down, with further variables for this one life.
    pub async fn bring_back(&mut self, role: &str, more: &[(&str, &str)]) {
        let index = self.index_of(role);
        let member = &mut self.members[index];
        let mut environment = member.environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        member.process = Some(Process::serve(member.role, &environment).await);
    }

    /// Kills a member as a crash would, and starts it again.
    pub async fn kill(&mut self, index: usize) {
        self.kill_together(&[index]).await;
    }

    /// Kills members at the same moment, then starts them again.
    pub async fn kill_together(&mut self, indices: &[usize]) {
        for index in indices {
            if let Some(process) = self.members[*index].process.take() {
                process.kill().await;
                self.deaths += 1;
            }
        }
        for index in indices {
            self.revive(*index).await;
        }
    }

    /// Kills a member, then the one that is started in its place this long after its start, then starts it for good.
    pub async fn kill_twice(&mut self, index: usize, after: Duration) {
        if let Some(process) = self.members[index].process.take() {
            process.kill().await;
        }
        Process::serve_and_kill(self.members[index].role, &self.members[index].environment, after).await;
        self.deaths += 2;
        self.revive(index).await;
    }

    /// Pauses a member.
    pub async fn pause(&self, index: usize) {
        self.process(index).pause().await;
    }

    /// Wakes a paused member.
    pub async fn wake(&self, index: usize) {
        self.process(index).wake().await;
    }

    /// Replaces a member by one that dies at a fail point, waits for that, and starts it again. False if it never got there.
    pub async fn strike(&mut self, index: usize, point: &str, visit: usize) -> bool {
        if let Some(process) = self.members[index].process.take() {
            process.stop().await;
        }
        let mut environment = self.members[index].environment.clone();
        environment.push(("MILLRACE_FAIL_POINTS".into(), format!("{point}=abort@{visit}")));
        let ended = match Process::try_serve(self.members[index].role, &environment).await {
            Err(ended) => Some(ended),
            Ok(mut process) => process.wait_for_end(STRIKE_WAIT).await,
        };
        assert!(ended.is_none_or(was_struck), "{point}: it ended, but not there: {ended:?}");
        self.deaths += usize::from(ended.is_some());
        self.revive(index).await;
        ended.is_some()
    }

    /// Stops everything in order.
    pub async fn stop(self) {
        for process in self.members.into_iter().rev().filter_map(|member| member.process) {
            process.stop().await;
        }
    }

    fn process(&self, index: usize) -> &Process {
        self.members[index].process.as_ref().expect("a living process")
    }

    async fn revive(&mut self, index: usize) {
        let member = &mut self.members[index];
        member.process = Some(Process::serve(member.role, &member.environment).await);
    }
}

fn members(stage: &Stage, size: Size) -> Vec<Member> {
    let commands: Vec<String> = (0..size.commands).map(|_| free_address()).collect();
    let mut members = Vec::new();
    for listen in &commands {
        members.push(member(stage, "command", &[("MILLRACE_COMMAND__LISTEN", listen)]));
    }
    members.extend((0..size.relays).map(|_| member(stage, "relay", &[])));
    members.extend((0..size.projectors).map(|_| member(stage, "projector", &[])));
    for (listen, command) in (0..size.queries).map(|_| free_address()).zip(commands.iter().cycle()) {
        let command = format!("http://{command}");
        let more = [("MILLRACE_HTTP__LISTEN", listen.as_str()), ("MILLRACE_COMMAND__URL", &command)];
        members.push(member(stage, "query", &more));
    }
    members
}

fn member(stage: &Stage, role: &'static str, more: &[(&str, &str)]) -> Member {
    Member { role, environment: stage.environment_with(more), process: None }
}

/// An address that nobody listens on now, nor comes to sit on while its owner is dead, until this test ends.
pub fn free_address() -> String {
    let port = Port::reserve().expect("a free port");
    let address = format!("127.0.0.1:{}", port.number());
    PORTS.lock().expect("ports").push(port);
    address
}
