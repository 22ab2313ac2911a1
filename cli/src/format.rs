//! The ways an answer is written out.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_csv::WriterBuilder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use clap::ValueEnum;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::table;
use crate::terminal::{self, Style};

/// The ways an answer is written out. All but `table` keep the columns of statuses as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: statuses in their values' place, a line on rows and suppressed cells.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// An Arrow IPC stream, with types and metadata.
    Arrow,
}

impl Format {
    /// Refuses before anything is asked what would only garble the terminal.
    pub(crate) fn fits_standard_output(self) -> Result<(), Failure> {
        match self {
            Self::Arrow if std::io::stdout().is_terminal() => Err(Failure::Usage {
                problem: "--format arrow writes binary data: redirect it, as in `> answer.arrows`"
                    .to_owned(),
            }),
            Self::Table | Self::Csv | Self::Json | Self::Arrow => Ok(()),
        }
    }

    /// Writes the answer to standard output.
    pub(crate) fn print(self, answer: &Answer) -> Result<(), Failure> {
        let stdout = std::io::stdout();
        let style = Style::of(&stdout);
        self.write(answer, terminal::width(), style, &mut stdout.lock())
    }

    fn write(
        self,
        answer: &Answer,
        width: Option<usize>,
        style: Style,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        match self {
            Self::Table => {
                for line in table::lines(answer, width, style)? {
                    writeln!(out, "{line}")?;
                }
            }
            Self::Csv => csv(answer, out)?,
            Self::Json => json(answer, out)?,
            Self::Arrow => {
                let mut writer = StreamWriter::try_new(&mut *out, answer.schema())?;
                for batch in answer.batches() {
                    writer.write(batch)?;
                }
                writer.finish()?;
            }
        }
        Ok(out.flush()?)
    }
}

/// The header is there even if no row is.
fn csv(answer: &Answer, out: &mut impl Write) -> Result<(), Failure> {
    let empty = RecordBatch::new_empty(answer.schema().clone());
    let mut writer = WriterBuilder::new().with_header(true).build(out);
    writer.write(&lists_as_text(&empty)?)?;
    for batch in answer.batches() {
        writer.write(&lists_as_text(batch)?)?;
    }
    Ok(())
}

/// CSV has no lists: a histogram is written as JSON has it, `[35, null, 40]`.
fn lists_as_text(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let options = FormatOptions::default().with_null("null");
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
        if !matches!(column.data_type(), DataType::List(_)) {
            return Ok((field.name().clone(), Arc::clone(column)));
        }
        let formatter = ArrayFormatter::try_new(column, &options)?;
        let texts: Result<StringArray, ArrowError> = (0..column.len())
            .map(|row| {
                column.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose()
            })
            .collect();
        Ok((field.name().clone(), Arc::new(texts?) as ArrayRef))
    });
    let (names, columns): (Vec<_>, Vec<_>) =
        columns.collect::<Result<Vec<_>, ArrowError>>()?.into_iter().unzip();
    let fields = names.into_iter().zip(&columns);
    let fields = fields.map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &rows)
}

/// Values that aren't there are written as `null`, so that every object has every key.
fn json(answer: &Answer, out: &mut impl Write) -> Result<(), Failure> {
    let builder = arrow_json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow_json::writer::JsonArray>(&mut *out);
    for batch in answer.batches() {
        writer.write(batch)?;
    }
    writer.finish()?;
    Ok(writeln!(out)?)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use arrow_ipc::reader::StreamReader;

    use super::*;
    use crate::answer::tests::{distribution, sample};

    fn written(format: Format, answer: &Answer) -> Vec<u8> {
        let mut out = Vec::new();
        format.write(answer, None, Style::Plain, &mut out).unwrap();
        out
    }

    fn text(format: Format, answer: &Answer) -> String {
        String::from_utf8(written(format, answer)).unwrap()
    }

    #[test]
    fn csv_keeps_statuses_and_has_a_header_even_without_rows() {
        assert_eq!(
            text(Format::Csv, &sample()),
            "area,n,n_status\nLeeds,1205,\nKirklees,,c\n,15,\n"
        );
        let empty = Answer::new(sample().schema().clone(), Vec::new());
        assert_eq!(text(Format::Csv, &empty), "area,n,n_status\n");
    }

    #[test]
    fn json_is_one_array_with_every_key_in_every_object() {
        let json: serde_json::Value = serde_json::from_str(&text(Format::Json, &sample())).unwrap();
        assert_eq!(json[1], serde_json::json!({"area": "Kirklees", "n": null, "n_status": "c"}));
        let empty = Answer::new(sample().schema().clone(), Vec::new());
        assert_eq!(text(Format::Json, &empty), "[]\n");
    }

    #[test]
    fn arrow_comes_back_with_its_metadata() {
        let bytes = written(Format::Arrow, &sample());
        let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
        assert_eq!(&reader.schema(), sample().schema());
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(batches, sample().batches());
    }

    #[test]
    fn a_histogram_is_a_list_in_json_and_reads_like_one_in_csv() {
        assert_eq!(
            text(Format::Csv, &distribution()),
            "median,median_status,bins,bins_status\n184.4,e,\"[40, null, 35]\",\n,c,,c\n"
        );
        let json = text(Format::Json, &distribution());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json[0]["bins"], serde_json::json!([40, null, 35]));
        assert_eq!(json[1]["bins"], serde_json::json!(null));
    }

    #[test]
    fn a_table_ends_with_its_footer() {
        assert!(text(Format::Table, &sample()).ends_with("3 rows; 1 cell suppressed [c]\n"));
    }
}
