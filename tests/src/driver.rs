//! `.slt` files against a federation.

use async_trait::async_trait;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use crate::analyst::{Analyst, Told};

/// A client as `sqllogictest` drives it.
#[derive(Debug)]
pub struct Slt(pub Analyst);

impl std::error::Error for SltError {}

/// What the client was told.
#[derive(Debug)]
pub struct SltError(Told);

impl std::fmt::Display for SltError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl AsyncDB for Slt {
    type Error = SltError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, SltError> {
        let asked = self.0.ask(sql).await.map_err(SltError)?;
        let types = vec![DefaultColumnType::Any; asked.names().len()];
        let rows = asked.cells();
        // An empty text would be invisible in a file.
        let shown = |cell: String| if cell.is_empty() { "(empty)".to_owned() } else { cell };
        let rows = rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "insitu"
    }
}
