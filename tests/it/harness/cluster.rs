//! Roles as processes of their own, each at an address that it keeps when it is killed and started again.

use super::process::Process;
use super::stage::Stage;
use std::net::TcpListener;
use std::time::Duration;

/// How long a process may take to run into its fail point.
const STRIKE_WAIT: Duration = Duration::from_secs(60);

/// One command, one relay, one projector, two query processes.
pub struct Cluster<'a> {
    stage: &'a Stage,
    members: Vec<Member>,
    /// How often a process died.
    pub deaths: usize,
}

struct Member {
    role: &'static str,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

impl<'a> Cluster<'a> {
    pub async fn start(stage: &'a Stage) -> Self {
        let command = free_address();
        let command_url = format!("http://{command}");
        let mut members = vec![member(stage, "command", &[("MILLRACE_COMMAND__LISTEN", &command)])];
        members.push(member(stage, "relay", &[]));
        members.push(member(stage, "projector", &[]));
        for _ in 0..2 {
            let listen = free_address();
            let more = [("MILLRACE_HTTP__LISTEN", listen.as_str()), ("MILLRACE_COMMAND__URL", command_url.as_str())];
            members.push(member(stage, "query", &more));
        }
        let mut cluster = Self { stage, members, deaths: 0 };
        for index in 0..cluster.members.len() {
            cluster.revive(index).await;
        }
        cluster
    }

    /// Addresses of the query processes.
    pub fn urls(&self) -> Vec<String> {
        let queries = self.members.iter().filter(|member| member.role == "query");
        queries.filter_map(|member| member.process.as_ref()).map(Process::graphql).collect()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The first member of a role.
    pub fn index_of(&self, role: &str) -> usize {
        self.members.iter().position(|member| member.role == role).expect("a member of the role")
    }

    /// A member at work.
    pub fn process(&self, role: &str) -> &Process {
        self.members[self.index_of(role)].process.as_ref().expect("it runs")
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
        if let Some(process) = self.members[index].process.take() {
            process.kill().await;
            self.deaths += 1;
        }
        self.revive(index).await;
    }

    /// Replaces a member by one that dies at a fail point, waits for that, and starts it again. False if it never got there.
    pub async fn strike(&mut self, index: usize, point: &str, visit: usize) -> bool {
        if let Some(process) = self.members[index].process.take() {
            process.stop().await;
        }
        let mut environment = self.members[index].environment.clone();
        environment.push(("MILLRACE_FAIL_POINTS".into(), format!("{point}=abort@{visit}")));
        let struck = match Process::try_serve(self.members[index].role, &environment).await {
            None => true,
            Some(mut process) => process.wait_for_end(STRIKE_WAIT).await,
        };
        self.deaths += usize::from(struck);
        self.revive(index).await;
        struck
    }

    /// Stops everything in order.
    pub async fn stop(self) {
        for process in self.members.into_iter().rev().filter_map(|member| member.process) {
            process.stop().await;
        }
        let _stage = self.stage;
    }

    async fn revive(&mut self, index: usize) {
        let member = &mut self.members[index];
        member.process = Some(Process::serve(member.role, &member.environment).await);
    }
}

fn member(stage: &Stage, role: &'static str, more: &[(&str, &str)]) -> Member {
    Member { role, environment: stage.environment_with(more), process: None }
}

/// An address that nobody listens on now.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}
