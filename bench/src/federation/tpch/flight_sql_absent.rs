//! In the place of `flight_sql` where the benchmark is built without the feature `federation-peer`.

use insitu_tests::Department;

use super::Peer;
use super::answers::Rows;

/// Nobody.
pub(super) enum FlightSql {}

impl FlightSql {
    /// Why there is nobody.
    pub(super) async fn over(_: &[Department]) -> Peer<Self> {
        Err("this build is without `--features federation-peer`".to_owned())
    }

    pub(super) async fn ask(&self, _: &str) -> Peer<Rows> {
        match *self {}
    }
}
