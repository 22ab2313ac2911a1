//! Configurations that hold, and every error in those that don't.

use std::path::{Path, PathBuf};

use super::*;

/// A folder of secrets that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir()
            .join(format!("insitu-gateway-config-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn secret(&self, name: &str, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let file = self.0.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn parse(&self, text: &str) -> Result<GatewayConfig, ConfigErrors> {
        GatewayConfig::parse(text, &self.0.join("gateway.toml"))
    }

    /// The errors of a text, each without the folder.
    fn errors(&self, text: &str) -> Vec<String> {
        let errors = self.parse(text).unwrap_err();
        errors
            .iter()
            .map(|e| e.to_string().replace(&format!("{}/", self.0.display()), ""))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const GOOD: &str = r#"
[gateway]
listen = "127.0.0.1:50051"
nodes_listen = "127.0.0.1:50060"
memory_mib = 64

[[analyst]]
name = "ana"
token_file = "ana.token"

[[node]]
id = "leeds-1"
department = "Leeds City Council"
secret_file = "leeds.secret"
datasets = ["councils.council_tax"]

[[node]]
id = "bradford-1"
department = "City of Bradford"
secret_file = "bradford.secret"
datasets = ["councils.council_tax", "councils.bins"]
address = "127.0.0.1:50070"
"#;

fn with_secrets(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder.secret("ana.token", "ana's-own-token-of-20\n", 0o600);
    folder.secret("leeds.secret", "secret-of-leeds-0123456789", 0o600);
    folder.secret("bradford.secret", "secret-of-bradford-0123456789", 0o640);
    folder
}

#[test]
fn reads_a_whole_configuration() {
    let config = with_secrets("whole").parse(GOOD).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(
        (config.memory_mib, config.query_seconds_max, config.statements_running_max),
        (64, 60, 16)
    );
    assert_eq!((config.statements_waiting_max, config.result_cache_mib), (32, 64));
    assert_eq!(config.transport, Transport::Loopback);
    assert_eq!(config.analysts[0].token.expose(), "ana's-own-token-of-20");
    assert_eq!(config.nodes[0].address, None);
    assert_eq!(config.nodes[1].address.as_deref(), Some("127.0.0.1:50070"));
    assert_eq!(config.nodes[1].datasets.len(), 2);
    assert!(!format!("{config:?}").contains("secret-of"), "secrets aren't shown");
}

#[test]
fn a_folder_in_the_place_of_a_secret_is_told_as_such() {
    let folder = with_secrets("folder");
    let errors = folder.errors(&GOOD.replace("\"leeds.secret\"", "\".\""));
    assert!(errors[0].contains("is a folder; give the path of the file in it"), "{errors:?}");
}

#[test]
fn reports_everything_at_once_with_line_and_fix() {
    let folder = with_secrets("everything");
    folder.secret("short.secret", "short", 0o600);
    folder.secret("open.token", "token-that-all-may-read", 0o644);
    let errors = folder.errors(
        r#"[gateway]
listen = "0.0.0.0:50051"
memory_mib = 1
[[analyst]]
name = "Ana"
token_file = "open.token"
[[node]]
id = "leeds-1"
department = " "
secret_file = "short.secret"
datasets = ["council_tax"]
[[node]]
id = "leeds-2"
department = "Leeds"
secret_file = "missing.secret"
datasets = []
address = "http://leeds"
"#,
    );
    let expected = [
        "gateway.toml:1:1: `nodes_listen` is missing; add where to listen",
        "gateway.toml:2:10: `0.0.0.0:50051` can be reached from other machines",
        "gateway.toml:3:14: `memory_mib` is 1; write a number from 16",
        "gateway.toml:5:8: `name` is `Ana`; write lower-case",
        "gateway.toml:6:14: secret file open.token may be used by everybody on this machine, or written by its group; run `chmod 600",
        "gateway.toml:9:14: `department` is empty; add the department's name",
        "gateway.toml:10:15: secret file short.secret holds 5 characters; write 16",
        "gateway.toml:11:13: `council_tax` isn't the name of a dataset; write `schema.table`",
        "gateway.toml:15:15: secret file missing.secret can't be read: ",
        "gateway.toml:16:12: `datasets` is empty; add what",
        "gateway.toml:17:11: `http://leeds` isn't the address of a node; write host and port",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn tls_in_front_of_the_gateway_must_be_said() {
    let folder = with_secrets("tls");
    let open = GOOD.replace("127.0.0.1:50051", "0.0.0.0:50051");
    assert!(folder.errors(&open)[0].contains("transport = \"behind-tls-proxy\""));
    let said = open.replace("memory_mib = 64", "transport = \"behind-tls-proxy\"");
    assert_eq!(folder.parse(&said).unwrap().transport, Transport::BehindTlsProxy);
}

#[test]
fn a_node_is_dialled_over_a_network_only_where_tls_is_said() {
    let folder = with_secrets("dialled");
    let far = GOOD.replace("127.0.0.1:50070", "10.0.0.5:50070");
    let errors = folder.errors(&far);
    let expected = "gateway.toml:22:11: `10.0.0.5:50070` is reached over a network, and the gateway speaks without \
                    TLS; name a tunnel or proxy on 127.0.0.1";
    assert!(errors[0].starts_with(expected), "{errors:?}");
    assert!(folder.parse(&GOOD.replace("127.0.0.1:50070", "localhost:50070")).is_ok());
    let said = far.replace("memory_mib = 64", "transport = \"behind-tls-proxy\"");
    assert!(folder.parse(&said).is_ok());
}

#[test]
fn the_name_of_a_department_is_a_few_words_on_one_line() {
    let folder = with_secrets("department");
    for (name, problem) in [
        ("Leeds\\u001b[2J", "has a line break or control character"),
        ("Leeds\\nBradford", "has a line break or control character"),
        ("long ".repeat(300).as_str(), "is very long"),
    ] {
        let text = GOOD.replacen(
            "department = \"Leeds City Council\"",
            &format!("department = \"{name}\""),
            1,
        );
        assert_ne!(text, GOOD);
        let errors = folder.errors(&text);
        assert!(errors[0].contains(problem), "{errors:?}");
    }
}

#[test]
fn nobody_can_pass_for_another() {
    let folder = with_secrets("pass");
    let shared = GOOD.replace("bradford.secret", "leeds.secret").replace("bradford-1", "leeds-1");
    let errors = folder.errors(&shared);
    assert!(errors[0].contains(":18:6: the same id was given above"), "{errors:?}");
    assert!(errors[1].contains("the same secret was given above"), "{errors:?}");
    assert!(!errors[1].contains("secret-of"), "{errors:?}");
}

#[test]
fn misspelt_keys_and_wrong_types_are_explained() {
    let folder = with_secrets("misspelt");
    for (from, to, expect) in [
        ("memory_mib", "memory_mb", "did you mean `memory_mib`?"),
        ("= 64", "= \"64\"", "expected a whole number"),
        ("[[analyst]]", "[analyst]", "two brackets"),
        ("[gateway]", "[gateway", "gateway.toml:2:9: "),
    ] {
        let errors = folder.errors(&GOOD.replace(from, to));
        assert!(errors[0].contains(expect), "{errors:?}");
    }
    assert!(
        GatewayConfig::load(Path::new("/no/such.toml"))
            .unwrap_err()
            .to_string()
            .contains("can't be read")
    );
    assert_eq!(folder.errors("").len(), 3);
}

#[test]
fn a_folder_to_spill_to_has_room() {
    let folder = with_secrets("spill");
    let with = |lines: &str| GOOD.replace("memory_mib = 64", lines);
    assert_eq!(folder.parse(GOOD).unwrap().spill, None);
    let spill = folder.parse(&with("spill_folder = \"spill\"")).unwrap().spill.unwrap();
    assert_eq!((spill.folder, spill.mib), (folder.0.join("spill"), 4_096));
    let spill =
        folder.parse(&with("spill_folder = \"/spill\"\nspill_mib = 64")).unwrap().spill.unwrap();
    assert_eq!((spill.folder, spill.mib), ("/spill".into(), 64));
    assert_eq!(
        folder.errors(&with("spill_mib = 64")),
        [
            "gateway.toml:5:13: `spill_mib` is there without `spill_folder`; add the folder, such as \
          `spill_folder = \"/var/tmp/insitu\"`"
        ]
    );
}
