//! Bytes as stored become text: decompressed if they are gzip, without byte order mark.

use std::io::Write;

use flate2::write::MultiGzDecoder;

use super::super::error::SourceError;

/// How much is taken in at once. Deflate grows it 1,032-fold at most, so text takes 17 MB at most.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// How many bytes at the start tell what a file is.
const START_BYTES: usize = 4;

/// What bytes go through before they are text.
enum Packing {
    /// Not known yet; these are the first bytes.
    Unknown(Vec<u8>),
    /// Nothing.
    Plain,
    /// Decompression. Of several members, as tools make that append to a file.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

/// Turns a file's bytes into text, piece by piece.
pub(super) struct TextReader {
    file: String,
    packing: Packing,
    /// Text not handed out yet. Until `is_started`, less than tells what the text is.
    text: Vec<u8>,
    is_started: bool,
}

impl TextReader {
    pub(super) fn new(file: String) -> Self {
        Self { file, packing: Packing::Unknown(Vec::new()), text: Vec::new(), is_started: false }
    }

    /// The text that a piece of the file completes.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, SourceError> {
        if let Packing::Unknown(start) = &mut self.packing {
            start.extend_from_slice(piece);
            if START_BYTES <= start.len() {
                self.decide()?;
            }
        } else {
            self.unpack(piece)?;
        }
        if !self.is_started && START_BYTES <= self.text.len() {
            self.start()?;
        }
        Ok(if self.is_started { std::mem::take(&mut self.text) } else { Vec::new() })
    }

    /// The text that the end of the file completes.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, SourceError> {
        if let Packing::Unknown(_) = self.packing {
            self.decide()?;
        }
        if let Packing::Gzip(decoder) = &mut self.packing {
            decoder.try_finish().map_err(|_| SourceError::Damaged { file: self.file.clone() })?;
            self.text.append(decoder.get_mut());
        }
        if !self.is_started {
            self.start()?;
            if self.text.is_empty() {
                return Err(SourceError::Empty { file: self.file });
            }
        }
        Ok(self.text)
    }

    /// The first bytes tell whether the file is compressed.
    fn decide(&mut self) -> Result<(), SourceError> {
        let Packing::Unknown(start) = &mut self.packing else { return Ok(()) };
        let start = std::mem::take(start);
        if start.is_empty() {
            return Err(SourceError::Empty { file: self.file.clone() });
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            self.packing = Packing::Gzip(Box::new(MultiGzDecoder::new(Vec::new())));
        } else if self.file.ends_with(".gz") {
            return Err(SourceError::NotGzip { file: self.file.clone() });
        } else {
            self.packing = Packing::Plain;
        }
        self.unpack(&start)
    }

    /// Adds to the text what these bytes hold.
    fn unpack(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        match &mut self.packing {
            Packing::Unknown(start) => start.extend_from_slice(bytes),
            Packing::Plain => self.text.extend_from_slice(bytes),
            Packing::Gzip(decoder) => {
                decoder
                    .write_all(bytes)
                    .map_err(|_| SourceError::Damaged { file: self.file.clone() })?;
                self.text.append(decoder.get_mut());
            }
        }
        Ok(())
    }

    /// The first bytes of the text tell whether it is text.
    fn start(&mut self) -> Result<(), SourceError> {
        self.is_started = true;
        let found = match self.text.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => {
                self.text.drain(..3);
                return Ok(());
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16 text",
            [b'P', b'K', 3, 4, ..] => "a spreadsheet or ZIP archive",
            [b'P', b'A', b'R', b'1', ..] => "a Parquet file",
            _ => return Ok(()),
        };
        Err(SourceError::NotText { file: self.file.clone(), found })
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The text of a file that arrives in pieces of this size.
    fn read(file: &str, bytes: &[u8], size: usize) -> Result<Vec<u8>, SourceError> {
        let mut reader = TextReader::new(file.to_owned());
        let mut text = Vec::new();
        for piece in bytes.chunks(size) {
            text.extend(reader.push(piece)?);
        }
        text.extend(reader.finish()?);
        Ok(text)
    }

    #[test]
    fn text_is_the_same_in_pieces_of_any_size() {
        let text = b"id,name\r\n1,\"a\"\r\n".as_slice();
        let with_mark = [b"\xef\xbb\xbf", text].concat();
        let members = [gzip(b"id,name\r\n"), gzip(b"1,\"a\"\r\n")].concat();
        for size in 1..=with_mark.len() {
            for bytes in [text, &with_mark, &gzip(text), &gzip(&with_mark), &members] {
                assert_eq!(read("a.csv", bytes, size).unwrap(), text, "{size}");
            }
        }
        assert_eq!(read("a.csv", b"a", 1).unwrap(), b"a");
    }

    #[test]
    fn compressed_data_cut_short_anywhere_is_damaged() {
        let bytes = gzip(&b"a,b\n1,2\n".repeat(100));
        for length in 2..bytes.len() {
            for size in [1, 7, 4_096] {
                let error = read("a.csv.gz", &bytes[..length], size).unwrap_err();
                assert!(matches!(error, SourceError::Damaged { .. }), "{length}: {error}");
            }
        }
        let mut flipped = bytes;
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        assert!(matches!(read("a.csv.gz", &flipped, 64), Err(SourceError::Damaged { .. })));
    }

    #[test]
    fn what_is_no_text_is_named() {
        let empty = gzip(b"");
        for (file, bytes, expect) in [
            ("a.csv", b"".as_slice(), "`a.csv` is empty"),
            ("a.csv", b"\xef\xbb\xbf", "`a.csv` is empty"),
            ("a.csv.gz", &empty, "`a.csv.gz` is empty"),
            ("a.csv.gz", b"id,name\n", "isn't gzip-compressed"),
            ("a.csv", b"\xff\xfei\0d\0", "UTF-16"),
            ("a.csv", b"PK\x03\x04....", "a spreadsheet"),
            ("a.csv", b"PAR1....", "a Parquet file"),
        ] {
            let message = read(file, bytes, 3).unwrap_err().to_string();
            assert!(message.contains(expect), "{message}");
        }
    }
}
