//! Signals to a server and all its processes.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::kind::Kind;

/// How long the kernel may take to stop or end a process that was told to.
const SIGNAL_LIMIT: Duration = Duration::from_secs(30);
/// How often that is looked at.
const SIGNAL_POLL: Duration = Duration::from_millis(1);

/// Ends what it was given unless it reads a line first: covers stopped processes, which do not notice that their own
/// parent is gone.
const GUARD: &str = r#"read -r resumed || kill -KILL "$@""#;

/// A server whose processes are all stopped.
#[derive(Debug)]
pub(crate) struct Frozen {
    processes: Vec<Pid>,
    guard: Child,
    guard_input: Option<ChildStdin>,
}

/// Stops the process and its children; they come back with [`thaw`].
pub(crate) fn freeze(server: Pid) -> std::io::Result<Frozen> {
    let processes = stop_tree(server)?;
    let mut guard = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .args(processes.iter().map(|id| id.as_raw_nonzero().to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let guard_input = guard.stdin.take();
    Ok(Frozen { processes, guard, guard_input })
}

/// Lets stopped processes go on.
pub(crate) fn thaw(frozen: Frozen) -> std::io::Result<()> {
    for process in frozen.processes.iter().rev() {
        signal(*process, Signal::CONT)?;
    }
    dismiss_guard(frozen)
}

/// Ends the guard without letting it kill anybody.
pub(crate) fn dismiss_guard(mut frozen: Frozen) -> std::io::Result<()> {
    if let Some(mut input) = frozen.guard_input.take() {
        // If somebody has killed the guard, nobody reads this, and nobody needs to.
        let _ = input.write_all(b"resumed\n");
    }
    frozen.guard.wait().map(|_| ())
}

/// Kills a process and its children, none of which can fork meanwhile, and waits until they are gone.
pub(crate) fn kill_tree(server: Pid) -> std::io::Result<()> {
    let processes = stop_tree(server)?;
    for process in &processes {
        signal(*process, Signal::KILL)?;
    }
    wait_until(|| processes.iter().all(|process| is_gone(*process)));
    Ok(())
}

/// Kills every server that works in this folder: what a killed starter may have left behind.
pub(crate) fn kill_all_in(folder: &Path) -> std::io::Result<()> {
    let folder = folder.canonicalize()?;
    let left_over: Vec<Pid> =
        all_processes().into_iter().filter(|process| is_server(*process) && works_in(*process, &folder)).collect();
    for process in &left_over {
        signal(*process, Signal::KILL)?;
    }
    wait_until(|| left_over.iter().all(|process| is_gone(*process)));
    Ok(())
}

fn is_server(process: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", process.as_raw_nonzero()))
        .is_ok_and(|name| Kind::ALL.iter().any(|kind| kind.program() == name.trim_end()))
}

fn works_in(process: Pid, folder: &Path) -> bool {
    fs::read_link(format!("/proc/{}/cwd", process.as_raw_nonzero())).is_ok_and(|cwd| cwd.starts_with(folder))
}

/// Sends a signal; a process that is gone already is as good.
pub(crate) fn signal(process: Pid, signal: Signal) -> Result<(), Errno> {
    match kill_process(process, signal) {
        Err(Errno::SRCH) => Ok(()),
        other => other,
    }
}

/// Parent first, so that it cannot fork any more when its children are listed.
fn stop_tree(server: Pid) -> std::io::Result<Vec<Pid>> {
    signal(server, Signal::STOP)?;
    wait_until(|| is_stopped_or_gone(server));
    let mut processes = vec![server];
    processes.extend(children_of(server));
    for process in &processes {
        signal(*process, Signal::STOP)?;
    }
    wait_until(|| processes.iter().all(|process| is_stopped_or_gone(*process)));
    Ok(processes)
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let is_child =
        |process: &Pid| status_of(*process).is_some_and(|status| status.parent == parent.as_raw_nonzero().get());
    all_processes().into_iter().filter(is_child).collect()
}

fn all_processes() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw).collect()
}

fn is_stopped_or_gone(process: Pid) -> bool {
    status_of(process).is_none_or(|status| matches!(status.state, 'T' | 't' | 'Z' | 'X'))
}

/// A zombie runs no more: whether somebody collects it is not ours to wait for. But one whose threads are still ending holds its
/// files and ports, and cannot be waited for yet.
pub(crate) fn is_gone(process: Pid) -> bool {
    status_of(process).is_none_or(|status| matches!(status.state, 'Z' | 'X')) && threads_of(process) <= 1
}

fn threads_of(process: Pid) -> usize {
    fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).map_or(0, Iterator::count)
}

/// Waits for the end of a child that is ending: its first thread has ended, others may not have yet.
pub(crate) fn wait_if_ending(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    if status_of(Pid::from_child(child)).is_some_and(|status| status.state == 'Z') {
        wait_until(|| is_gone(Pid::from_child(child)));
    }
    child.try_wait()
}

struct Status {
    state: char,
    parent: i32,
}

fn status_of(process: Pid) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Status { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() && started.elapsed() < SIGNAL_LIMIT {
        thread::sleep(SIGNAL_POLL);
    }
}
