//! The embedded real files: open data, byte for byte as published, gzip-compressed.
//!
//! Licence, attribution and what is odd in them: `deploy/demo/README.md`. Whatever shows rows of
//! them shows [`ATTRIBUTION`] too; the licence asks for it.

use std::io::{self, BufReader, Read};

use flate2::bufread::GzDecoder;

/// The attribution the Open Government Licence asks for, on one line.
pub(crate) const ATTRIBUTION: &str = "Contains public sector information licensed under the Open \
    Government Licence v3.0: data.police.uk; Office for National Statistics, 2011 Census.";

/// One embedded file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealFile {
    name: &'static str,
    gzip: &'static [u8],
}

/// Street-level crime of West Yorkshire Police: July 2016, July 2017, July 2018.
pub(crate) const POLICE: [RealFile; 3] = [POLICE_2016_07, POLICE_2017_07, POLICE_2018_07];

/// Street-level crime, July 2016: 27,176 rows.
pub(crate) const POLICE_2016_07: RealFile = RealFile {
    name: "police-2016-07-west-yorkshire-street.csv",
    gzip: include_bytes!("../../../../deploy/demo/police-2016-07-west-yorkshire-street.csv.gz"),
};

/// Street-level crime, July 2017: 28,537 rows.
pub(crate) const POLICE_2017_07: RealFile = RealFile {
    name: "police-2017-07-west-yorkshire-street.csv",
    gzip: include_bytes!("../../../../deploy/demo/police-2017-07-west-yorkshire-street.csv.gz"),
};

/// Street-level crime, July 2018: 31,635 rows.
pub(crate) const POLICE_2018_07: RealFile = RealFile {
    name: "police-2018-07-west-yorkshire-street.csv",
    gzip: include_bytes!("../../../../deploy/demo/police-2018-07-west-yorkshire-street.csv.gz"),
};

/// Census 2011, England and Wales, by lower layer super output area (LSOA): 34,753 rows.
pub(crate) const CENSUS: RealFile = RealFile {
    name: "census-2011-population-lsoa.csv",
    gzip: include_bytes!("../../../../deploy/demo/census-2011-population-lsoa.csv.gz"),
};

impl RealFile {
    /// The published file's name, without `.gz`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The file as published: CSV with CRLF line ends.
    pub(crate) fn csv(&self) -> io::Result<Vec<u8>> {
        let mut csv = Vec::with_capacity(self.csv_bytes());
        GzDecoder::new(self.gzip).read_to_end(&mut csv)?;
        Ok(csv)
    }

    /// The published file as a stream, for a reader that stops early.
    pub(crate) fn lines(&self) -> impl Iterator<Item = io::Result<String>> + use<> {
        io::BufRead::lines(BufReader::new(GzDecoder::new(self.gzip)))
    }

    /// The size of the published file: a gzip file's last four bytes, little-endian.
    fn csv_bytes(&self) -> usize {
        let size = self.gzip.last_chunk().map_or(0, |&size| u32::from_le_bytes(size));
        usize::try_from(size).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_files_have_the_documented_rows() {
        let rows = |file: RealFile| file.csv().unwrap().iter().filter(|&&b| b == b'\n').count() - 1;
        assert_eq!(POLICE.map(rows), [27_176, 28_537, 31_635]);
        assert_eq!(rows(CENSUS), 34_753);
    }

    #[test]
    fn announced_size_is_the_size() {
        for file in [POLICE_2016_07, POLICE_2017_07, POLICE_2018_07, CENSUS] {
            assert_eq!(file.csv().unwrap().len(), file.csv_bytes(), "{}", file.name());
        }
    }
}
