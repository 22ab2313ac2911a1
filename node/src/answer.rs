//! What a node can answer. Each form is made only by what may make it: a protected table by the rules, Evidence where the
//! data owner releases at the gateway, cells and rows of open data.

use arrow_flight::FlightData;
use insitu_disclosure::evidence::OpenCells;
use insitu_disclosure::table::Table;
use insitu_disclosure::{Admitted, Evidence, OpenRows, Protected, Tabulation};
use insitu_proto::frames::{self, EncodeError};
use insitu_proto::request::QueryId;

/// An answer, ready to be encoded.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Final.
    Protected(Protected<Table>),
    /// For the gateway to combine and protect.
    Evidence(Box<Admitted<Tabulation>>, Evidence),
    /// Cells of open data.
    OpenCells(OpenCells),
    /// Open data.
    OpenRows(OpenRows),
}

impl Answer {
    /// The Flight messages: schema, batches, Receipt.
    pub(crate) fn encode(&self, query_id: QueryId) -> Result<Vec<FlightData>, EncodeError> {
        match self {
            Self::Protected(table) => frames::encode_protected(query_id, table),
            Self::Evidence(admitted, evidence) => {
                frames::encode_evidence(query_id, admitted, evidence)
            }
            Self::OpenCells(cells) => frames::encode_open_cells(query_id, cells),
            Self::OpenRows(rows) => frames::encode_open_rows(query_id, rows),
        }
    }
}
