//! The demo's seven departments: a node each, with its own configuration and a store of its own,
//! which no other node and not the gateway can reach.

use std::path::Path;
use std::sync::Arc;

use futures::future::try_join_all;
use insitu_node::config::NodeConfig;
use insitu_node::dataset::Source;
use insitu_node::{EngineThreads, Node, NodeState};
use insitu_planner::Planner;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::data::council::{Council, council_tax};
use super::data::parquet_file::parquet_bytes;
use super::data::people::Population;
use super::data::real::{CENSUS, POLICE, RealFile};
use super::data::{dwp, health};
use super::{blocking, broken};
use crate::failure::Failure;

/// A department: its node's configuration, as a department would write it, and what it holds.
struct Department {
    file: &'static str,
    config: &'static str,
    holds: Holding,
}

/// What a department holds.
#[derive(Debug, Clone, Copy)]
enum Holding {
    /// Files as published.
    Published(&'static [RealFile]),
    /// One table about the invented population.
    Invented(Table),
}

/// A table about the invented population.
#[derive(Debug, Clone, Copy)]
enum Table {
    Episodes,
    Claims,
    CouncilTax(Council),
}

/// All seven.
fn departments() -> Vec<Department> {
    let department = |file, config, holds| Department { file, config, holds };
    let mut departments = vec![
        department("police.toml", include_str!("nodes/police.toml"), Holding::Published(&POLICE)),
        department("ons.toml", include_str!("nodes/ons.toml"), Holding::Published(&[CENSUS])),
        department(
            "health.toml",
            include_str!("nodes/health.toml"),
            Holding::Invented(Table::Episodes),
        ),
        department("dwp.toml", include_str!("nodes/dwp.toml"), Holding::Invented(Table::Claims)),
    ];
    departments.extend(Council::ALL.map(|council| {
        let (file, config) = match council {
            Council::Leeds => ("leeds.toml", include_str!("nodes/leeds.toml")),
            Council::Bradford => ("bradford.toml", include_str!("nodes/bradford.toml")),
            Council::Kirklees => ("kirklees.toml", include_str!("nodes/kirklees.toml")),
        };
        department(file, config, Holding::Invented(Table::CouncilTax(council)))
    }));
    departments
}

/// Starts all seven at once, in the order above.
pub(super) async fn start(population: Population) -> Result<Vec<Arc<Node>>, Failure> {
    let population = Arc::new(population);
    // One machine's cores are shared by all.
    let threads = EngineThreads::start().map_err(|error| broken(&error))?;
    let nodes = departments()
        .into_iter()
        .map(|department| department.start(Arc::clone(&population), threads.clone()));
    try_join_all(nodes).await
}

impl Department {
    async fn start(
        self,
        population: Arc<Population>,
        threads: EngineThreads,
    ) -> Result<Arc<Node>, Failure> {
        let config = self.config()?;
        let store = InMemory::new();
        let paths = paths(&config);
        let files = blocking(move || self.holds.files(&paths, &population)).await??;
        for (path, bytes) in files {
            store.put(&path, bytes.into()).await.map_err(|error| broken(&error))?;
        }
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        // On a thread of its own: reading files takes most of the demo's start.
        // Public and invented data: with one fixed secret, the demonstration shows the same every time.
        let state = NodeState::ephemeral(*b"the secret of the demonstration!");
        let node = tokio::spawn(async move {
            Node::load(Planner::shared(), &config, store, &state, &threads).await
        });
        node.await.map_err(|error| broken(&error))?.map_err(|error| broken(&error))
    }

    fn config(&self) -> Result<NodeConfig, Failure> {
        let path = Path::new("demo").join(self.file);
        // The store holds the published files unpacked.
        let text = self.config.replace(".csv.gz\"", ".csv\"");
        NodeConfig::parse(&text, &path).map_err(|errors| Failure::Configuration(errors.to_string()))
    }
}

/// The files a configuration names, in its order.
fn paths(config: &NodeConfig) -> Vec<ObjectPath> {
    let files = config.datasets.iter().map(|descriptor| match &descriptor.source {
        Source::Csv(source) => &source.files,
        Source::Parquet(source) => &source.files,
    });
    files.flatten().cloned().collect()
}

impl Holding {
    /// The files: published ones under their names, an invented table under the one name there is.
    fn files(
        self,
        paths: &[ObjectPath],
        population: &Population,
    ) -> Result<Vec<(ObjectPath, Vec<u8>)>, Failure> {
        match self {
            Self::Published(files) => files
                .iter()
                .map(|file| {
                    Ok((ObjectPath::from(file.name()), file.csv().map_err(|error| broken(&error))?))
                })
                .collect(),
            Self::Invented(table) => {
                let batch = match table {
                    Table::Episodes => health::episodes(population),
                    Table::Claims => dwp::claims(population),
                    Table::CouncilTax(council) => council_tax(population, council),
                };
                let bytes = parquet_bytes(&batch.map_err(|error| broken(&error))?);
                let bytes = bytes.map_err(|error| broken(&error))?;
                Ok(paths.iter().map(|path| (path.clone(), bytes.clone())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_named_is_held_under_its_name() {
        for department in departments() {
            let paths = paths(&department.config().unwrap());
            match department.holds {
                Holding::Published(files) => {
                    let names: Vec<&str> = files.iter().map(RealFile::name).collect();
                    let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
                    assert_eq!(paths, names, "{}", department.file);
                }
                Holding::Invented(_) => assert_eq!(paths.len(), 1, "{}", department.file),
            }
        }
    }
}
