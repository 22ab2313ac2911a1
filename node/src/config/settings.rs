//! `[node]`, and `[uplink]` or `[listen]`: who the node is, its limits, how it meets the gateway.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use insitu_disclosure::tabulation::GROUPS_MAX;
use toml::Spanned;

use super::document::{At, Document, ListenTable, NodeTable, UplinkTable, Whole};
use super::problems::Problems;
use super::transport;
use crate::source::SourceLimits;

/// Released cells remembered of a dataset, unless `anchors_max` says otherwise.
const ANCHORS_MAX: i64 = insitu_guard::ANCHORS_MAX.cast_signed();

/// Memory for queries, unless `memory_mib` says otherwise.
const MEMORY_MIB: i64 = 512;
/// Memory for what CSV files hold and for words of units, unless `source_mib_max` says otherwise.
const SOURCE_MIB_MAX: i64 = 1_024;
/// Memory for what rows are looked up in, unless `reference_mib_max` says otherwise.
const REFERENCE_MIB_MAX: i64 = 64;
/// Room to spill to, unless `spill_mib` says otherwise.
const SPILL_MIB: i64 = 4_096;
/// Time for a query, unless `query_seconds_max` says otherwise.
const QUERY_SECONDS_MAX: i64 = 30;

/// The node itself and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// `[a-z][a-z0-9-]*`, at most 63 characters.
    pub id: String,
    /// The department's name, for people.
    pub department: String,
    /// Memory for running queries.
    pub memory_mib: u32,
    /// Memory for the contents of CSV files, over all datasets; what they leave is for words of units in Parquet files.
    pub source_mib_max: u32,
    /// Memory for the contents of references.
    pub reference_mib_max: u32,
    /// The longest a query may run.
    pub query_seconds_max: u32,
    /// The most groups an answer may have; all that a Tabulation may ask for, unless set lower.
    pub groups_max: u32,
    /// The most released cells that the guard of one dataset remembers; beyond it nothing new is
    /// released.
    pub anchors_max: u32,
    /// Where rows of open data are put by that don't fit into memory; nowhere, unless it is said.
    pub spill: Option<Spill>,
}

/// A folder for rows that don't fit into memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spill {
    /// The folder; absolute, or relative to the working directory.
    pub folder: PathBuf,
    /// The most that all questions together may put there.
    pub mib: u32,
}

impl NodeSettings {
    /// The limits that loading keeps to.
    #[must_use]
    pub const fn source_limits(&self) -> SourceLimits {
        SourceLimits { mib_max: self.source_mib_max }
    }

    /// Bytes of memory for the contents of references.
    #[must_use]
    pub fn reference_bytes_max(&self) -> usize {
        usize::try_from(self.reference_mib_max).unwrap_or(usize::MAX).saturating_mul(1 << 20)
    }
}

/// How the node meets the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The node dials out.
    Uplink {
        /// `host:port` of the gateway.
        gateway: String,
        /// Holds the secret of this link; absolute, or relative to the working directory.
        secret_file: PathBuf,
    },
    /// The node listens, and the gateway dials.
    Listen {
        /// Where it listens.
        address: SocketAddr,
        /// Holds the secret of this link; absolute, or relative to the working directory.
        secret_file: PathBuf,
    },
}

impl Link {
    /// The file that holds the secret of this link.
    #[must_use]
    pub fn secret_file(&self) -> &Path {
        match self {
            Self::Uplink { secret_file, .. } | Self::Listen { secret_file, .. } => secret_file,
        }
    }
}

/// Checks `[node]`.
pub(super) fn node(
    table: &Spanned<NodeTable>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<NodeSettings> {
    let at = table.span();
    let NodeTable {
        id,
        department,
        memory_mib,
        source_mib_max,
        reference_mib_max,
        query_seconds_max,
        groups_max,
        anchors_max,
        spill_folder,
        spill_mib,
        data_folder: _,
        state: _,
    } = table.get_ref();
    let id = problems
        .required(id, &at, "id", "add the node's name, such as `id = \"leeds-1\"`")
        .and_then(|id| node_id(id, problems));
    let department = problems
        .required(department, &at, "department", "add the department's name")
        .and_then(|department| problems.words(department, "department"));
    let mib = 16..=1_048_576;
    let memory_mib = limit(memory_mib, "memory_mib", mib.clone(), MEMORY_MIB, problems);
    let source_mib_max = limit(source_mib_max, "source_mib_max", mib, SOURCE_MIB_MAX, problems);
    let reference_mib_max =
        limit(reference_mib_max, "reference_mib_max", 1..=65_536, REFERENCE_MIB_MAX, problems);
    let query_seconds_max =
        limit(query_seconds_max, "query_seconds_max", 1..=3_600, QUERY_SECONDS_MAX, problems);
    let groups_max =
        limit(groups_max, "groups_max", 1..=i64::from(GROUPS_MAX), i64::from(GROUPS_MAX), problems);
    let anchors_max = limit(anchors_max, "anchors_max", 1_000..=100_000_000, ANCHORS_MAX, problems);
    let spill = spill(spill_folder, spill_mib, folder, problems);
    Some(NodeSettings {
        id: id?,
        department: department?,
        memory_mib: memory_mib?,
        source_mib_max: source_mib_max?,
        reference_mib_max: reference_mib_max?,
        query_seconds_max: query_seconds_max?,
        groups_max: groups_max?,
        anchors_max: anchors_max?,
        spill: spill?,
    })
}

/// Where rows are spilled to, if anywhere.
fn spill(
    path: &At<String>,
    mib: &At<Whole>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Option<Spill>> {
    match (path, mib) {
        (Some(path), mib) => {
            let path = problems.words(path, "spill_folder").map(|path| folder.join(path));
            let mib = limit(mib, "spill_mib", 16..=16_777_216, SPILL_MIB, problems);
            Some(Some(Spill { folder: path?, mib: mib? }))
        }
        (None, None) => Some(None),
        (None, Some(mib)) => {
            let fix = "add the folder, such as `spill_folder = \"/var/tmp/insitu\"`";
            problems.report(&mib.span(), "`spill_mib` is there without `spill_folder`", fix);
            None
        }
    }
}

fn limit(
    value: &At<Whole>,
    key: &str,
    range: std::ops::RangeInclusive<i64>,
    otherwise: i64,
    problems: &mut Problems<'_>,
) -> Option<u32> {
    let number = match value {
        Some(value) => problems.whole(value, key, range)?,
        None => otherwise,
    };
    u32::try_from(number).ok()
}

fn node_id(id: &Spanned<String>, problems: &mut Problems<'_>) -> Option<String> {
    let text = id.get_ref();
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(letters)
        && text.len() <= 63
    {
        return Some(text.clone());
    }
    problems.report(
        &id.span(),
        format!("`{text}` isn't a node's id"),
        "write lower-case letters, digits and `-`, a letter first, 63 at most",
    );
    None
}

/// The folder that files of datasets are named in.
pub(super) fn data_folder(
    table: &NodeTable,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<PathBuf> {
    match &table.data_folder {
        Some(path) => problems.words(path, "data_folder").map(|path| folder.join(path)),
        None => Some(folder.to_owned()),
    }
}

/// Where the node keeps its state: a folder with the node's name beside the configuration, unless `state` says
/// otherwise. Two nodes never share one.
pub(super) fn state_folder(
    table: &NodeTable,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<PathBuf> {
    match &table.state {
        Some(path) => problems.words(path, "state").map(|path| folder.join(path)),
        None => {
            let id = table.id.as_ref().map_or("node", |id| id.get_ref());
            Some(folder.join(format!("{id}-state")))
        }
    }
}

/// Checks `[uplink]` and `[listen]`: one of them at most.
pub(super) fn link(
    document: &Document,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Link> {
    match (&document.uplink, &document.listen) {
        (Some(uplink), None) => self::uplink(uplink, folder, problems),
        (None, Some(listen)) => self::listen(listen, folder, problems),
        (Some(_), Some(listen)) => {
            problems.report(
                &listen.span(),
                "`[uplink]` and `[listen]` are both there",
                "keep `[uplink]` if the node dials out, `[listen]` if the gateway dials in",
            );
            None
        }
        (None, None) => None,
    }
}

fn uplink(
    table: &Spanned<UplinkTable>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Link> {
    let UplinkTable { gateway, secret_file, transport } = table.get_ref();
    let transport = transport::transport(transport, problems);
    let fix = "add the gateway's address, such as `gateway = \"gateway.example:50060\"`";
    let gateway = problems
        .required(gateway, &table.span(), "gateway", fix)
        .and_then(|at| Some((at, host_and_port(at, problems)?)));
    if let (Some((at, gateway)), Some(transport)) = (&gateway, transport) {
        transport::dialled(at, gateway, transport, problems);
    }
    let secret_file = secret(secret_file, &table.span(), folder, problems);
    Some(Link::Uplink { gateway: gateway?.1, secret_file: secret_file? })
}

fn listen(
    table: &Spanned<ListenTable>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Link> {
    let ListenTable { address, secret_file, transport } = table.get_ref();
    let transport = transport::transport(transport, problems);
    let fix = "add where to listen, such as `address = \"127.0.0.1:50070\"`";
    let address = problems
        .required(address, &table.span(), "address", fix)
        .and_then(|at| Some((at, socket_address(at, problems)?)));
    if let (Some((at, address)), Some(transport)) = (address, transport) {
        transport::listened(at, address, transport, problems);
    }
    let secret_file = secret(secret_file, &table.span(), folder, problems);
    Some(Link::Listen { address: address?.1, secret_file: secret_file? })
}

fn secret(
    file: &At<String>,
    table: &super::problems::Span,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<PathBuf> {
    let fix = "add the path of a file that holds the secret of this link; the gateway has the same";
    let file = problems.required(file, table, "secret_file", fix)?;
    problems.words(file, "secret_file").map(|file| folder.join(file))
}

fn host_and_port(text: &Spanned<String>, problems: &mut Problems<'_>) -> Option<String> {
    let address = text.get_ref();
    let is_valid = address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(['/', ' ', '@'])
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if is_valid {
        return Some(address.clone());
    }
    problems.report(
        &text.span(),
        format!("`{address}` isn't the address of a gateway"),
        "write host and port, without `http://`, such as `gateway.example:50060`",
    );
    None
}

fn socket_address(text: &Spanned<String>, problems: &mut Problems<'_>) -> Option<SocketAddr> {
    let parsed = text.get_ref().parse().ok();
    if parsed.is_none() {
        problems.report(
            &text.span(),
            format!("`{}` isn't an address to listen on", text.get_ref()),
            "write an IP address and a port, such as `127.0.0.1:50070` or `[::1]:50070`",
        );
    }
    parsed
}
