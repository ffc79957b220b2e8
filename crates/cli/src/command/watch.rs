//! `echelon watch`: the roll-up on the wall.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::Args;
use echelon_client::{Update, v1};
use futures_util::StreamExt as _;
use tokio::time::{self, Instant, MissedTickBehavior};

use super::connection::Connection;
use crate::{
    failure::Failure,
    output::{Format, View, line::Line, style},
    session::Session,
    time::from_proto,
    view::rollup,
};

/// How often the screen is drawn without news: the terminal may have changed its size.
const REDRAW: Duration = Duration::from_secs(1);

/// Show the roll-up and keep it up to date
///
/// On a terminal the view is drawn in place; otherwise each view is printed below the last. Ends with Ctrl-C.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// The node; default: the root
    node: Option<String>,
}

impl Watch {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let node = session.node_or_root(self.node.as_deref()).await?;
        if session.output.format == Format::Table && session.output.is_terminal() {
            draw(session, node).await
        } else {
            print(session, node).await
        }
    }
}

/// Prints successive views.
async fn print(session: &Session, node: String) -> Result<(), Failure> {
    let mut connection = Connection::default();
    let mut updates = session.client.watch_rollup(node);
    let mut first = true;
    while let Some(update) = updates.next().await {
        match update? {
            Update::Message(rollup) if session.output.format == Format::Table => {
                let mut lines = rollup::lines(&rollup, &session.view());
                if !first {
                    lines.insert(0, Line::new());
                }
                first = false;
                let mut writer = session.output.writer(false);
                writer.lines(&lines)?;
                writer.finish()?;
            }
            Update::Message(rollup) => session.output.stream_message(&rollup)?,
            Update::Lost { error, retry_in } => {
                connection.lost(&session.output, &error, retry_in);
            }
            Update::Resumed => connection.resumed(&session.output),
        }
    }
    Ok(())
}

/// Draws the view in place.
async fn draw(session: &Session, node: String) -> Result<(), Failure> {
    let mut updates = session.client.watch_rollup(node);
    let screen = Screen::enter(session.output.coloured(&io::stdout()))?;
    let mut ticks = time::interval(REDRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown: Option<Shown> = None;
    let mut trouble: Option<String> = None;
    let mut drawn = None;
    loop {
        tokio::select! {
            update = updates.next() => match update {
                None => return Ok(()),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Update::Message(rollup))) => shown = Some(Shown { rollup, since: Instant::now() }),
                Some(Ok(Update::Lost { error, .. })) => trouble = Some(error.to_string()),
                Some(Ok(Update::Resumed)) => trouble = None,
            },
            _ = ticks.tick() => {}
        }
        let size = session.output.size().unwrap_or((80, 24));
        let lines = frame(session, shown.as_ref(), trouble.as_deref(), size);
        // An unchanged screen is left alone, so that it can be selected and copied.
        let next = (size, lines);
        if drawn.as_ref() != Some(&next) {
            screen.draw(&next.1)?;
            drawn = Some(next);
        }
    }
}

/// What the screen shows.
struct Shown {
    rollup: v1::Rollup,
    since: Instant,
}

impl Shown {
    /// The view. Ages go on by our clock, counted from the server's time.
    fn lines(&self, view: &View) -> Vec<Line> {
        let as_of = self.rollup.as_of_time.as_ref().and_then(from_proto);
        let now = as_of.and_then(|as_of| as_of.checked_add(self.since.elapsed()).ok());
        rollup::lines_at(&self.rollup, now.unwrap_or(view.now), view)
    }
}

/// The view, cut to the screen; what is wrong stands in the last line.
fn frame(
    session: &Session,
    shown: Option<&Shown>,
    trouble: Option<&str>,
    (width, height): (usize, usize),
) -> Vec<Line> {
    let mut lines = match shown {
        Some(shown) => shown.lines(&session.view()),
        None => vec![Line::styled(style::DIM, "waiting for the first view")],
    };
    let footer = match trouble {
        Some(trouble) => Line::styled(
            style::ALARM,
            &format!("NOT UP TO DATE, trying again: {trouble}"),
        ),
        None => Line::styled(style::DIM, "up to date; Ctrl-C leaves"),
    };
    // An empty line and the footer.
    let room = height.saturating_sub(2);
    if lines.len() > room {
        let hidden = lines.len() - room.saturating_sub(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(Line::styled(style::DIM, &format!("… {hidden} more lines")));
    }
    lines.push(Line::new());
    lines.push(footer);
    lines.into_iter().map(|line| line.cut(width)).collect()
}

/// The terminal's other screen, until it is dropped.
struct Screen {
    coloured: bool,
}

impl Screen {
    /// Keeps what was there, clears, hides the cursor.
    fn enter(coloured: bool) -> io::Result<Self> {
        write_all("\x1b[?1049h\x1b[2J\x1b[?25l")?;
        Ok(Self { coloured })
    }

    /// Draws from the top without clearing first, which would flicker.
    fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let rows: Vec<String> = lines
            .iter()
            .map(|line| format!("{}\x1b[K", line.render(self.coloured)))
            .collect();
        write_all(&format!("\x1b[H{}\x1b[J", rows.join("\r\n")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Also when interrupted. If the terminal is gone, nobody misses its screen.
        if let Err(error) = write_all("\x1b[?25h\x1b[?1049l") {
            debug_assert_ne!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}

fn write_all(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
