//! Refuses components that would take the compiler too long, by a look at their sections.
//!
//! The compiler has limits of its own, made for what a browser must be able to load. A processor is smaller by far, and is
//! compiled while lines wait. So the sections are walked once, without copying or decoding what is in them: how deep
//! components are nested, how many parts, types and functions there are, and how long the longest function is. What is
//! malformed passes here, and is refused by the compiler.

use std::fmt;

/// What a component may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooComplex {
    what: What,
    found: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Bytes,
    Depth,
    Parts,
    Types,
    Functions,
    FunctionBytes,
}

/// Checks that compiling a component takes bounded time and memory.
///
/// # Errors
/// What there is too much of.
pub(super) fn check(component: &[u8]) -> Result<(), TooComplex> {
    limit(What::Bytes, component.len() as u64)?;
    Survey::default().binary(component, 1)
}

/// What was met so far.
#[derive(Default)]
struct Survey {
    parts: u64,
    types: u64,
    functions: u64,
}

impl Survey {
    /// Looks at a component or a core module, which is `depth` deep.
    fn binary(&mut self, bytes: &[u8], depth: u64) -> Result<(), TooComplex> {
        limit(What::Depth, depth)?;
        self.parts += 1;
        limit(What::Parts, self.parts)?;
        let Some((preamble, rest)) = bytes.split_first_chunk::<8>() else { return Ok(()) };
        // The last two bytes tell a component from a module.
        let is_component = preamble[6..] == [1, 0];
        let mut reader = Reader(rest);
        while let Some((id, section)) = reader.section() {
            match (is_component, id) {
                (true, 1 | 4) => self.binary(section, depth + 1)?,
                (true, 3 | 7) | (false, 1) => {
                    self.types += Reader(section).number().unwrap_or(0);
                    limit(What::Types, self.types)?;
                }
                (false, 3) => {
                    self.functions += Reader(section).number().unwrap_or(0);
                    limit(What::Functions, self.functions)?;
                }
                (false, 10) => longest_function(section)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn longest_function(section: &[u8]) -> Result<(), TooComplex> {
    let mut reader = Reader(section);
    let count = reader.number().unwrap_or(0);
    for _ in 0..count {
        let Some(body) = reader.sized() else { return Ok(()) };
        limit(What::FunctionBytes, body.len() as u64)?;
    }
    Ok(())
}

fn limit(what: What, found: u64) -> Result<(), TooComplex> {
    if found > what.most() { Err(TooComplex { what, found }) } else { Ok(()) }
}

/// The bytes that are left. Every answer is `None` once they are malformed or have ended.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Behind the preamble of a component or a module, or at the start of a section.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The number and the content of the next section.
    pub(super) fn section(&mut self) -> Option<(u8, &'a [u8])> {
        let (id, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((*id, self.sized()?))
    }

    /// As many bytes as the number before them says.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (sized, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(sized)
    }

    /// A number of up to 32 bits in LEB128.
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl What {
    /// The largest components known are JavaScript and Python engines: 18 MB, some 40 parts, 30,000 functions, 2,000
    /// types, and an interpreter's loop of 100 KB.
    const fn most(self) -> u64 {
        match self {
            Self::Bytes => MAX_COMPONENT_BYTES,
            Self::Depth => 10,
            Self::Parts => 500,
            Self::Types => 9_999,
            Self::Functions => 200_000,
            Self::FunctionBytes => 1 << 20,
        }
    }
}

impl fmt::Display for TooComplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, most) = (self.found, self.what.most());
        match self.what {
            What::Bytes => write!(f, "has {found} bytes, {most} are allowed"),
            What::Depth => write!(f, "nests components {found} deep or deeper, {most} is allowed"),
            What::Parts => write!(f, "is made of {found} modules and components or more, {most} are allowed"),
            What::Types => write!(f, "has {found} types or more, {most} are allowed"),
            What::Functions => write!(f, "has {found} functions or more, {most} are allowed"),
            What::FunctionBytes => write!(f, "has a function of {found} bytes, {most} are allowed"),
        }
    }
}

impl std::error::Error for TooComplex {}

/// Three times what the engine of Python takes with its standard library, which is the largest known.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn number(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id][..], &number(content.len()), content].concat()
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [COMPONENT, &sections.concat()].concat()
    }

    fn module(sections: &[Vec<u8>]) -> Vec<u8> {
        [MODULE, &sections.concat()].concat()
    }

    fn nested(depth: usize) -> Vec<u8> {
        (1..depth).fold(component(&[]), |inner, _| component(&[section(4, &inner)]))
    }

    #[test]
    fn bombs_are_refused_before_they_are_compiled() {
        fn check(component: &[u8], expected: &str) {
            let found = super::check(component).err().map_or(String::new(), |error| error.to_string());
            assert_eq!(found, expected);
        }
        check(&nested(10), "");
        check(&nested(11), "nests components 11 deep or deeper, 10 is allowed");
        check(&nested(1000), "nests components 11 deep or deeper, 10 is allowed");
        let modules = |count| component(&vec![section(1, MODULE); count]);
        check(&modules(499), "");
        check(&modules(500), "is made of 501 modules and components or more, 500 are allowed");
        let types = |count| component(&[section(7, &number(count)), section(3, &number(1))]);
        check(&types(9_998), "");
        check(&types(9_999), "has 10000 types or more, 9999 are allowed");
        let core = |sections: &[Vec<u8>]| component(&[section(1, &module(sections))]);
        check(&core(&[section(1, &number(10_000))]), "has 10000 types or more, 9999 are allowed");
        check(&core(&[section(3, &number(200_000))]), "");
        check(&core(&[section(3, &number(200_001))]), "has 200001 functions or more, 200000 are allowed");
        let body = |len| [number(1), number(len), vec![0; len]].concat();
        check(&core(&[section(10, &body(1 << 20))]), "");
        check(&core(&[section(10, &body((1 << 20) + 1))]), "has a function of 1048577 bytes, 1048576 are allowed");
    }

    #[test]
    fn what_is_malformed_is_left_to_the_compiler() {
        let whole = component(&[section(1, &module(&[section(10, &[1, 2, 0, 0x0b])])), section(7, &[1, 0x40])]);
        for end in 0..whole.len() {
            assert_eq!(check(&whole[..end]), Ok(()), "{end}");
        }
        check(&component(&[vec![1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]])).expect("left to the compiler");
    }
}
