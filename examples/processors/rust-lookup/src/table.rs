//! The table, and how a row of it is found.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::Match;

/// Rows of values, found by what stood in their first column.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    index: Index,
}

#[derive(Debug)]
enum Index {
    Text(HashMap<Vec<u8>, usize>),
    Networks(Networks),
}

/// Networks by the number of bits that they have in common, most first: so the first that is found is the smallest.
#[derive(Debug, Default)]
struct Networks {
    by_bits: Vec<(u8, HashMap<u128, usize>)>,
}

impl Table {
    /// Reads CSV. Fails with what is wrong, and in which line.
    pub(crate) fn read(text: &[u8], how: Match) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let header = reader.headers().map_err(|error| error.to_string())?;
        let columns: Vec<String> = header.iter().skip(1).map(str::to_owned).collect();
        if columns.is_empty() {
            return Err("expected a header of two columns or more: what is looked up, and what is added".to_owned());
        }
        if let Some(place) = (1..columns.len()).find(|&place| columns[..place].contains(&columns[place])) {
            return Err(format!("two columns are named {:?}", columns[place]));
        }
        let mut rows = Vec::new();
        let mut index = match how {
            Match::Text => Index::Text(HashMap::new()),
            Match::Network => Index::Networks(Networks::default()),
        };
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let key = &record[0];
            index.insert(key, rows.len()).map_err(|wrong| format!("line {line}: {wrong}"))?;
            rows.push(record.iter().skip(1).map(str::to_owned).collect());
        }
        Ok(Self { columns, rows, index })
    }

    /// The names of the columns but the first.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The number of the row for a value.
    pub(crate) fn find(&self, value: &[u8]) -> Option<usize> {
        match &self.index {
            Index::Text(rows) => rows.get(value).copied(),
            Index::Networks(networks) => networks.find(std::str::from_utf8(value).ok()?.trim().parse().ok()?),
        }
    }

    /// The values of a row, as many as there are columns.
    pub(crate) fn values(&self, row: usize) -> &[String] {
        &self.rows[row]
    }
}

impl Index {
    fn insert(&mut self, key: &str, row: usize) -> Result<(), String> {
        let before = match self {
            Self::Text(rows) => rows.insert(key.as_bytes().to_vec(), row),
            Self::Networks(networks) => {
                let (address, bits) = network(key).ok_or_else(|| format!("{key:?} is no address and no network"))?;
                networks.insert(address, bits, row)
            }
        };
        before.map_or(Ok(()), |_| Err(format!("{key:?} is there twice")))
    }
}

impl Networks {
    fn insert(&mut self, address: u128, bits: u8, row: usize) -> Option<usize> {
        let place =
            match self.by_bits.binary_search_by_key(&std::cmp::Reverse(bits), |(bits, _)| std::cmp::Reverse(*bits)) {
                Ok(place) => place,
                Err(place) => {
                    self.by_bits.insert(place, (bits, HashMap::new()));
                    place
                }
            };
        self.by_bits[place].1.insert(masked(address, bits), row)
    }

    fn find(&self, address: IpAddr) -> Option<usize> {
        let address = number(address);
        self.by_bits.iter().find_map(|(bits, rows)| rows.get(&masked(address, *bits)).copied())
    }
}

/// An address or a network as a number, and how many of its bits count.
fn network(text: &str) -> Option<(u128, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let (most, before) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    let bits = bits.unwrap_or(most);
    (bits <= most).then(|| (number(address), before + bits))
}

/// An address as a number: those of version 4 in the place that version 6 has for them.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn masked(address: u128, bits: u8) -> u128 {
    address & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}
