//! How the node meets the gateway.

use super::*;

#[test]
fn a_node_meets_the_gateway_one_way() {
    check(
        "[uplink]",
        "[listen]\naddress = \"127.0.0.1:0\"\nsecret_file = \"x\"\n[uplink]",
        &[
            "6:1: `[uplink]` and `[listen]` are both there; keep `[uplink]` if the node dials out, `[listen]` if the \
           gateway dials in",
        ],
    );
    check(
        "127.0.0.1:50060",
        "http://gateway.example:50060",
        &[
            "7:11: `http://gateway.example:50060` isn't the address of a gateway; write host and port, without \
           `http://`, such as `gateway.example:50060`",
        ],
    );
    check(
        "secret_file = \"secrets/leeds.secret\"\n",
        "",
        &[
            "6:1: `secret_file` is missing; add the path of a file that holds the secret of this link; the gateway \
           has the same",
        ],
    );
}

#[test]
fn an_embedded_node_needs_no_link_but_one_that_runs_alone_does() {
    let without = FULL.replace(
        "[uplink]\ngateway = \"127.0.0.1:50060\"\nsecret_file = \"secrets/leeds.secret\"\n",
        "",
    );
    assert!(parse(&without).unwrap().link.is_none());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    std::fs::write(&path, &without).unwrap();
    let errors = NodeConfig::load(&path).unwrap_err().to_string();
    assert!(
        errors.contains("node.toml: nothing says how to meet the gateway; add `[uplink]`"),
        "{errors}"
    );
    std::fs::write(&path, FULL.replace("memory_mib = 256", "data_folder = \"/srv\"")).unwrap();
    let config = NodeConfig::load(&path).unwrap();
    assert_eq!(config.data_folder, Path::new("/srv"));
    assert_eq!(config.link.unwrap().secret_file(), dir.path().join("secrets/leeds.secret"));
    let errors = NodeConfig::load(&dir.path().join("none.toml")).unwrap_err().to_string();
    assert!(errors.contains("none.toml: can't be read"), "{errors}");
}

#[test]
fn without_a_word_on_tls_a_node_dials_this_machine_only() {
    check(
        "127.0.0.1:50060",
        "gateway.example:50060",
        &[
            "7:11: `gateway.example:50060` is reached over a network, and the node speaks without TLS; dial a \
             tunnel or proxy on 127.0.0.1; or if a proxy there speaks TLS to the gateway, say so: `transport = \
             \"behind-tls-proxy\"`",
        ],
    );
    check("127.0.0.1:50060", "localhost:50060", &[]);
    check(
        "gateway = \"127.0.0.1:50060\"",
        "gateway = \"10.0.0.5:50060\"\ntransport = \"behind-tls-proxy\"",
        &[],
    );
    check(
        "[uplink]\n",
        "[uplink]\ntransport = \"tls\"\n",
        &["7:13: `tls` isn't known as `transport`; write one of `loopback`, `behind-tls-proxy`"],
    );
}

#[test]
fn without_a_word_on_tls_a_node_listens_on_this_machine_only() {
    let uplink = "[uplink]\ngateway = \"127.0.0.1:50060\"\n";
    check(uplink, "[listen]\naddress = \"[::1]:50070\"\n", &[]);
    check(
        uplink,
        "[listen]\naddress = \"0.0.0.0:50070\"\n",
        &[
            "7:11: `0.0.0.0:50070` can be reached from other machines, and the node speaks without TLS; listen \
             on 127.0.0.1; or end TLS in front of the node and say so: `transport = \"behind-tls-proxy\"`",
        ],
    );
    check(uplink, "[listen]\naddress = \"0.0.0.0:50070\"\ntransport = \"behind-tls-proxy\"\n", &[]);
}
