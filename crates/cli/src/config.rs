//! The configuration file: named contexts, one of them in use.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Name of the context in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// Contexts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// Where to call, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Addresses of servers, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// Id of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
    /// Who calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    /// Environment variable that holds the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_env: Option<String>,
    /// File that holds the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

impl Config {
    /// Where the file is: `$ECHELON_CLI_CONFIG`, or `echelon/config.toml` where the system keeps configuration.
    pub(crate) fn path() -> Result<PathBuf, Failure> {
        if let Some(path) = set("ECHELON_CLI_CONFIG") {
            return Ok(path.into());
        }
        let directory = set("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            // The specification says to ignore a relative one.
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
        match directory {
            Some(directory) => Ok(directory.join("echelon/config.toml")),
            None => Err(Failure::usage(
                "there is no place for the configuration file: set ECHELON_CLI_CONFIG or HOME",
            )),
        }
    }

    /// Reads the file; without one, nothing is configured.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => {
                return Err(Failure::File {
                    verb: "read",
                    path: path.to_owned(),
                    cause,
                });
            }
        };
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| {
                1 + text
                    .bytes()
                    .take(span.start)
                    .filter(|byte| *byte == b'\n')
                    .count()
            });
            let place = line.map_or(String::new(), |line| format!(" at line {line}"));
            Failure::document(
                path.display().to_string(),
                format!("{}{place}", error.message()),
            )
        })
    }

    /// Writes the file: whole or not at all, and only for its owner.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        self.write(path).map_err(|cause| Failure::File {
            verb: "write",
            path: path.to_owned(),
            cause,
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // A link to the file stays one: people keep their configuration in repositories.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let draft = path.with_extension(format!("toml.{}", std::process::id()));
        let written = write_draft(&draft, &text).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            // The first error is the one to tell.
            drop(fs::remove_file(&draft));
        }
        written
    }

    /// The context to use: the one asked for, or the current one, or an empty one.
    pub(crate) fn context(&self, asked: Option<&str>) -> Result<Context, Failure> {
        let Some(name) = asked.or(self.current.as_deref()) else {
            return Ok(Context::default());
        };
        self.named(name).cloned()
    }

    /// The context with this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Context, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            Failure::Usage {
                message: format!("there is no context `{name}`"),
                hint: Some(match known.as_slice() {
                    [] => format!(
                        "echelon context set {name} --address URL --organization ID makes it"
                    ),
                    _ => format!("one of: {}", known.join(", ")),
                }),
            }
        })
    }
}

impl Context {
    /// The bearer token, from where the context says it is.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        if let Some(variable) = &self.token_env {
            return match set(variable) {
                Some(token) => Ok(Some(token)),
                None => Err(Failure::Usage {
                    message: format!("the token should be in {variable}, which is not set"),
                    hint: Some(format!(
                        "export {variable}=…, or name another place with echelon context set"
                    )),
                }),
            };
        }
        if let Some(path) = &self.token_file {
            let token = fs::read_to_string(path).map_err(|cause| Failure::File {
                verb: "read the token in",
                path: path.clone(),
                cause,
            })?;
            return Ok(Some(token.trim().to_owned()));
        }
        Ok(set("ECHELON_TOKEN"))
    }
}

/// A variable of the environment that is set and not empty.
pub(crate) fn set(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

fn write_draft(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            current: Some("demo".to_owned()),
            contexts: BTreeMap::from([
                (
                    "demo".to_owned(),
                    Context {
                        address: Some("http://127.0.0.1:7400".to_owned()),
                        organization: Some("acme".to_owned()),
                        ..Context::default()
                    },
                ),
                (
                    "work".to_owned(),
                    Context {
                        address: Some("https://echelon.example.com".to_owned()),
                        actor: Some("rte@example.com".to_owned()),
                        token_env: Some("WORK_TOKEN".to_owned()),
                        ..Context::default()
                    },
                ),
            ]),
        }
    }

    #[test]
    fn a_file_comes_back_as_it_was_saved() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/config.toml");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        config().save(&path).unwrap();
        config().save(&path).unwrap();
        assert_eq!(Config::load(&path).unwrap(), config());
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft stays behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, "").unwrap();
        config().save(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_file_stays_linked() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (
            directory.path().join("real.toml"),
            directory.path().join("config.toml"),
        );
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        config().save(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(Config::load(&real).unwrap(), config());
    }

    #[test]
    fn a_faulty_file_says_where() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(
            &path,
            "current = \"demo\"\n[contexts.demo]\nadress = \"x\"\n",
        )
        .unwrap();
        let message = Config::load(&path).unwrap_err().to_string();
        assert!(message.contains("unknown field `adress`"), "{message}");
        assert!(message.ends_with("at line 3"), "{message}");
    }

    #[test]
    fn an_unknown_context_lists_the_known_ones() {
        let failure = config().context(Some("prod")).unwrap_err();
        assert_eq!(
            failure.lines().unwrap(),
            [
                "error: there is no context `prod`",
                "try: one of: demo, work"
            ]
        );
        assert_eq!(
            config().context(None).unwrap().organization.as_deref(),
            Some("acme")
        );
        assert_eq!(Config::default().context(None).unwrap(), Context::default());
    }
}
