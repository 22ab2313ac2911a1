//! What isn't a question: what the node announces, and whether it is alive.

use insitu_proto::v1;
use insitu_proto::v1::control_server::Control;
use tonic::{Request, Response, Status};

use crate::shared::SharedNode;
use crate::warrants::Shown;

/// The control service.
#[derive(Debug)]
pub(crate) struct ControlService(pub(crate) SharedNode);

#[tonic::async_trait]
impl Control for ControlService {
    async fn describe(
        &self,
        mut request: Request<v1::DescribeRequest>,
    ) -> Result<Response<v1::NodeCatalog>, Status> {
        let asked = Shown::of(&mut request)?.describe()?;
        Ok(Response::new(self.0.get().describe(&asked)))
    }

    async fn ping(
        &self,
        mut request: Request<v1::PingRequest>,
    ) -> Result<Response<v1::PingResponse>, Status> {
        Shown::of(&mut request)?.ping()?;
        Ok(Response::new(v1::PingResponse {}))
    }
}
