//! PostgreSQL with `postgres_fdw`: three instances that hold the rows, split by key, and a fourth that is asked. They listen
//! on sockets in a folder of their own, and are stopped with the benchmark.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tables::Table;
use super::{Files, NODES, Peer, Reply};

/// Instances that hold rows.
const HOLDERS: usize = 3;
/// Of the sockets; nothing listens on the network.
const PORT: usize = 54_320;
/// The user's name within the instances.
const USER: &str = "bench";

/// What makes an instance quick to fill, and the plans that its manual advises for partitions elsewhere.
const SETTINGS: &str = "-c listen_addresses= -c shared_buffers=512MB -c work_mem=64MB -c fsync=off \
                        -c max_wal_size=4GB -c enable_partitionwise_aggregate=on";

/// The instances.
pub(super) struct Postgres {
    programs: PathBuf,
    folder: tempfile::TempDir,
    /// Whose they are: their owner may not be root.
    owner: Option<&'static str>,
    running: Vec<usize>,
}

impl Postgres {
    pub(super) fn start(_: &Files, scale: f64) -> Peer<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("insitu-pg-").tempdir();
        let folder = folder.map_err(|e| e.to_string())?;
        let owner = (output(Command::new("id").arg("-u"))? == "0").then_some("postgres");
        if let Some(owner) = owner {
            output(Command::new("chown").arg(owner).arg(folder.path()))?;
        }
        let mut started = Self { programs, folder, owner, running: Vec::new() };
        for instance in 0..=HOLDERS {
            started.instance(instance)?;
        }
        let mut spread = Spread::default();
        for holder in 0..HOLDERS {
            started.fill(holder, scale, &mut spread)?;
        }
        started.join(&spread)?;
        Ok(started)
    }

    /// Asks the fourth instance. Its connections to the others are made before the clock runs.
    pub(super) fn ask(&self, sql: &str) -> Reply {
        let warm = "SELECT count(*) FROM tpch.orders WHERE o_totalprice < 0";
        let told = output(self.psql(HOLDERS).args(["-c", warm, "-c", r"\timing on", "-c", sql]));
        let told = told.unwrap();
        let lines = told.lines().skip(1).filter(|line| *line != "Timing is on.");
        let (times, rows): (Vec<&str>, Vec<&str>) = lines.partition(|l| l.starts_with("Time: "));
        let ms = times.last().and_then(|l| l.split_whitespace().nth(1)).unwrap();
        let rows = rows.iter().map(|row| row.split('|').map(str::to_owned).collect());
        Reply { seconds: ms.parse::<f64>().unwrap() / 1_000.0, rows: rows.collect() }
    }

    fn instance(&mut self, number: usize) -> Result<(), String> {
        let data = self.data(number);
        let mut made = self.command("initdb");
        made.args(["-N", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", USER, "-D"]).arg(&data);
        output(&mut made)?;
        let settings =
            format!("-k {} -p {} {SETTINGS}", self.folder.path().display(), PORT + number);
        let mut begun = self.command("pg_ctl");
        begun.arg("-D").arg(&data).args(["-w", "-s", "-l"]).arg(data.join("log"));
        // What it starts stays, and mustn't keep a pipe of ours open.
        begun.args(["-o", &settings, "start"]).stdout(Stdio::null()).stderr(Stdio::null());
        match begun.status() {
            Ok(status) if status.success() => {
                self.running.push(number);
                Ok(())
            }
            Ok(_) | Err(_) => Err("an instance didn't start".to_owned()),
        }
    }

    /// Fills a holder with its share of the files' rows.
    fn fill(&self, holder: usize, scale: f64, spread: &mut Spread) -> Result<(), String> {
        let parts = (0..NODES).filter(|part| part * HOLDERS / NODES == holder);
        for table in Table::ALL {
            let name = table.name();
            let made = format!(
                "CREATE SCHEMA IF NOT EXISTS tpch; CREATE UNLOGGED TABLE tpch.{name} ({})",
                columns(table)
            );
            output(self.psql(holder).args(["-c", &made]))?;
            let copy = format!("COPY tpch.{name} FROM STDIN (FORMAT csv)");
            let mut copying = self.psql(holder);
            copying.args(["-c", &copy]).stdin(Stdio::piped()).stdout(Stdio::null());
            let mut copying = copying.spawn().map_err(|e| e.to_string())?;
            let mut rows = BufWriter::new(copying.stdin.take().ok_or("no input")?);
            for part in parts.clone() {
                table.csv(scale, part, NODES, &mut rows).map_err(|e| e.to_string())?;
            }
            rows.flush().map_err(|e| e.to_string())?;
            drop(rows);
            if !copying.wait().map_err(|e| e.to_string())?.success() {
                return Err("rows weren't taken".to_owned());
            }
            let (key, _) = table.columns()[0];
            let first = format!("VACUUM ANALYZE tpch.{name}; ");
            output(self.psql(holder).args(["-c", &first]))?;
            let first = format!("SELECT min({key}) FROM tpch.{name}");
            spread.firsts.push((table, output(self.psql(holder).args(["-c", &first]))?));
        }
        Ok(())
    }

    /// Makes the fourth see the others' tables as one each.
    fn join(&self, spread: &Spread) -> Result<(), String> {
        let mut sql = "CREATE EXTENSION postgres_fdw; CREATE SCHEMA tpch;\n".to_owned();
        for holder in 0..HOLDERS {
            let (folder, port) = (self.folder.path().display(), PORT + holder);
            let _ = writeln!(
                sql,
                "CREATE SERVER s{holder} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{folder}', port '{port}', \
                 dbname 'postgres', use_remote_estimate 'true', async_capable 'true', fetch_size '10000');\n\
                 CREATE USER MAPPING FOR {USER} SERVER s{holder} OPTIONS (user '{USER}');"
            );
        }
        for table in Table::ALL {
            let (name, (key, _)) = (table.name(), table.columns()[0]);
            let columns = columns(table);
            let _ =
                writeln!(sql, "CREATE TABLE tpch.{name} ({columns}) PARTITION BY RANGE ({key});");
            let firsts = spread.firsts.iter().filter(|(of, _)| *of == table);
            let mut firsts: Vec<&str> = firsts.map(|(_, first)| first.as_str()).collect();
            firsts[0] = "MINVALUE";
            for holder in 0..HOLDERS {
                let (from, to) = (firsts[holder], firsts.get(holder + 1).unwrap_or(&"MAXVALUE"));
                let _ = writeln!(
                    sql,
                    "CREATE FOREIGN TABLE tpch.{name}_{holder} PARTITION OF tpch.{name} FOR VALUES FROM ({from}) \
                     TO ({to}) SERVER s{holder} OPTIONS (schema_name 'tpch', table_name '{name}');"
                );
            }
            let _ = writeln!(sql, "ANALYZE tpch.{name};");
        }
        output(self.psql(HOLDERS).args(["-c", &sql])).map(|_| ())
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    /// A program of PostgreSQL, as the instances' owner.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match self.owner {
            Some(owner) => {
                let mut command = Command::new("runuser");
                command.args(["-u", owner, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.folder.path());
        command
    }

    fn psql(&self, instance: usize) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(self.folder.path()).args(["-p", &(PORT + instance).to_string()]);
        command.args([
            "-U",
            USER,
            "-d",
            "postgres",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        for number in &self.running {
            let mut stopped = self.command("pg_ctl");
            stopped.arg("-D").arg(self.data(*number)).args(["-s", "-m", "immediate", "stop"]);
            // One that has ended by itself is stopped, too.
            let _ = stopped.status();
        }
    }
}

/// The first key of each table at each holder, in the holders' order.
#[derive(Default)]
struct Spread {
    firsts: Vec<(Table, String)>,
}

fn columns(table: Table) -> String {
    let columns = table.columns().iter().map(|(name, kind)| format!("{name} {}", kind.sql()));
    columns.collect::<Vec<_>>().join(", ")
}

/// Where the programs are: Debian has them beside each version, not in the path.
fn programs() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|v| Some(v.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    folders.sort();
    let path = std::env::var("PATH").unwrap_or_default();
    folders.extend(path.split(':').map(PathBuf::from));
    let has = |folder: &Path| folder.join("initdb").exists() && folder.join("psql").exists();
    folders.into_iter().find(|folder| has(folder)).ok_or_else(|| "it isn't installed".to_owned())
}

/// What a program prints, if it ends well.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|e| e.to_string())?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).trim().to_owned())
    }
}
