//! What is around the server: where it is, its log, further clusters, pg_dump and psql.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Session;

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run these tests with pg_test_config/client.sh"))
}

/// The directory of the cluster's socket.
pub fn socket() -> String {
    setting("JITMASK_TEST_SOCKET")
}

/// The cluster's superuser.
pub fn superuser() -> String {
    setting("JITMASK_TEST_SUPERUSER")
}

/// All that the server has logged so far.
pub fn log() -> String {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| match std::env::var("JITMASK_TEST_LOG") {
        Ok(path) => path.into(),
        // cluster.sh keeps the log beside the data.
        Err(_) => {
            let data = Session::open(&superuser(), "postgres").value("SHOW data_directory");
            PathBuf::from(data).with_file_name("log")
        }
    });
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs one of PostgreSQL's own programs on the cluster, with nothing of the caller's environment; its output.
pub fn program(name: &str, arguments: &[&str]) -> String {
    let path = PathBuf::from(setting("JITMASK_TEST_BINDIR")).join(name);
    let output = Command::new(&path)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("HOME", "/nonexistent"), ("LC_ALL", "C.UTF-8")])
        .args(["-h", &socket(), "-p", "5432", "-U", &superuser()])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    succeeded(&format!("{name} {arguments:?}"), output)
}

/// Runs a script through psql, up to the first error.
pub fn restore(database: &str, script: &str) {
    let file = Temporary::new("restore.sql");
    std::fs::write(&file.0, script).unwrap();
    program("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", &file.path()]);
}

fn succeeded(what: &str, output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

/// Another throwaway cluster, stopped and removed with this value.
pub struct Cluster {
    name: String,
}

impl Cluster {
    /// Starts one from scratch with settings of its own, e.g. `shared_preload_libraries=''`.
    pub fn start(name: &str, settings: &[&str]) -> Cluster {
        let name = format!("client.{name}.{}", std::process::id());
        let mut arguments = vec!["start", &name];
        arguments.extend(settings);
        script(&arguments);
        Cluster { name }
    }

    /// Restarts it with the same data.
    pub fn restart(&self) {
        script(&["restart", &self.name]);
    }

    /// Runs SQL in psql as its superuser: standard output and standard error together.
    pub fn psql(&self, sql: &str) -> String {
        let output = Command::new(setting("JITMASK_TEST_CLUSTER"))
            .args(["psql", &self.name, "-At", "-v", "VERBOSITY=verbose", "-c", sql])
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(setting("JITMASK_TEST_CLUSTER")).args(["stop", &self.name]).output();
    }
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(setting("JITMASK_TEST_CLUSTER")).args(arguments).output().unwrap();
    succeeded(&format!("cluster.sh {arguments:?}"), output)
}

/// A path for a file that the server or a program writes; the file is removed with this value.
pub struct Temporary(PathBuf);

impl Temporary {
    /// A path of nobody else's.
    pub fn new(name: &str) -> Temporary {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Temporary(std::env::temp_dir().join(format!("jitmask-client.{}.{number}.{name}", std::process::id())))
    }

    /// The path.
    pub fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// What is in the file.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_else(|error| panic!("{}: {error}", self.0.display()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
