//! Runs schedules and prints what they covered.

#[cfg(feature = "mutants")]
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use millrace_model::run::{Manner, run};
use millrace_model::world::Counts;

/// The protocol's own cores in memory, under a seeded scheduler with faults.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Schedules FROM..TO with every rule on
    Run {
        /// The first seed
        from: u64,
        /// The seed after the last one
        to: u64,
        /// Faults strike harder
        #[arg(long)]
        harsh: bool,
    },
    /// Each rule switched off in turn, until a schedule breaks an invariant
    #[cfg(feature = "mutants")]
    Mutants {
        /// The first seed
        from: u64,
        /// The seed after the last one
        to: u64,
        /// Only mutants that lack one of these rules
        rules: Vec<String>,
    },
    /// One schedule, told step by step
    Trace {
        /// The seed
        seed: u64,
        /// Faults strike harder, as they do while a rule is off
        #[arg(long)]
        harsh: bool,
        /// Rules that are off
        #[cfg(feature = "mutants")]
        rules: Vec<String>,
    },
}

/// More broken schedules than these are only counted.
const BROKEN_TOLD_MAX: u64 = 20;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { from, to, harsh } => run_all(from, to, harsh),
        #[cfg(feature = "mutants")]
        Command::Mutants { from, to, rules } => hunt_all(from..to, &rules),
        #[cfg(feature = "mutants")]
        Command::Trace { seed, harsh, rules } => {
            let off: Vec<&str> = rules.iter().map(String::as_str).collect();
            millrace_events::rule::switch_off(&off);
            trace(seed, harsh || !off.is_empty())
        }
        #[cfg(not(feature = "mutants"))]
        Command::Trace { seed, harsh } => trace(seed, harsh),
    }
}

fn run_all(from: u64, to: u64, harsh: bool) -> ExitCode {
    let begun = Instant::now();
    let (mut broken, mut sum) = (0, Counts::default());
    for seed in from..to {
        let outcome = run(seed, Manner { harsh, is_told: false });
        sum.add(&outcome.counts);
        if let Some(found) = outcome.broken {
            broken += 1;
            if broken <= BROKEN_TOLD_MAX {
                println!("schedule {seed} BROKEN: {found}");
            }
        }
    }
    println!("{} schedules, {broken} broken, {:.1?}: {sum:?}", to.saturating_sub(from), begun.elapsed());
    if broken > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(feature = "mutants")]
fn hunt_all(seeds: Range<u64>, rules: &[String]) -> ExitCode {
    use millrace_model::mutants::{Hunted, MUTANTS, hunt};
    let begun = Instant::now();
    let is_wanted = |names: &[&str]| rules.is_empty() || names.iter().any(|name| rules.iter().any(|rule| rule == name));
    for mutant in MUTANTS.iter().filter(|mutant| is_wanted(mutant.rules)) {
        let name = mutant.rules.join(" ");
        match hunt(mutant.rules, seeds.clone()) {
            Hunted::Caught { seed, broken } => println!("{name:34} caught at schedule {seed}: {broken}"),
            Hunted::NotCaught => println!("{name:34} NOT CAUGHT in {seeds:?}: {}", mutant.without),
        }
    }
    println!("{:.1?}", begun.elapsed());
    ExitCode::SUCCESS
}

fn trace(seed: u64, harsh: bool) -> ExitCode {
    let outcome = run(seed, Manner { harsh, is_told: true });
    for line in outcome.told {
        println!("{line}");
    }
    println!("{:?}", outcome.counts);
    match outcome.broken {
        Some(broken) => println!("{broken}"),
        None => println!("holds"),
    }
    ExitCode::SUCCESS
}
