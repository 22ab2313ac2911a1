//! `insitu check`: reads configurations as the services would, without starting anything.

use std::path::{Path, PathBuf};

use clap::Args;
use insitu_gateway::config::GatewayConfig;
use insitu_node::config::{NodeConfig, Secret};
use insitu_node::dataset::Source;

use crate::failure::Failure;
use crate::shutdown::announce;
use crate::table::plural;

/// Checks configurations of nodes and gateways: `ok`, or every error with its line and the fix.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configurations; which kind each is, is seen from `[node]` or `[gateway]` in it.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Node,
    Gateway,
}

impl Check {
    /// Checks each file; fails if any is wrong.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut errors = Vec::new();
        for file in &self.files {
            match check(file) {
                Ok(summary) => announce(&format!("{}: ok ({summary})", file.display()))?,
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Failure::Configuration(errors.join("\n"))) }
    }
}

/// What the configuration comes to, in a few words; or what is wrong, in lines.
fn check(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: can't be read: {error}; check the path", file.display()))?;
    match kind(&text) {
        Some(Kind::Gateway) => {
            let config = GatewayConfig::load(file).map_err(|errors| errors.to_string())?;
            let (nodes, analysts) = (config.nodes.len(), config.analysts.len());
            Ok(format!("gateway, {}, {}", plural(nodes, "node"), plural(analysts, "analyst")))
        }
        Some(Kind::Node) => {
            let config = NodeConfig::load(file).map_err(|errors| errors.to_string())?;
            if let Some(link) = &config.link {
                Secret::read(link.secret_file())
                    .map_err(|error| format!("{}: {error}", file.display()))?;
            }
            missing_files(&config, file)?;
            Ok(format!("node {}, {}", config.node.id, plural(config.datasets.len(), "dataset")))
        }
        None => Err(neither(file)),
    }
}

/// Every file of a dataset that isn't there, and a state folder that is no folder: found when the node would start.
fn missing_files(config: &NodeConfig, file: &Path) -> Result<(), String> {
    let named = config.datasets.iter().flat_map(|descriptor| {
        let files = match &descriptor.source {
            Source::Csv(source) => &source.files,
            Source::Parquet(source) => &source.files,
        };
        files.iter().chain(descriptor.code_lists.iter().map(|list| &list.file))
    });
    let absent = named
        .map(|named| config.data_folder.join(named.to_string()))
        .filter(|path| !path.is_file())
        .map(|path| {
            format!("{}: `{}` isn't a file; correct the path", file.display(), path.display())
        });
    let state = &config.state_folder;
    let no_folder = (state.exists() && !state.is_dir()).then(|| {
        let told = "isn't a folder, in which state could be kept; correct `state`";
        format!("{}: `{}` {told}", file.display(), state.display())
    });
    let problems: Vec<String> = absent.chain(no_folder).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// What is said of a file that is no configuration.
pub(crate) fn neither(file: &Path) -> String {
    format!(
        "{}: is neither a node's nor a gateway's configuration; add `[node]` or `[gateway]`",
        file.display()
    )
}

/// The kind a text is meant to be. A gateway's has `[[node]]`, so its own table is looked for first.
/// Of a text that isn't TOML yet the headings are looked at: its errors still are those of a kind.
pub(crate) fn kind(text: &str) -> Option<Kind> {
    let (has_gateway, has_node) = match text.parse::<toml::Table>() {
        Ok(table) => {
            let is_list_of_nodes = table.get("node").is_some_and(toml::Value::is_array);
            (table.contains_key("gateway") || is_list_of_nodes, table.contains_key("node"))
        }
        Err(_) => {
            let has_heading =
                |heading| text.lines().any(|line| line.trim_start().starts_with(heading));
            (has_heading("[gateway") || has_heading("[[node"), has_heading("[node"))
        }
    };
    match (has_gateway, has_node) {
        (true, _) => Some(Kind::Gateway),
        (false, true) => Some(Kind::Node),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_seen_from_the_tables() {
        for (text, expect) in [
            ("[node]\nid = \"a\"", Some(Kind::Node)),
            ("[gateway]\n[[node]]\nid = \"a\"", Some(Kind::Gateway)),
            ("[[node]]\nid = \"a\"", Some(Kind::Gateway)),
            ("node.id = \"a\"", Some(Kind::Node)),
            ("[gateway]\nlisten = \n", Some(Kind::Gateway)),
            ("[node]\nid = \n", Some(Kind::Node)),
            ("[dataset]", None),
            ("", None),
        ] {
            assert_eq!(kind(text), expect, "{text}");
        }
    }

    #[test]
    fn files_that_are_not_there_and_a_state_that_is_no_folder_are_all_told() {
        let folder = std::env::temp_dir().join(format!("insitu-check-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("folder")).unwrap();
        let text = "[node]\nid = \"n\"\ndepartment = \"D\"\nstate = \"there.csv\"\n\
            [[dataset]]\nname = \"d.t\"\nprotection = \"open\"\n\
            source = { format = \"csv\", files = [\"there.csv\", \"gone.csv\", \"folder\"] }\n\
            [[dataset.column]]\nname = \"a\"\ntype = \"integer\"\nlabel = \"dimension\"\n";
        std::fs::write(folder.join("there.csv"), "a\n").unwrap();
        let file = folder.join("node.toml");
        let config = NodeConfig::parse(text, &file).unwrap();
        let told = missing_files(&config, &file).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(told.lines().count(), 3, "{told}");
        for named in ["gone.csv` isn't a file", "folder` isn't a file", "there.csv` isn't a folder"]
        {
            assert!(told.contains(named), "{told}");
        }
    }

    #[test]
    fn every_file_is_checked_and_every_error_shown() {
        let check = Check { files: vec!["/no/such/a.toml".into(), "/no/such/b.toml".into()] };
        let errors = check.run().unwrap_err();
        assert_eq!(errors.lines().len(), 2, "{errors}");
    }
}
