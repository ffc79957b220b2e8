//! Where settings come from. Later sources replace earlier ones, setting by setting.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Config, DEFAULTS, Faults,
    fault::{Fault, Origin},
};

/// Prefix of the variables of the environment.
const PREFIX: &str = "ECHELON_";

/// Settings as they were given, not yet checked.
#[derive(Clone, Debug)]
pub struct Sources {
    pub(super) values: BTreeMap<String, (toml::Value, Origin)>,
    pub(super) faults: Vec<Fault>,
}

impl Sources {
    /// The defaults: every setting there is.
    #[must_use]
    pub fn defaults() -> Self {
        let table: toml::Table = DEFAULTS
            .parse()
            .expect("config.default.toml is TOML: a test loads it");
        let values = table
            .into_iter()
            .map(|(name, value)| (name, (value, Origin::Default)))
            .collect();
        Self {
            values,
            faults: Vec::new(),
        }
    }

    /// Adds a file. Errors: [`Faults::File`].
    pub fn add_file(&mut self, path: &Path) -> Result<(), Faults> {
        let fault = |message: String| Faults::File {
            path: path.to_owned(),
            message,
        };
        let text = fs::read_to_string(path)
            .map_err(|error| fault(format!("{error}: check --config and ECHELON_CONFIG")))?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| fault(error.to_string().trim_end().to_owned()))?;
        for (name, value) in table {
            self.put(&name, value, Origin::File(PathBuf::from(path)));
        }
        Ok(())
    }

    /// Adds the variables that name a setting. Others are left alone: the command line, and Kubernetes, use the same
    /// prefix.
    pub fn add_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            if self.values.contains_key(&name) {
                self.put(&name, value.into(), Origin::Variable(variable));
            }
        }
    }

    /// Adds the value that a flag gives to a setting.
    pub fn add_flag(&mut self, flag: &str, name: &str, value: &str) {
        self.put(name, value.into(), Origin::Flag(flag.to_owned()));
    }

    /// True if somebody chose the setting's value.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|(_, origin)| *origin != Origin::Default)
    }

    /// The checked configuration. Errors: [`Faults::Settings`] with every fault.
    pub fn into_config(self) -> Result<Config, Faults> {
        Config::read(&self)
    }

    fn put(&mut self, name: &str, value: toml::Value, origin: Origin) {
        if let Some(setting) = self.values.get_mut(name) {
            *setting = (value, origin);
            return;
        }
        let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
        self.faults.push(Fault {
            setting: name.to_owned(),
            value: None,
            origin,
            message: format!("does not exist: known are {}", known.join(", ")),
        });
    }
}
