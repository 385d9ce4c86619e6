//! How much processor time a process has used: what it costs to answer, whoever else shares the cores.

use crate::error::BenchError;
use std::fs;
use std::time::Duration;

/// Linux counts processes' time in hundredths of a second wherever programs can see it.
const TICKS_PER_SECOND: u64 = 100;
/// Places in `/proc/<pid>/stat` after the program's name: time in the program, time in the kernel.
const USER_PLACE: usize = 11;
const SYSTEM_PLACE: usize = 12;

/// The time used so far by this process and all its threads.
pub fn used(process_id: u32) -> Result<Duration, BenchError> {
    let path = format!("/proc/{process_id}/stat");
    let text = fs::read_to_string(&path).map_err(BenchError::io(format!("reading {path}")))?;
    ticks(&text)
        .map(|ticks| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
        .ok_or(BenchError::Missing("CPU time"))
}

/// The name may hold anything, so the last parenthesis ends it.
fn ticks(stat: &str) -> Option<u64> {
    let places: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let at = |place: usize| places.get(place)?.parse::<u64>().ok();
    Some(at(USER_PLACE)? + at(SYSTEM_PLACE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_shifts_nothing() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 0 0 20 0";
        assert_eq!(ticks(stat), Some(281));
    }

    #[test]
    fn this_process_has_used_some() {
        let mut sum = 0u64;
        while used(std::process::id()).unwrap().is_zero() {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
