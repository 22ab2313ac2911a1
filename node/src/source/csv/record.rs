//! Text becomes records of fields, as RFC 4180 has it, piece by piece.
//!
//! | written | read |
//! |---|---|
//! | `a,"b,""c""",d` | `a` · `b,"c"` · `d` |
//! | `"two` newline `lines"` | one field |
//! | `5" pipe` | as it stands: a quote counts at the start of a field only |
//! | `"Leeds"x`, or a quote that is never closed | a flaw: nobody knows what was meant |
//!
//! Records end with LF, CR LF or CR; empty lines are no records.

use super::super::error::SourceError;

/// The longest record. One that is never closed would otherwise take the rest of the file.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// The most fields: Excel's widest sheet.
const FIELDS_MAX: usize = 16_384;

/// Why a record's fields can't be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    TextAfterQuote,
    UnclosedQuote,
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    pub(super) flaw: Option<Flaw>,
}

impl<'a> Record<'a> {
    /// How many fields it has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field, counted from 0.
    pub(super) fn field(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(previous) => *self.ends.get(previous)?,
            None => 0,
        };
        self.bytes.get(start..end)
    }

    /// Whether a quote took the end of a line into it.
    pub(super) fn has_line_break(&self) -> bool {
        self.bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
    }

    /// All fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).filter_map(|index| self.field(index))
    }
}

/// Where in a record the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before its first byte.
    RecordStart,
    /// Behind a CR that ended the one before: an LF belongs to that.
    AfterReturn,
    /// Before the first byte of a further field.
    FieldStart,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote that closes, or is the first of two that stand for one.
    QuoteSeen,
}

/// What becomes of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is part of the field.
    Keep,
    /// It is only notation.
    Drop,
    EndField,
    EndRecord,
}

/// Splits text into records.
pub(super) struct RecordReader {
    file: String,
    delimiter: u8,
    state: State,
    line: u64,
    record_line: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    flaw: Option<Flaw>,
}

impl RecordReader {
    pub(super) fn new(file: String, delimiter: u8) -> Self {
        Self {
            file,
            delimiter,
            state: State::RecordStart,
            line: 1,
            record_line: 1,
            bytes: Vec::new(),
            ends: Vec::new(),
            flaw: None,
        }
    }

    /// Hands every record that the text completes to `sink`.
    pub(super) fn push(
        &mut self,
        text: &[u8],
        sink: &mut impl FnMut(Record<'_>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        // Kept bytes are copied in runs, each from here to the next byte that isn't kept.
        let mut run = 0;
        for (index, byte) in text.iter().enumerate() {
            // Most bytes by far. Without a call for each, an unoptimised build reads twice as fast.
            let is_text = !matches!(*byte, b'\n' | b'\r') && *byte != self.delimiter;
            if is_text && matches!(self.state, State::Plain) {
                continue;
            }
            let step = self.step(*byte);
            if matches!(step, Step::Keep) {
                continue;
            }
            self.copy(text.get(run..index))?;
            run = index + 1;
            match step {
                Step::Keep | Step::Drop => {}
                Step::EndField => self.end_field(),
                Step::EndRecord => {
                    self.end_field();
                    self.end_record(sink)?;
                }
            }
        }
        self.copy(text.get(run..))
    }

    /// Hands the last record to `sink`, if the text doesn't end with a line's end.
    pub(super) fn finish(
        mut self,
        sink: &mut impl FnMut(Record<'_>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        match self.state {
            State::RecordStart | State::AfterReturn => return Ok(()),
            State::Quoted => self.flaw = Some(Flaw::UnclosedQuote),
            State::FieldStart | State::Plain | State::QuoteSeen => {}
        }
        self.end_field();
        self.end_record(sink)
    }

    fn step(&mut self, byte: u8) -> Step {
        match self.state {
            State::Plain => self.plain(byte),
            State::Quoted => match byte {
                b'"' => {
                    self.state = State::QuoteSeen;
                    Step::Drop
                }
                b'\n' => {
                    self.line += 1;
                    Step::Keep
                }
                _ => Step::Keep,
            },
            State::FieldStart => self.field_start(byte),
            State::QuoteSeen => match byte {
                b'"' => {
                    self.state = State::Quoted;
                    Step::Keep
                }
                b'\n' | b'\r' => self.plain(byte),
                _ if byte == self.delimiter => self.plain(byte),
                _ => {
                    self.flaw = Some(Flaw::TextAfterQuote);
                    self.state = State::Plain;
                    Step::Keep
                }
            },
            State::AfterReturn if byte == b'\n' => {
                self.state = State::RecordStart;
                Step::Drop
            }
            State::RecordStart | State::AfterReturn => self.record_start(byte),
        }
    }

    /// A byte of a field without quotes, or one that ends a field.
    fn plain(&mut self, byte: u8) -> Step {
        match byte {
            b'\n' | b'\r' => {
                self.line += 1;
                self.state = if byte == b'\r' { State::AfterReturn } else { State::RecordStart };
                Step::EndRecord
            }
            _ if byte == self.delimiter => {
                self.state = State::FieldStart;
                Step::EndField
            }
            _ => Step::Keep,
        }
    }

    fn field_start(&mut self, byte: u8) -> Step {
        if byte == b'"' {
            self.state = State::Quoted;
            return Step::Drop;
        }
        self.state = State::Plain;
        self.plain(byte)
    }

    fn record_start(&mut self, byte: u8) -> Step {
        if byte == b'\n' || byte == b'\r' {
            // An empty line.
            self.line += 1;
            self.state = if byte == b'\r' { State::AfterReturn } else { State::RecordStart };
            return Step::Drop;
        }
        self.record_line = self.line;
        self.field_start(byte)
    }

    fn copy(&mut self, run: Option<&[u8]>) -> Result<(), SourceError> {
        self.bytes.extend_from_slice(run.unwrap_or_default());
        if self.bytes.len() <= RECORD_BYTES_MAX && self.ends.len() <= FIELDS_MAX {
            return Ok(());
        }
        Err(SourceError::RecordTooLong {
            file: self.file.clone(),
            line: self.record_line,
            bytes_max: RECORD_BYTES_MAX,
        })
    }

    fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn end_record(
        &mut self,
        sink: &mut impl FnMut(Record<'_>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let flaw = self.flaw.take();
        sink(Record { bytes: &self.bytes, ends: &self.ends, line: self.record_line, flaw })?;
        self.bytes.clear();
        self.ends.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, flaw and fields of each record of text that arrives in pieces of this size.
    fn records(text: &[u8], size: usize) -> Vec<(u64, Option<Flaw>, Vec<String>)> {
        let mut found = Vec::new();
        let mut sink = |record: Record<'_>| {
            let fields = record.fields().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
            found.push((record.line, record.flaw, fields));
            Ok(())
        };
        let mut reader = RecordReader::new("a.csv".to_owned(), b',');
        for piece in text.chunks(size) {
            reader.push(piece, &mut sink).unwrap();
        }
        reader.finish(&mut sink).unwrap();
        found
    }

    fn check(text: &str, expect: &[(u64, Option<Flaw>, &[&str])]) {
        let expect: Vec<(u64, Option<Flaw>, Vec<String>)> = expect
            .iter()
            .map(|(line, flaw, fields)| {
                (*line, *flaw, fields.iter().map(|f| (*f).to_owned()).collect())
            })
            .collect();
        for size in 1..=text.len().max(1) {
            assert_eq!(records(text.as_bytes(), size), expect, "{text:?} in pieces of {size}");
        }
    }

    #[test]
    fn reads_fields_quotes_and_lines() {
        check("a,b\n1,2\n", &[(1, None, &["a", "b"]), (2, None, &["1", "2"])]);
        check("a,\"b,\"\"c\"\"\",d", &[(1, None, &["a", "b,\"c\"", "d"])]);
        check(
            "\"two\r\nlines\",x\r\ny,z\r\n",
            &[(1, None, &["two\r\nlines", "x"]), (3, None, &["y", "z"])],
        );
        check("5\" pipe,\"\"\n", &[(1, None, &["5\" pipe", ""])]);
        check(",\n,", &[(1, None, &["", ""]), (2, None, &["", ""])]);
        check("a\rb\r\rc", &[(1, None, &["a"]), (2, None, &["b"]), (4, None, &["c"])]);
        check("\n\r\na\n\n\n", &[(3, None, &["a"])]);
        check("\"\"", &[(1, None, &[""])]);
        check("", &[]);
    }

    #[test]
    fn tells_of_quotes_that_make_no_sense() {
        check(
            "\"Leeds\"x,1\nok,2\n",
            &[(1, Some(Flaw::TextAfterQuote), &["Leedsx", "1"]), (2, None, &["ok", "2"])],
        );
        check("a\n\"b,\nc", &[(1, None, &["a"]), (2, Some(Flaw::UnclosedQuote), &["b,\nc"])]);
    }

    #[test]
    fn gives_up_on_a_record_without_end() {
        let mut reader = RecordReader::new("a.csv".to_owned(), b',');
        let mut sink = |_: Record<'_>| Ok(());
        reader.push(b"a\n\"", &mut sink).unwrap();
        let piece = vec![b'x'; 64 * 1024];
        let error = (0..100).find_map(|_| reader.push(&piece, &mut sink).err()).unwrap();
        assert!(error.to_string().contains("begins on line 2"), "{error}");
        let mut reader = RecordReader::new("a.csv".to_owned(), b',');
        assert!((0..100).any(|_| reader.push(&[b','; 1_024], &mut sink).is_err()));
    }
}
