//! Reads typed values out of the sources and remembers every fault: a reading that fails gives a placeholder, and the
//! configuration with it is thrown away at the end.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use super::{Config, Faults, Sources, fault::Fault, redact};

const PLACEHOLDER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

pub(super) struct Reader<'a> {
    sources: &'a Sources,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            faults: sources.faults.clone(),
        }
    }

    pub(super) fn finish(self, config: Config) -> Result<Config, Faults> {
        if self.faults.is_empty() {
            Ok(config)
        } else {
            Err(Faults::Settings(self.faults))
        }
    }

    /// Remembers a fault of a setting, unless it has one already.
    pub(super) fn fault(&mut self, name: &str, message: &str) {
        if self.faults.iter().any(|fault| fault.setting == name) {
            return;
        }
        let (value, origin) = &self.sources.values[name];
        let value = match name {
            "database" => value
                .as_str()
                .map(|url| format!("{:?}", redact::redacted_url(url))),
            "otlp_headers" => None,
            _ => Some(value.to_string()),
        };
        self.faults.push(Fault {
            setting: name.to_owned(),
            value,
            origin: origin.clone(),
            message: message.to_owned(),
        });
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        match self.value(name).as_str() {
            Some(text) => text.trim().to_owned(),
            None => {
                self.fault(name, "is no text: put it in quotes");
                String::new()
            }
        }
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(super) fn optional_path(&mut self, name: &str) -> Option<PathBuf> {
        self.optional_text(name).map(PathBuf::from)
    }

    pub(super) fn address(&mut self, name: &str) -> SocketAddr {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| {
            self.fault(
                name,
                "is no address: write an IP address and a port, such as 127.0.0.1:7400 or [::]:7400",
            );
            PLACEHOLDER
        })
    }

    pub(super) fn optional_address(&mut self, name: &str) -> Option<SocketAddr> {
        self.optional_text(name).map(|_| self.address(name))
    }

    pub(super) fn boolean(&mut self, name: &str) -> bool {
        let value = self.value(name);
        let parsed = value.as_bool().or_else(|| value.as_str()?.parse().ok());
        parsed.unwrap_or_else(|| {
            self.fault(name, "is neither true nor false");
            false
        })
    }

    pub(super) fn integer<T>(&mut self, name: &str, min: u32, max: u32) -> T
    where
        T: TryFrom<u32> + Default,
    {
        let value = self.value(name);
        let number = value.as_integer().or_else(|| value.as_str()?.parse().ok());
        let parsed = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (min..=max).contains(number))
            .and_then(|number| T::try_from(number).ok());
        parsed.unwrap_or_else(|| {
            self.fault(name, &format!("is no number from {min} to {max}"));
            T::default()
        })
    }

    pub(super) fn ratio(&mut self, name: &str) -> f64 {
        let value = self.value(name);
        let number = match value {
            toml::Value::Float(number) => Some(*number),
            toml::Value::Integer(0) => Some(0.0),
            toml::Value::Integer(1) => Some(1.0),
            other => other.as_str().and_then(|text| f64::from_str(text).ok()),
        };
        number
            .filter(|number| (0.0..=1.0).contains(number))
            .unwrap_or_else(|| {
                self.fault(name, "is no number from 0 to 1");
                0.0
            })
    }

    pub(super) fn span(&mut self, name: &str, min: Duration, max: Duration) -> Duration {
        let text = self.value(name).as_str();
        let span = text.and_then(|text| humantime::parse_duration(text.trim()).ok());
        span.filter(|span| (min..=max).contains(span))
            .unwrap_or_else(|| {
                let message = format!(
                    "is no span from {} to {}: write one such as \"200ms\", \"10s\", \"5m\" or \"7d\"",
                    humantime::format_duration(min),
                    humantime::format_duration(max)
                );
                self.fault(name, &message);
                Duration::ZERO
            })
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name);
        let chosen = choices.iter().find(|(choice, _)| *choice == text);
        if chosen.is_none() {
            let known: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            self.fault(name, &format!("is none of {}", known.join(", ")));
        }
        chosen.map(|(_, value)| *value)
    }

    /// A list of texts; as one text, they are separated by commas.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let texts = match self.value(name) {
            toml::Value::String(text) => Some(parts(text).map(str::to_owned).collect()),
            toml::Value::Array(values) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        texts.unwrap_or_else(|| {
            self.fault(
                name,
                "is no list of texts: write one such as [\"…\", \"…\"]",
            );
            Vec::new()
        })
    }

    /// A table of HTTP headers; as one text, `name=value` separated by commas.
    pub(super) fn headers(&mut self, name: &str) -> BTreeMap<String, String> {
        let headers: Option<BTreeMap<String, String>> = match self.value(name) {
            toml::Value::String(text) => parts(text)
                .map(|part| part.split_once('='))
                .map(|pair| {
                    pair.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
                })
                .collect(),
            toml::Value::Table(table) => table
                .iter()
                .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            _ => None,
        };
        let valid = headers.filter(|headers| {
            headers.iter().all(|(key, value)| {
                http::HeaderName::from_str(key).is_ok()
                    && http::HeaderValue::from_str(value).is_ok()
            })
        });
        valid.unwrap_or_else(|| {
            self.fault(
                name,
                "is no table of HTTP headers: write { NAME = \"VALUE\" }, or NAME=VALUE,… in the environment",
            );
            BTreeMap::new()
        })
    }

    fn value(&self, name: &str) -> &'a toml::Value {
        // A name that is not in config.default.toml is a fault of this program: the test of the defaults finds it.
        &self.sources.values[name].0
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}
