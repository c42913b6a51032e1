//! The search half of the query language: words, `key: value`, `and`, `or`, `not`, brackets, `*` at the end of a word,
//! comparisons of numbers and `#"phrases"`. Case does not matter.
//!
//! ```text
//! any  = all ("or" all)*     all = one (["and"] one)*     one = ["not"] ("(" any ")" | term)
//! term = "*" | word | key ":" word | key (">" | ">=" | "<" | "<=" | "=") number
//! ```

mod lexer;

use lexer::{Token, lex};

use crate::refusal::Refusal;

/// A query that any event either matches or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    Everything,
    Any(Vec<Query>),
    All(Vec<Query>),
    Not(Box<Query>),
    /// In the field of this name, or in any.
    Text(Option<String>, Text),
    Number(String, Comparison, f64),
}

/// What a value must contain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    /// Anything, if only the field is there.
    Anything,
    /// All of these words, in lower case.
    Words(Vec<String>),
    /// A word that starts so, in lower case.
    Prefix(String),
    /// Exactly this run of characters, in lower case.
    Phrase(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Query {
    /// Reads a query; an empty one matches everything.
    ///
    /// # Errors
    /// If brackets or operators do not fit together, or there is an analysis after `|`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut tokens = Parser { rest: lex(text)?.into_iter().peekable() };
        if tokens.rest.peek().is_none() {
            return Ok(Self::Everything);
        }
        let query = tokens.any()?;
        match tokens.rest.next() {
            None => Ok(query),
            Some(_) => Err(invalid("unexpected bracket")),
        }
    }

    /// Whether an event with these fields matches; tags, topic and source count as fields.
    pub(crate) fn matches(&self, fields: &[(String, String)]) -> bool {
        match self {
            Self::Everything => true,
            Self::Any(parts) => parts.iter().any(|part| part.matches(fields)),
            Self::All(parts) => parts.iter().all(|part| part.matches(fields)),
            Self::Not(part) => !part.matches(fields),
            Self::Text(key, text) => {
                let meant = |(name, _): &&(String, String)| key.as_ref().is_none_or(|key| key == name);
                match text {
                    Text::Words(words) => words.iter().all(|word| {
                        let word = Text::Words(vec![word.clone()]);
                        fields.iter().filter(meant).any(|(_, value)| word.is_in(value))
                    }),
                    text => fields.iter().filter(meant).any(|(_, value)| text.is_in(value)),
                }
            }
            Self::Number(key, comparison, number) => {
                let values = fields.iter().filter(|(name, _)| name == key).filter_map(|(_, value)| value.parse().ok());
                values.into_iter().any(|value: f64| comparison.holds(value, *number))
            }
        }
    }
}

impl Text {
    fn is_in(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        match self {
            Self::Anything => true,
            Self::Words(wanted) => wanted.iter().all(|wanted| words(&value).any(|word| word == wanted)),
            Self::Prefix(start) => words(&value).any(|word| word.starts_with(start.as_str())),
            Self::Phrase(phrase) => value.contains(phrase.as_str()),
        }
    }

    fn of_word(word: &str) -> Self {
        let word = word.to_lowercase();
        match word.strip_suffix('*') {
            Some("") => Self::Anything,
            Some(start) => Self::Prefix(start.to_owned()),
            None => Self::of_quoted(&word),
        }
    }

    fn of_quoted(text: &str) -> Self {
        Self::Words(words(&text.to_lowercase()).map(str::to_owned).collect())
    }
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Equal => value == bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Greater => value > bound,
        }
    }
}

struct Parser {
    rest: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn any(&mut self) -> Result<Query, Refusal> {
        let mut parts = vec![self.all()?];
        while self.rest.next_if_eq(&Token::Or).is_some() {
            parts.push(self.all()?);
        }
        Ok(only_or(parts, Query::Any))
    }

    fn all(&mut self) -> Result<Query, Refusal> {
        let mut parts = vec![self.one()?];
        while !matches!(self.rest.peek(), None | Some(Token::Or | Token::Close)) {
            _ = self.rest.next_if_eq(&Token::And);
            parts.push(self.one()?);
        }
        Ok(only_or(parts, Query::All))
    }

    fn one(&mut self) -> Result<Query, Refusal> {
        match self.rest.next().ok_or_else(|| invalid("unexpected end"))? {
            Token::Not => Ok(Query::Not(Box::new(self.one()?))),
            Token::Open => {
                let inner = self.any()?;
                self.rest.next_if_eq(&Token::Close).map(|_| inner).ok_or_else(|| invalid("missing bracket"))
            }
            Token::Word(word) if word == "*" => Ok(Query::Everything),
            Token::Word(word) => self.term(word, Text::of_word),
            Token::Quoted(text) => self.term(text, Text::of_quoted),
            Token::Phrase(phrase) => Ok(Query::Text(None, Text::Phrase(phrase.to_lowercase()))),
            token => Err(invalid(&format!("unexpected {token:?}"))),
        }
    }

    /// What was read is a key if an operator follows.
    fn term(&mut self, word: String, text: fn(&str) -> Text) -> Result<Query, Refusal> {
        if self.rest.next_if_eq(&Token::Colon).is_some() {
            let value = match self.rest.next() {
                Some(Token::Word(value)) => Text::of_word(&value),
                Some(Token::Quoted(value)) => Text::of_quoted(&value),
                Some(Token::Phrase(value)) => Text::Phrase(value.to_lowercase()),
                _ => return Err(invalid("missing value after a colon")),
            };
            return Ok(Query::Text(Some(word), value));
        }
        if let Some(Token::Compare(comparison)) = self.rest.next_if(|token| matches!(token, Token::Compare(_))) {
            let Some(Token::Word(number)) = self.rest.next() else { return Err(invalid("missing number")) };
            let number = number.parse().map_err(|_| invalid(&format!("{number} is not a number")))?;
            return Ok(Query::Number(word, comparison, number));
        }
        Ok(Query::Text(None, text(&word)))
    }
}

fn only_or(mut parts: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Query {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    const DELIMITERS: &str = ", '\";=()[]{}?@&<>/:\n\t\r";
    text.split(|c| DELIMITERS.contains(c)).filter(|word| !word.is_empty())
}

fn invalid(why: &str) -> Refusal {
    Refusal::invalid_parameter(format!("invalid query string: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[(&str, &str)] = &[
        ("content", "GET /index.html failed: Connection reset"),
        ("level", "ERROR"),
        ("status", "502"),
        ("__tag__:__path__", "/var/log/app.log"),
        ("__topic__", "web"),
    ];

    #[test]
    fn queries_match_as_the_service_does() {
        for (query, expected) in [
            ("", true),
            ("*", true),
            ("error", true),
            ("err", false),
            ("err*", true),
            ("error AND connection", true),
            ("error connection", true),
            ("error and missing", false),
            ("missing or failed", true),
            ("not missing", true),
            ("not error", false),
            ("error not missing", true),
            ("(missing or failed) and level: error", true),
            ("level:ERROR", true),
            ("level:warn", false),
            ("nothing:*", false),
            ("level:*", true),
            ("content:connection", true),
            ("content:level", false),
            ("\"connection failed\"", true),
            ("#\"connection failed\"", false),
            ("#\"connection reset\"", true),
            ("content: #\"failed: conn\"", true),
            ("/index.html", true),
            ("status > 500", true),
            ("status >= 502 and status <= 502", true),
            ("status = 200", false),
            ("status < 500", false),
            ("__tag__:__path__: \"/var/log/app.log\"", true),
            ("__tag__:__path__:other", false),
            ("__topic__: web", true),
            ("\"level\": error", true),
        ] {
            let fields: Vec<_> = FIELDS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let parsed = Query::parse(query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"));
            assert_eq!(parsed.matches(&fields), expected, "{query}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in ["(", "a)", "a and", "or", "not", "key:", "status > many", "\"open", "* | select 1"] {
            assert_eq!(Query::parse(query).unwrap_err().code, "ParameterInvalid", "{query}");
        }
    }
}
