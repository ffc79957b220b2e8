mod fuzz;

use std::{fs, time::Duration};

use super::{Config, DEFAULTS, Faults, LogFormat, Sources};

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn every_default_is_a_setting_and_the_reverse() {
    let printed: toml::Table = Config::default().to_toml().parse().unwrap();
    let documented: toml::Table = DEFAULTS.parse().unwrap();
    assert_eq!(
        printed.keys().collect::<Vec<_>>(),
        documented.keys().collect::<Vec<_>>()
    );
}

#[test]
fn what_config_prints_is_a_file_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echelond.toml");
    let mut sources = Sources::defaults();
    sources.add_flag("--set", "http_listen", "");
    sources.add_flag("--set", "request_retention", "36h");
    sources.add_flag("--set", "allowed_origins", "https://a.example.com,*");
    sources.add_flag("--set", "otlp_sample_ratio", "0.25");
    let config = sources.into_config().unwrap();
    fs::write(&path, config.to_toml()).unwrap();
    let mut again = Sources::defaults();
    again.add_file(&path).unwrap();
    assert_eq!(again.into_config().unwrap(), config);
}

#[test]
fn later_sources_replace_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echelond.toml");
    fs::write(
        &path,
        "listen = \"127.0.0.1:1\"\nbatch_size = 7\nlog_format = \"json\"\n",
    )
    .unwrap();
    let mut sources = Sources::defaults();
    sources.add_file(&path).unwrap();
    sources.add_environment(environment(&[
        ("ECHELON_LISTEN", "127.0.0.1:2"),
        ("ECHELON_BATCH_SIZE", "8"),
        ("ECHELON_OTLP_HEADERS", "a=1, b=2"),
        ("ECHELON_SERVICE_HOST", "belongs to Kubernetes"),
    ]));
    assert!(!sources.is_set("database"));
    sources.add_flag("--listen", "listen", "127.0.0.1:3");
    let config = sources.into_config().unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.batch_size, 8);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.otlp_headers["b"], "2");
    assert_eq!(config.worker_interval, Duration::from_millis(200));
}

#[test]
fn every_fault_is_named_with_its_origin_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echelond.toml");
    fs::write(&path, "quee_length = 1\nqueue_length = \"many\"\n").unwrap();
    let mut sources = Sources::defaults();
    sources.add_file(&path).unwrap();
    sources.add_environment(environment(&[
        ("ECHELON_WORKER_INTERVAL", "10s"),
        ("ECHELON_OTLP_SAMPLE_RATIO", "2"),
    ]));
    sources.add_flag("--database", "database", "mysql://e:s3cret@db/e");
    sources.add_flag("--listen", "listen", "here");
    sources.add_flag("--set", "tls_key", "key.pem");
    sources.add_flag("--set", "log_format", "xml");
    sources.add_flag("--set", "log_filter", "a=b=c");
    sources.add_flag("--set", "allowed_origins", "board.example.com");
    sources.add_flag("--set", "otlp_endpoint", "localhost");
    sources.add_flag("--set", "migrate_at_start", "perhaps");
    let Err(Faults::Settings(faults)) = sources.into_config() else {
        panic!("it must be refused");
    };
    let mut named: Vec<&str> = faults.iter().map(|fault| fault.setting.as_str()).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "allowed_origins",
            "database",
            "listen",
            "log_filter",
            "log_format",
            "migrate_at_start",
            "otlp_endpoint",
            "otlp_sample_ratio",
            "quee_length",
            "queue_length",
            "tls_certificate",
            "worker_interval",
        ]
    );
    let told = Faults::Settings(faults).to_string();
    assert!(told.contains("set by ECHELON_WORKER_INTERVAL"), "{told}");
    assert!(told.contains("set by --listen"), "{told}");
    assert!(told.contains("echelond.toml"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn secrets_are_not_shown() {
    let mut sources = Sources::defaults();
    sources.add_flag("--database", "database", "postgres://e:s3cret@db/e");
    sources.add_flag("--set", "otlp_headers", "authorization=s3cret");
    let config = sources.into_config().unwrap();
    assert!(!config.to_toml().contains("s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(config.to_toml().contains("postgres://e:***@db/e"));
    assert!(config.to_toml().contains("authorization"));
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echelond.toml");
    for make in [false, true] {
        if make {
            fs::write(&path, "listen = ").unwrap();
        }
        let fault = Sources::defaults().add_file(&path).unwrap_err();
        assert!(fault.to_string().contains("echelond.toml"), "{fault}");
    }
}
