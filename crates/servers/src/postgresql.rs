//! PostgreSQL: a data folder copied from a template, password on loopback, no unix socket.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::Account;
use crate::data::{copy_folder, remove_folder};
use crate::entropy::password;
use crate::error::{Error, at};
use crate::launch::{clean_environment, tail};
use crate::nursery::{self, EndWith, bound_command};
use crate::options::Options;
use crate::probe::Probe;
use crate::provide::{Binaries, Program};

/// The superuser, and the database of the same name.
const NAME: &str = "millrace";
/// Tests of several crates share one server, each with pools of its own.
const CONNECTIONS_MAX: &str = "400";
const PASSWORD_NAME: &str = "password";
const DATA_NAME: &str = "data";
/// Only loopback, only with the password.
const ACCESS: &str = "host all all 127.0.0.1/32 scram-sha-256\n";
/// Mode of what only its owner may read.
const OWNER_ONLY_FILE: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;

/// Makes the data folder if it is missing; clears what a killed server left. Returns the password.
pub(crate) fn prepare(
    binaries: &Binaries,
    folder: &Path,
    password_file: &Path,
    durable: bool,
) -> Result<String, Error> {
    if !folder.join("PG_VERSION").is_file() {
        fill_from_template(binaries, folder, password_file, durable)?;
    }
    forget_dead_postmaster(folder)?;
    fs::read_to_string(password_file).map_err(at("read", password_file))
}

/// After kill -9 the file names a process that is gone, or by now another one, or a zombie that nobody collects: then
/// PostgreSQL would refuse to start. The caller holds the folder's lock and has killed what worked in it.
pub(crate) fn forget_dead_postmaster(folder: &Path) -> Result<(), Error> {
    let path = folder.join("postmaster.pid");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &path)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn arguments(folder: &Path, port: u16, options: &Options) -> Vec<OsString> {
    let port = format!("port={port}");
    let connections = format!("max_connections={CONNECTIONS_MAX}");
    let mut settings = vec![
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        &port,
        &connections,
        "shared_buffers=128MB",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        "log_destination=stderr",
        // What a statement was given is people's, and nothing that erases would find it in a log: neither the details of an error, which
        // quote the row, nor parameters.
        "log_error_verbosity=terse",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
    ];
    if !options.durable {
        // synchronous_commit stays on: without it kill -9 would lose commits that were answered.
        settings.extend(["fsync=off", "full_page_writes=off"]);
    }
    let mut arguments: Vec<OsString> = vec!["-D".into(), folder.into()];
    arguments.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
    arguments
}

pub(crate) fn url(port: u16, password: &str) -> String {
    format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{NAME}")
}

/// Whether connections are taken: after the greeting the server asks for the password, or says that it is starting up.
pub(crate) async fn is_ready(port: u16) -> io::Result<bool> {
    const ASKS_FOR_PASSWORD: u8 = b'R';
    let mut probe = Probe::connect(port).await?;
    probe.send(&greeting()).await?;
    Ok(probe.read(|received| received.first().copied()).await? == ASKS_FOR_PASSWORD)
}

/// Asks a real question.
pub(crate) async fn answers_query(postgres: &Program, port: u16, password: &str) -> Result<(), Error> {
    let program = beside(postgres, "psql");
    let name = program.display().to_string();
    let mut command = std::process::Command::new(&program);
    clean_environment(&mut command, &postgres.library_path, Path::new("/"));
    command.env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "10").stdin(Stdio::null());
    command.args(["-X", "-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", NAME, "-d", NAME, "-c", "SELECT 1"]);
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await;
    let output = output.map_err(|source| Error::Spawn { program: name.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Failed { program: name, status: output.status, output: tail(&output.stderr) })
}

fn greeting() -> Vec<u8> {
    const PROTOCOL_3_0: u32 = 196_608;
    let body = format!("user\0{NAME}\0database\0{NAME}\0\0");
    let length = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &PROTOCOL_3_0.to_be_bytes(), body.as_bytes()].concat()
}

fn beside(postgres: &Program, name: &str) -> PathBuf {
    postgres.path.with_file_name(name)
}

/// `initdb` takes a second, copying its result a tenth of that.
fn fill_from_template(binaries: &Binaries, folder: &Path, password_file: &Path, durable: bool) -> Result<(), Error> {
    let template = template(binaries)?;
    let partial = folder.with_extension("partial");
    copy_folder(&template.join(DATA_NAME), &partial)?;
    let password = template.join(PASSWORD_NAME);
    fs::copy(&password, password_file).map_err(at("copy", &password))?;
    if durable {
        run(&binaries.postgresql, &partial, "initdb", &["--sync-only", "-D", "."], "")?;
    }
    remove_folder(folder)?;
    fs::rename(&partial, folder).map_err(at("rename", &partial))
}

/// The template for this version, made if it is missing.
fn template(binaries: &Binaries) -> Result<PathBuf, Error> {
    let parent = binaries.home.join("templates");
    let template = parent.join(format!("postgresql-{}", binaries.postgresql.version));
    fs::create_dir_all(&parent).map_err(at("create", &parent))?;
    let lock_path = parent.join("lock");
    let lock = File::create(&lock_path).map_err(at("create", &lock_path))?;
    lock.lock().map_err(at("lock", &lock_path))?;
    if template.is_dir() {
        return Ok(template);
    }
    let partial = template.with_extension("partial");
    remove_folder(&partial)?;
    make_template(&binaries.postgresql, &partial)?;
    fs::rename(&partial, &template).map_err(at("rename", &partial))?;
    Ok(template)
}

fn make_template(postgres: &Program, template: &Path) -> Result<(), Error> {
    let data = template.join(DATA_NAME);
    fs::create_dir_all(&data).map_err(at("create", &data))?;
    let owner_only = fs::Permissions::from_mode(OWNER_ONLY_FOLDER);
    fs::set_permissions(&data, owner_only).map_err(at("protect", &data))?;
    if let Some(account) = Account::for_paths(&[&data, &postgres.path])? {
        account.own(&data)?;
    }
    let password = password().map_err(at("read", "/dev/urandom".as_ref()))?;
    write_secret(&template.join(PASSWORD_NAME), &password)?;
    let initdb = ["-D", ".", "-U", NAME, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    run(postgres, &data, "initdb", &initdb, "")?;
    let statements = format!("ALTER ROLE {NAME} PASSWORD '{password}'\nCREATE DATABASE {NAME}\n");
    run(postgres, &data, "postgres", &["--single", "-F", "-D", ".", "postgres"], &statements)?;
    let access = data.join("pg_hba.conf");
    fs::write(&access, ACCESS).map_err(at("write", &access))
}

fn write_secret(path: &Path, secret: &str) -> Result<(), Error> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY_FILE).open(path).map_err(at("create", path))?;
    file.write_all(secret.as_bytes()).map_err(at("write", path))
}

/// Runs one of PostgreSQL's own tools in a data folder, as the account that owns it.
fn run(postgres: &Program, data: &Path, tool: &str, arguments: &[&str], input: &str) -> Result<(), Error> {
    let program = beside(postgres, tool);
    let account = Account::for_paths(&[data, &program])?;
    let mut command = bound_command(program.as_os_str(), EndWith::Kill, account.as_ref());
    clean_environment(&mut command, &postgres.library_path, data);
    command.args(arguments).current_dir(data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spawn_error = |source| Error::Spawn { program: tool.to_owned(), source };
    let mut child = nursery::spawn(command).map_err(spawn_error)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(spawn_error)?;
    }
    let output = child.wait_with_output().map_err(spawn_error)?;
    // A single-user server answers a failed statement with success and an ERROR line.
    if output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("ERROR:") {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Failed { program: tool.to_owned(), status: output.status, output: tail(&said) })
}
