//! Mails over SMTP: a server that speaks the protocol, and may refuse, lose or take them.

use crate::accounts::{VERIFY, token_in};
use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use base64::{Engine, engine::general_purpose::STANDARD};
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as the server got it.
#[derive(Debug, Clone, Default)]
struct Taken {
    from: String,
    to: String,
    data: String,
}

/// A mail server on a port of its own.
#[derive(Clone, Default)]
struct Server {
    taken: Arc<Mutex<Vec<Taken>>>,
    /// How the next recipients are answered; then all are welcome.
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    /// The password that it takes, as a client sends it.
    password: Arc<Mutex<Option<String>>>,
}

impl Server {
    /// Starts one; answers its address.
    async fn start() -> (Self, String) {
        let (server, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        let address = listener.local_addr().expect("its address");
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().speak(stream));
            }
        });
        (server, format!("smtp://{address}"))
    }

    fn answers_next(&self, answer: &'static str) {
        self.answers.lock().expect("answers").push_back(answer);
    }

    fn has_answered(&self) -> bool {
        self.answers.lock().expect("answers").is_empty()
    }

    fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("mails").clone()
    }

    fn takes_password(&self, user: &str, password: &str) {
        let sent = STANDARD.encode(format!("\0{user}\0{password}"));
        *self.password.lock().expect("a password") = Some(sent);
    }

    fn knows(&self, line: &str) -> bool {
        let password = self.password.lock().expect("a password");
        password.as_ref().is_some_and(|password| line.ends_with(password.as_str()))
    }

    /// RFC 5321, as far as a client needs it that sends one mail in the clear.
    async fn speak(self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let (mut lines, mut mail) = (BufReader::new(read).lines(), Taken::default());
        write.write_all(b"220 mail.example ESMTP\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let answer = match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
                "EHLO" | "HELO" => "250-mail.example\r\n250 AUTH PLAIN",
                "AUTH" if self.knows(&line) => "235 welcome",
                "AUTH" => "535 5.7.8 wrong password",
                "MAIL" => {
                    mail = Taken { from: path(&line), ..Taken::default() };
                    "250 OK"
                }
                "RCPT" => {
                    mail.to = path(&line);
                    self.answers.lock().expect("answers").pop_front().unwrap_or("250 OK")
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                        mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.data.push('\n');
                    }
                    self.taken.lock().expect("mails").push(std::mem::take(&mut mail));
                    "250 taken"
                }
                "RSET" | "NOOP" => "250 OK",
                "QUIT" => "221 bye",
                _ => "502 what?",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}

async fn serve(stage: &Stage, url: &str) -> (Process, Client) {
    let from = "Mill <no-reply@mill.example>";
    let more = [("MILLRACE_MAIL__SMTP_URL", url), ("MILLRACE_MAIL__FROM", from)];
    let process = Process::serve("all", &stage.environment_with(&more)).await;
    let client = Client::new(&process.graphql());
    (process, client)
}

/// Makes waiting mails due, as time would.
async fn all_are_due(stage: &Stage) {
    let database = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    database.execute_unprepared("UPDATE mails SET due_at = now()").await.expect("an update");
}

async fn sample(process: &Process, series: &str) -> Option<f64> {
    let metrics = reqwest::get(format!("{}/metrics", process.operations())).await.expect("metrics");
    let text = metrics.text().await.expect("text");
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn a_mail_arrives_and_its_token_is_good() {
    let (stage, (server, url)) = (Stage::new().await, Server::start().await);
    let (process, client) = serve(&stage, &url).await;
    let ada = client.sign_up("Ada").await;
    let mail = eventually("the mail", || async { server.taken().into_iter().find(|mail| mail.to == ada.email) }).await;
    assert_eq!(mail.from, "no-reply@mill.example");
    for header in ["From: Mill <no-reply@mill.example>", &format!("Subject: {VERIFY}"), "Message-ID: <"] {
        assert!(mail.data.lines().any(|line| line.starts_with(header)), "{header} in {}", mail.data);
    }
    let token = token_in(&mail.data).expect("a token");
    client.command("verifyEmail", json!({ "token": token }), "").await;
    eventually("it is counted", || async {
        (sample(&process, "millrace_mails_total{result=\"sent\"}").await == Some(1.0)).then_some(())
    })
    .await;
    let page = reqwest::get(format!("{}/dev/mails", process.operations())).await.expect("an answer");
    assert_eq!(page.status(), 404, "what is sent is not shown");
    process.stop().await;
}

#[tokio::test]
async fn a_mail_that_is_not_taken_yet_comes_later_and_one_that_never_will_be_is_given_up() {
    let (stage, (server, url)) = (Stage::new().await, Server::start().await);
    let (process, client) = serve(&stage, &url).await;
    server.answers_next("451 later, ada");
    let ada = client.sign_up("Ada").await;
    eventually("the first attempt", || async { server.has_answered().then_some(()) }).await;
    assert!(server.taken().is_empty());
    let arrived = || async {
        all_are_due(&stage).await;
        server.taken().into_iter().find(|mail| mail.to == ada.email)
    };
    let mail = eventually("a later attempt", arrived).await;
    assert!(token_in(&mail.data).is_some());

    server.answers_next("550 no such user");
    client.sign_up("Eve").await;
    eventually("it is given up", || async {
        (sample(&process, "millrace_mails_dead").await == Some(1.0)).then_some(())
    })
    .await;
    process.says(&["a mail was not sent", "the server answered 451"]).await;
    process.says(&["a mail was not sent", "the server answered 550"]).await;
    assert!(!process.has_said(&[ada.email.as_str()]), "an address is in the log");
    assert!(!process.has_said(&[token_in(&mail.data).expect("a token").as_str()]), "a secret is in the log");
    process.stop().await;
}

#[tokio::test]
async fn mails_wait_while_the_server_does_not_know_the_password() {
    let (stage, (server, url)) = (Stage::new().await, Server::start().await);
    server.takes_password("mill", "the-next-one");
    let (process, client) = serve(&stage, &url.replace("smtp://", "smtp://mill:the-last-one@")).await;
    let ada = client.sign_up("Ada").await;
    eventually("it is told", || async {
        process.has_said(&["a mail was not sent", "the server answered 535"]).then_some(())
    })
    .await;
    server.takes_password("mill", "the-last-one");
    eventually("the mail", || async {
        all_are_due(&stage).await;
        server.taken().into_iter().find(|mail| mail.to == ada.email)
    })
    .await;
    process.stop().await;
}

#[tokio::test]
async fn mails_wait_for_a_server_that_is_away() {
    let stage = Stage::new().await;
    let (process, client) = serve(&stage, "smtp://127.0.0.1:9").await;
    let ada = client.sign_up("Ada").await;
    eventually("it cannot be sent", || async { process.has_said(&["a mail was not sent"]).then_some(()) }).await;
    eventually("it waits", || async { (sample(&process, "millrace_mails_waiting").await == Some(1.0)).then_some(()) })
        .await;
    process.stop().await;
    let (server, url) = Server::start().await;
    let (process, _) = serve(&stage, &url).await;
    eventually("the mail", || async {
        all_are_due(&stage).await;
        server.taken().into_iter().find(|mail| mail.to == ada.email)
    })
    .await;
    process.stop().await;
}
