//! Report requests to bags.

use super::DecodeError;
use super::attributes::{Budget, Words, decode_attributes};
use crate::bag::Bag;
use crate::report::Encoding;
use crate::wire::Reader;

/// A Report as the server sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRequest {
    /// The bags that could be read, in their order; deltas are resolved.
    pub bags: Vec<Bag>,
    /// The entries that could not be read, by their position among all entries.
    pub errors: Vec<(usize, DecodeError)>,
    /// How many global words the client says it knows.
    pub global_word_count: u32,
    /// How the entries relate to each other.
    pub encoding: Encoding,
}

/// Reads a whole Report. A bag that cannot be read does not keep the others from being read.
///
/// # Errors
/// The request itself is malformed, or too large when decoded.
pub fn decode_report_request(message: &[u8]) -> Result<ReportRequest, DecodeError> {
    let mut reader = ReportReader::new(message)?;
    let mut budget = Budget::default();
    let (mut bags, mut errors, mut position) = (Vec::new(), Vec::new(), 0);
    while let Some(result) = reader.next_bag() {
        match result {
            Ok(bag) => {
                budget.charge(bag.footprint())?;
                bags.push(bag.clone());
            }
            Err(DecodeError::TooLarge) => return Err(DecodeError::TooLarge),
            Err(error) => {
                budget.charge(size_of::<(usize, DecodeError)>())?;
                errors.push((position, error));
            }
        }
        position += 1;
    }
    Ok(ReportRequest { bags, errors, global_word_count: reader.global_word_count, encoding: reader.encoding })
}

/// Reads the bags of a Report one after the other into memory that is used again.
///
/// The first bag of a delta, and every independent one, is read as in a Check; later deltas are read strictly.
pub struct ReportReader<'m> {
    message: Reader<'m>,
    default_words: Words<'m>,
    encoding: Encoding,
    global_word_count: u32,
    first: bool,
    bag: Bag,
    delta: Bag,
    budget: Budget,
}

impl<'m> ReportReader<'m> {
    /// Reads what all bags share.
    ///
    /// # Errors
    /// The request is malformed outside its bags.
    pub fn new(message: &'m [u8]) -> Result<ReportReader<'m>, DecodeError> {
        let (mut global_word_count, mut encoding) = (0, Encoding::Delta);
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.next()? {
            match number {
                1 => drop(field.bytes(number)?),
                3 => global_word_count = field.varint(number)? as u32,
                4 if field.varint(number)? == 1 => encoding = Encoding::Independent,
                4 => encoding = Encoding::Delta,
                _ => {}
            }
        }
        Ok(ReportReader {
            message: Reader::new(message),
            default_words: Words::field(message, 2)?,
            encoding,
            global_word_count,
            first: true,
            bag: Bag::new(),
            delta: Bag::new(),
            budget: Budget::default(),
        })
    }

    /// How many global words the client says it knows.
    pub fn global_word_count(&self) -> u32 {
        self.global_word_count
    }

    /// How the bags relate to each other.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The next bag, or why it cannot be read; `None` after the last.
    ///
    /// A delta that fails still changes the bags after it by what could be read of it, as on the original server.
    pub fn next_bag(&mut self) -> Option<Result<&Bag, DecodeError>> {
        let entry = loop {
            match self.message.next() {
                Ok(Some((1, field))) => match field.bytes(1) {
                    Ok(entry) => break entry,
                    Err(error) => return Some(Err(error)),
                },
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        };
        let result = self.read(entry);
        self.first = false;
        Some(result.map(|()| &self.bag))
    }

    fn read(&mut self, entry: &'m [u8]) -> Result<(), DecodeError> {
        let own = Words::of(entry)?;
        let words = if own.is_empty() { &self.default_words } else { &own };
        if self.first || self.encoding == Encoding::Independent {
            self.bag.clear();
            return decode_attributes(entry, words, false, &mut self.bag, &mut self.budget);
        }
        self.delta.clear();
        let result = decode_attributes(entry, words, true, &mut self.delta, &mut self.budget);
        self.bag.merge(&self.delta);
        result
    }
}
