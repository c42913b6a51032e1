//! Splits a query into its tokens.

use super::{Comparison, invalid};
use crate::refusal::Refusal;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Colon,
    Compare(Comparison),
    Word(String),
    Quoted(String),
    Phrase(String),
}

pub(super) fn lex(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ':' => (Token::Colon, 1),
            '|' => return Err(invalid("the emulator has no analysis, only search")),
            '>' if rest.starts_with(">=") => (Token::Compare(Comparison::GreaterOrEqual), 2),
            '<' if rest.starts_with("<=") => (Token::Compare(Comparison::LessOrEqual), 2),
            '>' => (Token::Compare(Comparison::Greater), 1),
            '<' => (Token::Compare(Comparison::Less), 1),
            '=' => (Token::Compare(Comparison::Equal), 1),
            '"' => {
                let (text, length) = quoted(rest)?;
                (Token::Quoted(text), length)
            }
            '#' if rest.starts_with("#\"") => {
                let (text, length) = quoted(&rest[1..])?;
                (Token::Phrase(text), length + 1)
            }
            _ => {
                let length = word_length(rest);
                (keyword_or_word(&rest[..length]), length)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The text between quotes, with `\` before what is meant literally, and the length of all of it.
fn quoted(rest: &str) -> Result<(String, usize), Refusal> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((text, at + 1)),
            '\\' => text.extend(chars.next().map(|(_, literal)| literal)),
            _ => text.push(char),
        }
    }
    Err(invalid("missing quote"))
}

/// The name of a tag holds a colon of its own.
fn word_length(rest: &str) -> usize {
    const TAG: &str = "__tag__:";
    let from = if rest.starts_with(TAG) { TAG.len() } else { 0 };
    let end = rest[from..].find(|c: char| c.is_whitespace() || "():<>=|\"".contains(c));
    end.map_or(rest.len(), |end| from + end).max(1)
}

fn keyword_or_word(word: &str) -> Token {
    match word.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Word(word.to_owned()),
    }
}
