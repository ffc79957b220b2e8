//! Settings from outside: whatever file, variable and flag say, there is a configuration or every fault is named.

use std::fs;

use echelon_fuzz::Target;

use super::super::Sources;

const CONFIGURATION: Target = Target {
    name: "configuration",
    words: &[
        "\0",
        "database",
        "listen",
        "tls_key",
        "allowed_origins",
        "request_timeout",
        "batch_size",
        "log_filter",
        "otlp_headers",
        "otlp_sample_ratio",
        " = ",
        "\"",
        "\"\"\"",
        "[",
        "]",
        "{",
        "}",
        "true",
        "nan",
        "inf",
        "1e400",
        "0x",
        "1979-05-27T07:32:00Z",
        "sqlite://",
        "postgres://u:p@h/",
        "[::1]:0",
        ":99999",
        "10s",
        "-1s",
        "584y",
        "info,x=",
        "=,=",
        "*",
        "https://a.example.com/",
    ],
    most_bytes: 8 * 1024,
};

#[test]
fn fuzz_settings_make_a_configuration_or_every_fault_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echelond.toml");
    // The file, then a variable and a flag, as NAME=VALUE, with a zero between them.
    CONFIGURATION.fuzz(|input| {
        let mut parts = input.splitn(3, |byte| *byte == 0);
        let mut next = || parts.next().unwrap_or_default();
        fs::write(&path, next()).unwrap();
        let mut pair = || {
            let text = String::from_utf8_lossy(next()).into_owned();
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            (name.to_owned(), value.to_owned())
        };
        let (variable, flag) = (pair(), pair());
        let mut sources = Sources::defaults();
        if let Err(faults) = sources.add_file(&path) {
            return faults.to_string();
        }
        sources.add_environment([(format!("ECHELON_{}", variable.0), variable.1)]);
        sources.add_flag("--set", &flag.0, &flag.1);
        match sources.into_config() {
            Ok(config) => {
                // What is accepted can be printed, and its secrets are blotted out.
                let printed = config.to_toml();
                assert!(printed.parse::<toml::Table>().is_ok(), "{printed}");
                String::new()
            }
            Err(faults) => {
                let message = faults.to_string();
                assert!(!message.trim().is_empty(), "a refusal says why");
                message
            }
        }
    });
}
