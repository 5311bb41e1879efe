//! The figures: a table for people, JSON for programs.

use std::fmt::Write;

use crate::peer::Direction;

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// One run of one program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// From the start of the client's process to its end.
    pub(crate) seconds: f64,
    /// User and system seconds of the client.
    pub(crate) client_cpu: f64,
    /// User and system seconds of the server, where they can be told.
    pub(crate) server_cpu: Option<f64>,
}

/// The runs of one program in one direction.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) program: &'static str,
    pub(crate) direction: Direction,
    pub(crate) runs: Vec<Run>,
}

/// How seconds are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// 10^6 bytes a second, of so many bytes.
    MegabytesPerSecond(u64),
    /// Files a second, of so many files.
    FilesPerSecond(usize),
    /// As they are.
    Seconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::MegabytesPerSecond(_) => "MB/s",
            Self::FilesPerSecond(_) => "files/s",
            Self::Seconds => "s",
        }
    }

    fn of(self, seconds: f64) -> f64 {
        match self {
            Self::MegabytesPerSecond(bytes) => bytes as f64 / 1e6 / seconds,
            Self::FilesPerSecond(files) => files as f64 / seconds,
            Self::Seconds => seconds,
        }
    }
}

/// Everything measured; each case is printed as soon as it is there.
#[derive(Debug, Default)]
pub(crate) struct Report {
    cases: Vec<String>,
}

impl Report {
    /// Print a case and keep it.
    pub(crate) fn add(&mut self, title: &str, case: &str, unit: Unit, figures: Vec<Figures>) {
        println!("{title}; in {}, process start included", unit.name());
        println!("{}", table(unit, &figures));
        for figures in figures {
            self.cases.push(json(case, unit, &figures));
        }
    }

    /// Print and keep the memory of idle sessions.
    pub(crate) fn add_idle(&mut self, sessions: u32, before: u64, after: u64) {
        let each = after.saturating_sub(before) / u64::from(sessions.max(1));
        println!("idle: {sessions} sessions; resident memory of the server");
        println!("{before} bytes before, {after} after: {each} bytes a session\n");
        self.cases.push(format!(
            r#"{{"case":"idle","program":"coracle","sessions":{sessions},"before":{before},"after":{after},"each":{each},"unit":"bytes"}}"#
        ));
    }

    /// All of it as JSON, with what it was measured on.
    pub(crate) fn json(&self) -> String {
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!(
            "{{\"cpus\":{cpus},\"kernel\":\"{}\",\"cases\":[\n{}\n]}}\n",
            kernel.trim().escape_default(),
            self.cases.join(",\n")
        )
    }
}

/// Rows of one case. The ratio says how many times as fast as this row coracle is.
fn table(unit: Unit, figures: &[Figures]) -> String {
    let mut text = format!(
        "{:<10}{:<10}{:>10}{:>10}{:>10}{:>14}{:>14}{:>14}\n",
        "direction", "program", "min", "median", "max", "coracle/this", "client CPU", "server CPU"
    );
    for row in figures {
        let ours = figures
            .iter()
            .find(|other| other.program == "coracle" && other.direction == row.direction)
            .map(|ours| row.median() / ours.median());
        let shown = row.shown(unit);
        let ratio = ours.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<10}{:<10}{:>10}{:>10}{:>10}{:>14}{:>14}{:>14}",
            row.direction.name(),
            row.program,
            short(shown[0]),
            short(shown[1]),
            short(shown[2]),
            ratio,
            cpu(unit, row.runs.iter().map(|run| run.client_cpu)),
            cpu(unit, row.runs.iter().filter_map(|run| run.server_cpu)),
        );
    }
    text
}

fn json(case: &str, unit: Unit, figures: &Figures) -> String {
    let list = |of: fn(&Run) -> Option<f64>| {
        let values: Vec<String> =
            figures.runs.iter().filter_map(of).map(|value| format!("{value:.4}")).collect();
        values.join(",")
    };
    let [min, median, max] = figures.shown(unit);
    format!(
        concat!(
            r#"{{"case":"{}","direction":"{}","program":"{}","unit":"{}","#,
            r#""min":{:.4},"median":{:.4},"max":{:.4},"#,
            r#""seconds":[{}],"client_cpu_seconds":[{}],"server_cpu_seconds":[{}]}}"#
        ),
        case,
        figures.direction.name(),
        figures.program,
        unit.name(),
        min,
        median,
        max,
        list(|run| Some(run.seconds)),
        list(|run| Some(run.client_cpu)),
        list(|run| run.server_cpu),
    )
}

impl Figures {
    fn median(&self) -> f64 {
        median(self.runs.iter().map(|run| run.seconds))
    }

    /// Smallest, median and largest in `unit`.
    fn shown(&self, unit: Unit) -> [f64; 3] {
        let seconds = self.runs.iter().map(|run| run.seconds);
        let ends = [
            unit.of(seconds.clone().fold(f64::INFINITY, f64::min)),
            unit.of(seconds.fold(0.0, f64::max)),
        ];
        let [a, b] = ends;
        [a.min(b), unit.of(self.median()), a.max(b)]
    }
}

/// The median of processor times, for each GiB where bytes are what counts; a dash if there are
/// none.
fn cpu(unit: Unit, values: impl Iterator<Item = f64> + Clone) -> String {
    match (values.clone().next(), unit) {
        (Some(_), Unit::MegabytesPerSecond(bytes)) => {
            format!("{:.2} s/GiB", median(values) / (bytes as f64 / GIB))
        }
        (Some(_), _) => format!("{:.2} s", median(values)),
        (None, _) => "-".to_owned(),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Three digits are more than such figures are worth.
fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.3}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median(std::iter::empty()), 0.0);
    }

    #[test]
    fn rates_are_ordered_like_rates() {
        let run = |seconds| Run { seconds, client_cpu: 0.0, server_cpu: None };
        let figures = Figures {
            program: "coracle",
            direction: Direction::Upload,
            runs: vec![run(1.0), run(2.0), run(4.0)],
        };
        assert_eq!(figures.shown(Unit::FilesPerSecond(100)), [25.0, 50.0, 100.0]);
        assert_eq!(figures.shown(Unit::Seconds), [1.0, 2.0, 4.0]);
    }
}
