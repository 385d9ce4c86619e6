//! Facts about the machine: numbers of two machines cannot be compared, ratios can.

use crate::error::BenchError;
use crate::statistics::Samples;
use millrace_servers::{Binaries, Kind};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SYNCS: usize = 200;
const SYNC_BYTES: [u8; 4_096] = [7; 4_096];
const KIB_PER_GIB: f64 = 1_048_576.0;

/// The lines above the table.
pub fn facts(binaries: &Binaries) -> Result<Vec<String>, BenchError> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let versions: Vec<String> =
        Kind::ALL.iter().map(|kind| format!("{} {}", kind.name(), binaries.of(*kind).version)).collect();
    let syncs = syncs(&binaries.home)?;
    Ok(vec![
        date,
        format!("{cores} cores, {}, {:.0} GiB, Linux {}", processor(), memory_gib(), kernel()),
        format!(
            "fdatasync of 4 KiB: p50 {:.2} ms, p99 {:.2} ms; load before the run: {}",
            syncs.median(),
            syncs.percentile(99.0),
            load()
        ),
        format!("{}, one of each, on loopback, every answered write on disk", versions.join(", ")),
    ])
}

fn processor() -> String {
    line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory_gib() -> f64 {
    let total = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    total.trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / KIB_PER_GIB
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// How many processes wanted a core in the last minutes: more than a few tenths, and the machine was busy with something else.
fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').take(2).collect::<Vec<_>>().join(", ")
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What everything durable waits for, in milliseconds.
fn syncs(folder: &Path) -> Result<Samples, BenchError> {
    let mut file = tempfile::tempfile_in(folder).map_err(BenchError::io("making a file to sync"))?;
    let mut samples = Samples::default();
    for _ in 0..SYNCS {
        let started = Instant::now();
        write_and_sync(&mut file).map_err(BenchError::io("syncing a file"))?;
        samples.push_ms(started.elapsed());
    }
    Ok(samples)
}

fn write_and_sync(file: &mut File) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&SYNC_BYTES)?;
    file.sync_data()
}
