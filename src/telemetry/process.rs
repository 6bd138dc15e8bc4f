//! What the system says of this process. Only Linux says it in files; elsewhere the figures are
//! absent.

use std::fmt::Write;
use std::fs;

use crate::telemetry::catalogue::find;

/// How the names of these figures begin, here as in every other program.
pub(super) const PREFIX: &str = "process_";

/// Linux counts processor time for programs in hundredths of a second, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends the figures to a page.
pub(super) fn write(page: &mut String) {
    for (name, value) in figures() {
        let Some(metric) = find(name) else {
            continue;
        };
        let kind = metric.kind.as_str();
        // Writing to a text cannot fail.
        writeln!(
            page,
            "# HELP {name} {}\n# TYPE {name} {kind}\n{name} {value}\n",
            metric.meaning
        )
        .ok();
    }
}

fn figures() -> Vec<(&'static str, f64)> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut figures = of_status(&read("/proc/self/status"));
    figures.extend(of_stat(&read("/proc/self/stat"), &read("/proc/stat")));
    figures.extend(of_limits(&read("/proc/self/limits")));
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is this very look.
        let open = u32::try_from(open.count().saturating_sub(1)).unwrap_or(u32::MAX);
        figures.push(("process_open_fds", f64::from(open)));
    }
    figures
}

fn of_status(status: &str) -> Vec<(&'static str, f64)> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let figures = [
        ("process_resident_memory_bytes", "VmRSS:", 1024.0),
        ("process_virtual_memory_bytes", "VmSize:", 1024.0),
        ("process_threads", "Threads:", 1.0),
    ];
    figures
        .into_iter()
        .filter_map(|(figure, name, unit)| Some((figure, field(name)? * unit)))
        .collect()
}

/// Of a process's `stat` and the system's.
fn of_stat(stat: &str, of_system: &str) -> Vec<(&'static str, f64)> {
    // The second field is the program's name, which may hold anything, even brackets and spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // proc(5) counts from 1 and the name is the second.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let mut figures = Vec::new();
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        figures.push((
            "process_cpu_seconds_total",
            (user + system) / TICKS_PER_SECOND,
        ));
    }
    let booted = of_system
        .lines()
        .find_map(|line| line.strip_prefix("btime "));
    let booted = booted.and_then(|seconds| seconds.trim().parse::<f64>().ok());
    if let (Some(booted), Some(started)) = (booted, field(22)) {
        figures.push((
            "process_start_time_seconds",
            booted + started / TICKS_PER_SECOND,
        ));
    }
    figures
}

fn of_limits(limits: &str) -> Option<(&'static str, f64)> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?.parse().ok()?;
    Some(("process_max_fds", soft))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 7 0 1000 1 2";
        let figures = of_stat(stat, "cpu  1 2\nbtime 1700000000\n");
        let expected = [
            ("process_cpu_seconds_total", 3.0),
            ("process_start_time_seconds", 1_700_000_010.0),
        ];
        assert_eq!(figures, expected);
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t    1024 kB\nThreads:\t7\n";
        let expected = [
            ("process_resident_memory_bytes", 1_048_576.0),
            ("process_virtual_memory_bytes", 2_097_152.0),
            ("process_threads", 7.0),
        ];
        assert_eq!(of_status(status), expected);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(of_limits(limits), Some(("process_max_fds", 1024.0)));
    }

    #[test]
    fn what_the_system_does_not_say_is_absent() {
        assert_eq!(of_status(""), []);
        assert_eq!(of_stat("", ""), []);
        assert_eq!(
            of_limits("Max open files  unlimited  unlimited  files"),
            None
        );
    }
}
