//! What goes to standard output, and how: a table, JSON or YAML; with colour or without; through a pager or not.

pub(crate) mod fields;
pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod message;
mod pager;
pub(crate) mod style;
pub(crate) mod table;

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use crate::failure::Failure;
use line::Line;
use message::Named;
use pager::Pager;

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's answer as JSON.
    Json,
    /// The API's answer as YAML.
    Yaml,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How wide a view may be, and which time it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Columns of the terminal; none: no limit.
    pub(crate) width: Option<usize>,
    /// Time that ages count to.
    pub(crate) now: Timestamp,
}

/// Where the data goes.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) colour: Colour,
    pub(crate) quiet: bool,
    pub(crate) pager: bool,
}

impl Output {
    /// True if a person looks at standard output right now.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Columns and rows of the terminal, if there is one.
    pub(crate) fn size(&self) -> Option<(usize, usize)> {
        let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
        Some((usize::from(width.0), usize::from(height.0)))
    }

    pub(crate) fn view(&self, now: Timestamp) -> View {
        View {
            width: self.size().map(|(width, _)| width),
            now,
        }
    }

    /// Shows an answer: as a view made for people, or the message itself.
    pub(crate) fn show<M: Named>(
        &self,
        message: &M,
        view: impl FnOnce() -> Vec<Line>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.lines(&view()),
            Format::Json | Format::Yaml => self.message(message),
        }
    }

    /// Reports a change: in one line, its short name alone if quiet, or the message itself.
    pub(crate) fn changed<M: Named>(
        &self,
        message: &M,
        short: &str,
        line: impl FnOnce() -> Line,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table if self.quiet => self.lines(&[Line::text(short)]),
            Format::Table => self.lines(&[line()]),
            Format::Json | Format::Yaml => self.message(message),
        }
    }

    /// Writes lines; more than fit on the screen through the pager.
    pub(crate) fn lines(&self, lines: &[Line]) -> Result<(), Failure> {
        let mut writer = self.writer(!self.fits(lines.len()));
        writer.lines(lines)?;
        writer.finish()
    }

    /// True if so many lines fit on the screen; false if there is none.
    pub(crate) fn fits(&self, lines: usize) -> bool {
        self.size().is_some_and(|(_, height)| lines < height)
    }

    fn message<M: Named>(&self, message: &M) -> Result<(), Failure> {
        let text = match self.format {
            Format::Yaml => message::yaml(message)?,
            Format::Table | Format::Json => message::json(message)?,
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Writes one message of a stream: a line of JSON, or a document of YAML.
    pub(crate) fn stream_message<M: Named>(&self, message: &M) -> Result<(), Failure> {
        let text = match self.format {
            Format::Yaml => format!("---\n{}", message::yaml(message)?),
            Format::Table | Format::Json => message::json_line(message)?,
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Shows what is not a message of the API, such as the configuration, as JSON or YAML.
    pub(crate) fn value<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let text = match self.format {
            Format::Yaml => serde_yaml_ng::to_string(value).map_err(io::Error::other)?,
            Format::Table | Format::Json => {
                serde_json::to_string_pretty(value).map_err(io::Error::other)? + "\n"
            }
        };
        self.text(&text)
    }

    /// Writes a text as it is, such as a document.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Where lines go: to the pager, if they are many and that is wanted and possible, or to standard output.
    pub(crate) fn writer(&self, many: bool) -> Writer {
        let pager = (many && self.pager && self.is_terminal())
            .then(Pager::start)
            .flatten();
        Writer {
            // Asked of the terminal, not of the pipe to the pager.
            coloured: self.coloured(&io::stdout()),
            pager,
        }
    }

    /// True if what goes to `stream` is coloured.
    pub(crate) fn coloured<S: RawStream>(&self, stream: &S) -> bool {
        match self.colour {
            Colour::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            Colour::Always => true,
            Colour::Never => false,
        }
    }

    /// Tells something that is not data.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.format == Format::Table {
            self.tell(&Line::styled(style::DIM, text));
        }
    }

    /// Warns; also when quiet.
    pub(crate) fn warning(&self, text: &str) {
        self.tell(&Line::styled(style::YELLOW, &format!("warning: {text}")));
    }

    /// Writes a line to standard error.
    pub(crate) fn tell(&self, line: &Line) {
        eprintln!("{}", line.render(self.coloured(&io::stderr())));
    }
}

/// A writer of lines.
#[derive(Debug)]
pub(crate) struct Writer {
    coloured: bool,
    pager: Option<Pager>,
}

impl Writer {
    /// Writes lines.
    pub(crate) fn lines(&mut self, lines: &[Line]) -> Result<(), Failure> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.render(self.coloured));
            text.push('\n');
        }
        match &mut self.pager {
            Some(pager) => pager.write_all(text.as_bytes())?,
            None => io::stdout().lock().write_all(text.as_bytes())?,
        }
        Ok(())
    }

    /// Waits until all is written, and read if there is a pager.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.pager {
            Some(pager) => drop(pager),
            None => io::stdout().lock().flush()?,
        }
        Ok(())
    }
}
