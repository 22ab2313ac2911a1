//! The `.slt` files are the specification: answers, suppression, refusals.

use insitu_tests::driver::Slt;
use insitu_tests::{Federation, departments};

async fn run(folder: &str) {
    let departments = [
        departments::all(),
        vec![departments::schools(), departments::clinic()],
        departments::surgeries(),
    ]
    .concat();
    let federation = Federation::start(&departments).await;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/slt");
    let mut files: Vec<_> = std::fs::read_dir(format!("{root}/{folder}"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .slt file in {folder}");
    for file in files {
        let mut runner =
            sqllogictest::Runner::new(|| async { Ok(Slt(federation.analyst().await)) });
        if std::env::var_os("INSITU_SLT_UPDATE").is_some() {
            // Writes what is answered into the file, to be read through before it is committed.
            runner
                .update_test_file(
                    &file,
                    " ",
                    sqllogictest::default_validator,
                    sqllogictest::default_normalizer,
                    sqllogictest::default_column_validator,
                )
                .await
                .unwrap();
        } else if let Err(error) = runner.run_file_async(&file).await {
            panic!("{}", error.display(false));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers() {
    run("release").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn margins() {
    run("margins").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppression() {
    run("suppress").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals() {
    run("refuse").await;
}
