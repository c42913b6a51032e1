//! What made a component: the custom section `producers`, in which compilers and tools write their names.
//!
//! Pure. It proves nothing, since anybody can write anything there, and what is malformed says nothing.

use super::complexity::Reader;
use crate::telemetry::one_line;

/// What a component says it was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Producers {
    /// Languages, such as `Rust`.
    pub languages: Vec<String>,
    /// Compilers and tools, such as `rustc 1.95.0`.
    pub tools: Vec<String>,
    /// Kits for authors, such as `loglift-sdk 0.1.0`.
    pub sdks: Vec<String>,
}

impl Producers {
    /// Looks for the sections of a component and of the modules in it.
    pub fn of(component: &[u8]) -> Self {
        let mut producers = Self::default();
        producers.look(component, 0);
        producers
    }

    fn look(&mut self, bytes: &[u8], depth: usize) {
        let Some((preamble, rest)) = bytes.split_first_chunk::<8>() else { return };
        let is_component = preamble[6..] == [1, 0];
        let mut reader = Reader::new(rest);
        while let Some((id, section)) = reader.section() {
            match id {
                0 => drop(self.custom(section)),
                1 | 4 if is_component && depth < MAX_DEPTH => self.look(section, depth + 1),
                _ => {}
            }
        }
    }

    fn custom(&mut self, section: &[u8]) -> Option<()> {
        let mut reader = Reader::new(section);
        if reader.sized()? != b"producers" {
            return None;
        }
        for _ in 0..reader.number()?.min(MOST_FIELDS) {
            let field = reader.sized()?;
            for _ in 0..reader.number()?.min(MOST_FIELDS) {
                let (name, version) = (text(reader.sized()?), text(reader.sized()?));
                let value = if version.is_empty() { name } else { format!("{name} {version}") };
                let list = match field {
                    b"language" => &mut self.languages,
                    b"processed-by" => &mut self.tools,
                    b"sdk" => &mut self.sdks,
                    _ => continue,
                };
                if !list.contains(&value) {
                    list.push(value);
                }
            }
        }
        Some(())
    }
}

fn text(bytes: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(bytes)).trim().to_owned()
}

/// A component holds modules, seldom another component.
const MAX_DEPTH: usize = 4;

/// More languages and tools than any component was made with.
const MOST_FIELDS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id, content.len() as u8], content].concat()
    }

    fn name(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }

    #[test]
    fn what_a_module_in_a_component_was_made_with_is_found() {
        let fields = [
            vec![2],
            name("language"),
            vec![1],
            name("Rust"),
            name(""),
            name("processed-by"),
            vec![2],
            name("rustc"),
            name("1.95.0"),
            name("wit\ncomponent"),
            name("1"),
        ];
        let producers = section(0, &[name("producers"), fields.concat()].concat());
        let module = [&b"\0asm\x01\0\0\0"[..], &producers].concat();
        let component = [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module), &section(0, &name("other"))].concat();
        let found = Producers::of(&component);
        assert_eq!(found.languages, ["Rust"]);
        assert_eq!(found.tools, ["rustc 1.95.0", "wit\u{fffd}component 1"]);
        assert!(found.sdks.is_empty());
        for end in 0..component.len() {
            Producers::of(&component[..end]);
        }
    }
}
