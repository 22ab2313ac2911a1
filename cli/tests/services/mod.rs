//! Services as processes, for tests.

#![allow(dead_code, reason = "no test binary needs all of it")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const INSITU: &str = env!("CARGO_BIN_EXE_insitu");

/// How long services may take to be ready.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(60);

/// A folder of the test's own; removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // Tests run side by side in one process.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("insitu-{name}-{}-{next}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A file that only its owner may read.
    pub(crate) fn secret(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A service that is ended with the test.
pub(crate) struct Service(Child);

impl Service {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str], folder: &Path) -> Self {
        Self::logging(args, folder, None)
    }

    /// The same, with so much in its log.
    pub(crate) fn logging(args: &[&str], folder: &Path, level: Option<&str>) -> Self {
        let mut child = Command::new(INSITU)
            .args(args)
            .envs(level.map(|level| ("INSITU_LOG", level)))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join(args[2]).with_extension("log")).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("ready"), "{first}");
        Self(child)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn insitu(args: &[&str]) -> Output {
    Command::new(INSITU).args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Fails with exit code 1 and these words on standard error.
pub(crate) fn fails_with(args: &[&str], words: &[&str]) {
    let output = insitu(args);
    let told = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
    for word in words {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
    assert!(!told.contains("panicked"), "{told}");
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
