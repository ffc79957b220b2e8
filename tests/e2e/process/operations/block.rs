//! The blocks of code of a document, and the commands in its sentences.

/// Words that begin a command and are none.
const WORDS: [&str; 11] = [
    "do", "done", "else", "fi", "for", "if", "then", "until", "while", "!", "{",
];
/// What a shell does by itself.
const BUILT_IN: [&str; 8] = [
    "cd", "echo", "exit", "export", "set", "test", "trap", "wait",
];

/// A block of code.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The line of its fence, from 1.
    pub(super) line: usize,
    /// The language that its fence names.
    pub(super) language: &'a str,
    /// Its text.
    pub(super) text: String,
}

/// The blocks of a document.
pub(super) fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (line, text) in (1..).zip(document.lines()) {
        let fence = text.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(info), None) => {
                let language = info.split_whitespace().next().unwrap_or_default();
                open = Some(Block {
                    line,
                    language,
                    text: String::new(),
                });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(text);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end: {open:?}");
    blocks
}

/// What stands in single backticks outside of blocks.
pub(super) fn inline(document: &str) -> Vec<&str> {
    let mut fenced = false;
    let lines = document.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// A command with what belongs to it: lines that go on, and documents within.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Step {
    /// Its text, as it stands in the block.
    pub(super) text: String,
    /// The programs that it calls, in their order, without what a shell does by itself.
    pub(super) programs: Vec<String>,
}

impl Block<'_> {
    /// Its commands. This is no parser of a shell, and knows what the document uses.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut text = String::new();
        let mut code = String::new();
        let mut ends: Option<String> = None;
        for line in self.text.lines() {
            text.push_str(line);
            text.push('\n');
            if let Some(end) = &ends {
                if line.trim() != end {
                    continue;
                }
                ends = None;
            } else {
                code.push_str(without_comment(line));
                if code.ends_with('\\') {
                    code.pop();
                    continue;
                }
                if let Some((_, end)) = line.split_once("<<") {
                    let end = end.trim_start_matches('-').split_whitespace().next();
                    ends = end.map(|end| end.trim_matches(['\'', '"']).to_owned());
                    continue;
                }
            }
            let code = std::mem::take(&mut code);
            steps.push(Step {
                text: std::mem::take(&mut text),
                programs: split(&code)
                    .iter()
                    .filter_map(|part| program(part))
                    .collect(),
            });
        }
        assert!(text.is_empty(), "a command does not end: {text}");
        steps
    }
}

/// A line up to its comment.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let code = line.split_once(" #").map_or(line, |(code, _)| code);
    code.trim_end()
}

/// The program that a command calls; none if the shell does it by itself.
fn program(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    let mut program = words.next()?;
    while WORDS.contains(&program) || is_assignment(program) {
        // A loop begins with the name of its variable.
        if program == "for" {
            return None;
        }
        program = words.next()?;
    }
    (!BUILT_IN.contains(&program)).then(|| program.to_owned())
}

/// The commands of a line: parts between `|`, `&` and `;` that are not quoted.
fn split(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for at in line.chars() {
        match (at, quote) {
            ('\'' | '"', None) => quote = Some(at),
            (_, Some(open)) if at == open => quote = None,
            ('|' | '&' | ';', None) => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(at);
        }
    }
    parts
}

/// Whether a word sets a variable.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .chars()
                .all(|at| at.is_ascii_alphanumeric() || at == '_')
    })
}
