//! An analyst with an ordinary Flight SQL client.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrow_array::{Array as _, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, CancelFlightInfoRequest, FlightInfo};
use arrow_schema::{ArrowError, SchemaRef};
use futures::TryStreamExt as _;
use prost::Message as _;
use tonic::transport::{Channel, Endpoint};

/// A connection to a gateway.
#[derive(Debug)]
pub struct Analyst {
    client: FlightSqlServiceClient<Channel>,
}

/// What came back: shape and batches.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The announced shape.
    pub schema: SchemaRef,
    /// The result.
    pub batches: Vec<RecordBatch>,
    /// The query's id, as the answer's header tells it.
    pub query_id: String,
}

/// A result as text, row by row, with statuses in the place of values that aren't shown.
pub type Cells = Vec<Vec<String>>;

/// A Refusal, or whatever else the client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told(pub String);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

impl Analyst {
    /// Connects, with status columns on.
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut analyst = Self::connect_without_statuses(address, token).await;
        analyst.client.set_header("insitu-statuses", "on");
        analyst
    }

    /// Connects as a client does that knows nothing of statuses.
    pub async fn connect_without_statuses(address: SocketAddr, token: &str) -> Self {
        let channel =
            Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let mut client = FlightSqlServiceClient::new(channel);
        client.set_token(token.to_owned());
        Self { client }
    }

    /// Sends this header with everything that is asked from now on.
    pub fn tell(&mut self, name: &str, value: &str) {
        self.client.set_header(name, value);
    }

    /// Asks, and reads the whole answer.
    pub async fn ask(&mut self, sql: &str) -> Result<Asked, Told> {
        let info = self.announce(sql).await?;
        self.fetch(&info).await
    }

    /// Asks for the answer's shape and ticket; no department is asked yet.
    pub async fn announce(&mut self, sql: &str) -> Result<FlightInfo, Told> {
        self.client.execute(sql.to_owned(), None).await.map_err(told)
    }

    /// Fetches what was announced. Dropping the future hangs up.
    pub async fn fetch(&mut self, info: &FlightInfo) -> Result<Asked, Told> {
        self.fetch_timed(info).await.map(|(asked, _)| asked)
    }

    /// The same, with how long the answer took from its header to its end.
    pub async fn fetch_timed(&mut self, info: &FlightInfo) -> Result<(Asked, Duration), Told> {
        let announced =
            info.clone().try_decode_schema().map_err(|e: ArrowError| Told(e.to_string()))?;
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let stream = self.client.do_get(ticket).await.map_err(told)?;
        let begun = Instant::now();
        let query_id =
            stream.headers().get("insitu-query-id").unwrap().to_str().unwrap().to_owned();
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(told)?;
        let took = begun.elapsed();
        for batch in &batches {
            assert_eq!(*batch.schema(), announced, "announced and sent schemas differ");
        }
        Ok((Asked { schema: announced.into(), batches, query_id }, took))
    }

    /// Cancels what was announced.
    pub async fn cancel(&mut self, info: FlightInfo) -> Result<(), Told> {
        let request = CancelFlightInfoRequest { info: Some(info) };
        let action = Action::new("CancelFlightInfo", request.encode_to_vec());
        let results = self.client.do_action(action).await.map_err(told)?;
        let _: Vec<_> = results.try_collect().await.map_err(|status| told(status.into()))?;
        Ok(())
    }

    /// Asks, and gives the answer as text.
    pub async fn cells(&mut self, sql: &str) -> Result<Cells, Told> {
        self.ask(sql).await.map(|asked| asked.cells())
    }

    /// The Refusal's text; panics if there is an answer.
    pub async fn refused(&mut self, sql: &str) -> String {
        match self.ask(sql).await {
            Ok(asked) => panic!("answered: {sql}\n{:?}", asked.cells()),
            Err(told) => told.0,
        }
    }
}

fn told(error: FlightError) -> Told {
    match error {
        FlightError::Tonic(status) => Told(status.message().to_owned()),
        other => Told(other.to_string()),
    }
}

impl Asked {
    /// Names of the columns that aren't statuses.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let fields = self.schema.fields().iter();
        fields
            .filter(|f| !f.metadata().contains_key("insitu.status_of"))
            .map(|f| f.name().clone())
            .collect()
    }

    /// The result as text: NULL as `NULL`, a value that isn't shown as its status in brackets, one
    /// that is shown without a remark it may have.
    #[must_use]
    pub fn cells(&self) -> Cells {
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in &self.batches {
            let fields = batch.schema();
            for row in 0..batch.num_rows() {
                let mut cells = Vec::new();
                for (i, field) in fields.fields().iter().enumerate() {
                    if field.metadata().contains_key("insitu.status_of") {
                        let signs = batch.column(i).as_any().downcast_ref::<StringArray>().unwrap();
                        let sign = if signs.is_null(row) { "" } else { signs.value(row) };
                        let cell: &mut String = cells.last_mut().unwrap();
                        match (sign, batch.column(i - 1).is_null(row)) {
                            ("", _) => {}
                            // What is remarked follows from the value, which is what is compared.
                            ("u" | "low" | "e", false) => {}
                            ("z", false) => cell.push_str(" [z]"),
                            (_, true) => *cell = format!("[{sign}]"),
                            (_, false) => panic!("the status {sign} beside a value"),
                        }
                    } else {
                        let shown = ArrayFormatter::try_new(batch.column(i), &options).unwrap();
                        cells.push(shown.value(row).to_string());
                    }
                }
                rows.push(cells);
            }
        }
        rows
    }
}
