//! The same made-up people, published by any number of nodes.

use std::fmt::Write as _;

use insitu_tests::Department;

use crate::people;

/// On what terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    Open,
    /// Protected when all nodes' cells are added up.
    AtGateway,
    /// Protected by its node; of one node only.
    AtNode,
}

/// So many nodes, each with these files of `b.people`; one file for each node.
pub(super) fn departments(files: Vec<Vec<u8>>, terms: Terms) -> Vec<Department> {
    let department = |(node, file): (usize, Vec<u8>)| Department {
        config: config(node, terms),
        files: vec![("d.parquet".to_owned(), file)],
    };
    files.into_iter().enumerate().map(department).collect()
}

/// Files with so many rows together, one row for each person.
pub(super) fn files(nodes: usize, rows: u64, areas: u64) -> Vec<Vec<u8>> {
    let each = rows / nodes as u64;
    (0..nodes).map(|_| people::parquet(each, 1, areas)).collect()
}

fn config(node: usize, terms: Terms) -> String {
    let protected = |release: &str| {
        format!(
            "protection = \"protected\"\nunit = \"id\"\nunit_unique_per_row = true\nunits_at_one_node = true\n\
             profile = \"standard\"\nrelease = \"{release}\""
        )
    };
    let (protection, id) = match terms {
        Terms::Open => ("protection = \"open\"".to_owned(), "dimension"),
        Terms::AtGateway => (protected("at-gateway"), "unit"),
        Terms::AtNode => (protected("at-node"), "unit"),
    };
    let mut config = format!(
        "[node]\nid = \"n{node:03}\"\ndepartment = \"N{node}\"\nmemory_mib = 2000\nsource_mib_max = 4000\n\
         [[dataset]]\nname = \"b.people\"\nsource = {{ format = \"parquet\", path = \"d.parquet\" }}\n{protection}\n"
    );
    for (column, column_type, label, bounds) in [
        ("id", "integer", id, ""),
        ("area", "text", "dimension", ""),
        ("month", "integer", "dimension", ""),
        ("cost", "integer", "measure", "bounds = { low = 0, high = 100000 }\n"),
    ] {
        let _ = write!(
            config,
            "[[dataset.column]]\nname = \"{column}\"\ntype = \"{column_type}\"\nlabel = \"{label}\"\n{bounds}"
        );
    }
    config
}
