//! The document's tables, each checked; what is wrong is reported, and checking goes on.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::Path;

use insitu_disclosure::DatasetName;
use toml::Spanned;

use super::document::{AnalystTable, At, Document, GatewayTable, NodeTable};
use super::problems::Problems;
use super::secret::Secret;
use super::{AnalystEntry, GatewayConfig, NodeEntry, Spill, Transport};

/// Time for a query, unless `query_seconds_max` says otherwise.
const QUERY_SECONDS_MAX: u32 = 60;
/// Memory for upper plans, unless `memory_mib` says otherwise.
const MEMORY_MIB: u32 = 1_024;
/// Statements at a time, unless `statements_running_max` says otherwise.
const STATEMENTS_RUNNING_MAX: u32 = 16;
/// Statements that wait, for each that may run, unless `statements_waiting_max` says otherwise.
const STATEMENTS_WAITING_TIMES: u32 = 2;
/// Memory for tables that were answered before, unless `result_cache_mib` says otherwise.
const RESULT_CACHE_MIB: u32 = 64;
/// Released cells remembered of a dataset, unless `anchors_max` says otherwise.
const ANCHORS_MAX: u32 = 1_000_000;
/// Room to spill to, unless `spill_mib` says otherwise.
const SPILL_MIB: u32 = 4_096;

const GATEWAY_FIX: &str = "add `[gateway]` with `listen` and `nodes_listen`";
const ANALYST_FIX: &str = "add an `[[analyst]]` with `name` and `token_file`";
const NODE_FIX: &str = "add a `[[node]]` with `id`, `department`, `secret_file` and `datasets`";

/// Checks the whole document.
pub(super) fn document(
    document: &Document,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<GatewayConfig> {
    let gateway = problems.required(&document.gateway, 0..0, "[gateway]", GATEWAY_FIX);
    if document.analyst.is_empty() {
        problems.report(0..0, "no analyst is declared, so nobody could ask", ANALYST_FIX);
    }
    if document.node.is_empty() {
        problems.report(0..0, "no node is declared, so nobody could answer", NODE_FIX);
    }
    let analysts: Vec<Option<AnalystEntry>> =
        document.analyst.iter().map(|table| analyst(table, folder, problems)).collect();
    let transport = gateway.and_then(|table| transport(&table.get_ref().transport, problems));
    let nodes: Vec<Option<NodeEntry>> =
        document.node.iter().map(|table| node(table, folder, transport, problems)).collect();
    analysts_differ(&document.analyst, &analysts, problems);
    nodes_differ(&document.node, &nodes, problems);
    secrets_are_no_tokens(&document.node, &nodes, &analysts, problems);
    let entry = self::gateway(gateway?, folder, transport, problems)?;
    Some(GatewayConfig {
        analysts: analysts.into_iter().collect::<Option<_>>()?,
        nodes: nodes.into_iter().collect::<Option<_>>()?,
        ..entry
    })
}

/// `[gateway]`, with neither analysts nor nodes yet.
fn gateway(
    table: &Spanned<GatewayTable>,
    folder: &Path,
    transport: Option<Transport>,
    problems: &mut Problems<'_>,
) -> Option<GatewayConfig> {
    let GatewayTable {
        listen,
        nodes_listen,
        query_seconds_max,
        memory_mib,
        statements_running_max,
        statements_waiting_max,
        result_cache_mib,
        anchors_max,
        spill_folder,
        spill_mib,
        transport: _,
        state,
    } = table.get_ref();
    let clients = address(listen, table.span(), "listen", transport, problems);
    let nodes = address(nodes_listen, table.span(), "nodes_listen", transport, problems);
    if let (Some(at), Some(clients), Some(nodes)) = (nodes_listen, clients, nodes)
        && clients == nodes
        && clients.port() != 0
    {
        let fix = "give nodes a port of their own, such as 50060";
        problems.report(at.span(), "`nodes_listen` is the same address as `listen`", fix);
    }
    let query_seconds_max =
        problems.whole(query_seconds_max, "query_seconds_max", 1..=3_600, QUERY_SECONDS_MAX);
    let memory_mib = problems.whole(memory_mib, "memory_mib", 16..=1_048_576, MEMORY_MIB);
    let statements_running_max = problems.whole(
        statements_running_max,
        "statements_running_max",
        1..=1_000,
        STATEMENTS_RUNNING_MAX,
    );
    let waiting_max = statements_running_max
        .unwrap_or(STATEMENTS_RUNNING_MAX)
        .saturating_mul(STATEMENTS_WAITING_TIMES);
    let statements_waiting_max =
        problems.whole(statements_waiting_max, "statements_waiting_max", 0..=10_000, waiting_max);
    let result_cache_mib =
        problems.whole(result_cache_mib, "result_cache_mib", 0..=1_048_576, RESULT_CACHE_MIB);
    let anchors_max = problems.whole(anchors_max, "anchors_max", 1_000..=100_000_000, ANCHORS_MAX);
    let spill = spill(spill_folder, spill_mib, folder, problems);
    Some(GatewayConfig {
        listen: clients?,
        nodes_listen: nodes?,
        query_seconds_max: query_seconds_max?,
        memory_mib: memory_mib?,
        statements_running_max: statements_running_max?,
        statements_waiting_max: statements_waiting_max?,
        result_cache_mib: result_cache_mib?,
        anchors_max: anchors_max?,
        spill: spill?,
        transport: transport?,
        state_folder: match state {
            Some(path) => folder.join(path.get_ref()),
            None => folder.join("gateway-state"),
        },
        analysts: Vec::new(),
        nodes: Vec::new(),
    })
}

/// Where upper plans put by rows, if anywhere.
fn spill(
    path: &At<String>,
    mib: &At<i64>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Option<Spill>> {
    match (path, mib) {
        (Some(path), mib) => {
            let mib = problems.whole(mib, "spill_mib", 16..=16_777_216, SPILL_MIB);
            Some(Some(Spill { folder: folder.join(path.get_ref()), mib: mib? }))
        }
        (None, None) => Some(None),
        (None, Some(mib)) => {
            let fix = "add the folder, such as `spill_folder = \"/var/tmp/insitu\"`";
            problems.report(mib.span(), "`spill_mib` is there without `spill_folder`", fix);
            None
        }
    }
}

/// The stricter one unless it is written otherwise.
fn transport(word: &At<String>, problems: &mut Problems<'_>) -> Option<Transport> {
    let Some(word) = word else { return Some(Transport::Loopback) };
    match word.get_ref().as_str() {
        "loopback" => Some(Transport::Loopback),
        "behind-tls-proxy" => Some(Transport::BehindTlsProxy),
        other => {
            let fix = "write `loopback`, or `behind-tls-proxy` if TLS ends in front of the gateway";
            problems.report(word.span(), format!("`{other}` isn't known as `transport`"), fix);
            None
        }
    }
}

/// An address to listen on. Without a word on TLS it must be one that only this machine reaches:
/// tokens and secrets travel on it.
fn address(
    text: &At<String>,
    table: Range<usize>,
    key: &str,
    transport: Option<Transport>,
    problems: &mut Problems<'_>,
) -> Option<SocketAddr> {
    let fix = format!("add where to listen, such as `{key} = \"127.0.0.1:50051\"`");
    let text = problems.required(text, table, key, &fix)?;
    let Ok(address) = text.get_ref().parse::<SocketAddr>() else {
        let problem = format!("`{}` isn't an address to listen on", text.get_ref());
        let fix = "write an IP address and a port, such as `127.0.0.1:50051` or `[::1]:50051`";
        problems.report(text.span(), problem, fix);
        return None;
    };
    if transport == Some(Transport::Loopback) && !address.ip().is_loopback() {
        let problem = format!(
            "`{address}` can be reached from other machines, and the gateway speaks without TLS"
        );
        let fix = "listen on 127.0.0.1; or end TLS in front of the gateway and say so: \
                   `transport = \"behind-tls-proxy\"`";
        problems.report(text.span(), problem, fix);
    }
    Some(address)
}

fn analyst(
    table: &Spanned<AnalystTable>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<AnalystEntry> {
    let AnalystTable { name, token_file } = table.get_ref();
    let name = identifier(name, table.span(), "name", problems);
    let token = secret(token_file, table.span(), "token_file", folder, problems);
    Some(AnalystEntry { name: name?, token: token? })
}

fn node(
    table: &Spanned<NodeTable>,
    folder: &Path,
    transport: Option<Transport>,
    problems: &mut Problems<'_>,
) -> Option<NodeEntry> {
    let NodeTable { id, department, secret_file, datasets, address } = table.get_ref();
    let id = identifier(id, table.span(), "id", problems);
    let department =
        problems.words(department, table.span(), "department", "add the department's name");
    let secret = secret(secret_file, table.span(), "secret_file", folder, problems);
    let datasets = self::datasets(datasets, table.span(), problems);
    let address = match address {
        None => Some(None),
        Some(text) => node_address(text, transport, problems).map(Some),
    };
    Some(NodeEntry {
        id: id?,
        department: department?,
        secret: secret?,
        datasets: datasets?,
        address: address?,
    })
}

fn identifier(
    text: &At<String>,
    table: Range<usize>,
    key: &str,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let form = "lower-case letters, digits and `-`, a letter first, 63 at most";
    let text = problems.required(text, table, key, &format!("add `{key}`: {form}"))?;
    let word = text.get_ref();
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(is_letter)
        && word.len() <= 63
    {
        return Some(word.clone());
    }
    problems.report(text.span(), format!("`{key}` is `{word}`"), format!("write {form}"));
    None
}

fn secret(
    file: &At<String>,
    table: Range<usize>,
    key: &str,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let name = problems.words(file, table, key, "add the path of a file that holds the secret")?;
    let path = folder.join(name);
    match Secret::read(&path) {
        Ok(secret) => Some(secret),
        Err(error) => {
            let at = file.as_ref().map_or(0..0, Spanned::span);
            problems.report(
                at,
                format!("secret file {} {error}", path.display()),
                error.fix(&path),
            );
            None
        }
    }
}

fn datasets(
    names: &At<Vec<Spanned<String>>>,
    table: Range<usize>,
    problems: &mut Problems<'_>,
) -> Option<Vec<DatasetName>> {
    let fix = "add what the node may announce, such as `datasets = [\"councils.council_tax\"]`";
    let names = problems.required(names, table, "datasets", fix)?;
    if names.get_ref().is_empty() {
        problems.report(names.span(), "`datasets` is empty", fix);
        return None;
    }
    let mut parsed = Vec::new();
    for name in names.get_ref() {
        let Some(dataset) = DatasetName::parse(name.get_ref()) else {
            let fix = "write `schema.table` in lower-case letters, digits and `_`, a letter first in both";
            problems.report(
                name.span(),
                format!("`{}` isn't the name of a dataset", name.get_ref()),
                fix,
            );
            continue;
        };
        if parsed.contains(&dataset) {
            problems.report(name.span(), format!("`{dataset}` is named twice"), "take it out here");
        }
        parsed.push(dataset);
    }
    Some(parsed)
}

/// Where a node that listens is dialled: on this machine, as for [`address`].
fn node_address(
    text: &Spanned<String>,
    transport: Option<Transport>,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let address = host_and_port(text, problems)?;
    if transport == Some(Transport::Loopback) && !is_loopback(&address) {
        let problem =
            format!("`{address}` is reached over a network, and the gateway speaks without TLS");
        let fix = "name a tunnel or proxy on 127.0.0.1; or if a proxy there speaks TLS to the node, say so in \
                   `[gateway]`: `transport = \"behind-tls-proxy\"`";
        problems.report(text.span(), problem, fix);
    }
    Some(address)
}

/// Whether `host:port` is on this machine. Names aren't looked up: what a name means can change.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
    let fix = "write host and port, without `http://`, such as `10.0.0.5:50070`; leave it out if the node dials in";
    problems.report(text.span(), format!("`{address}` isn't the address of a node"), fix);
    None
}

/// Two analysts with one name or one token couldn't be told apart in the log.
fn analysts_differ(
    tables: &[Spanned<AnalystTable>],
    entries: &[Option<AnalystEntry>],
    problems: &mut Problems<'_>,
) {
    let (mut names, mut tokens) = (HashSet::new(), HashSet::new());
    for (table, entry) in tables.iter().zip(entries) {
        let AnalystTable { name, token_file } = table.get_ref();
        let entry = entry.as_ref();
        repeated(name, entry.map(|e| &e.name), &mut names, "name", problems);
        repeated(token_file, entry.map(|e| e.token.expose()), &mut tokens, "token", problems);
    }
}

/// Two nodes with one id or one secret could pass for each other.
fn nodes_differ(
    tables: &[Spanned<NodeTable>],
    entries: &[Option<NodeEntry>],
    problems: &mut Problems<'_>,
) {
    let (mut ids, mut secrets) = (HashSet::new(), HashSet::new());
    for (table, entry) in tables.iter().zip(entries) {
        let NodeTable { id, secret_file, .. } = table.get_ref();
        let entry = entry.as_ref();
        repeated(id, entry.map(|e| &e.id), &mut ids, "id", problems);
        repeated(secret_file, entry.map(|e| e.secret.expose()), &mut secrets, "secret", problems);
    }
}

/// An analyst who has a node's secret for a token could pass for the node.
fn secrets_are_no_tokens(
    tables: &[Spanned<NodeTable>],
    nodes: &[Option<NodeEntry>],
    analysts: &[Option<AnalystEntry>],
    problems: &mut Problems<'_>,
) {
    let tokens: HashSet<&str> = analysts.iter().flatten().map(|a| a.token.expose()).collect();
    for (table, node) in tables.iter().zip(nodes) {
        if let (Some(at), Some(node)) = (&table.get_ref().secret_file, node)
            && tokens.contains(node.secret.expose())
        {
            let fix = "give each node a secret that no analyst has";
            problems.report(at.span(), "the secret is an analyst's token", fix);
        }
    }
}

fn repeated<T: Hash + Eq>(
    at: &At<String>,
    value: Option<T>,
    seen: &mut HashSet<T>,
    key: &str,
    problems: &mut Problems<'_>,
) {
    if let (Some(at), Some(value)) = (at, value)
        && !seen.insert(value)
    {
        problems.report(
            at.span(),
            format!("the same {key} was given above"),
            format!("give each its own {key}"),
        );
    }
}
