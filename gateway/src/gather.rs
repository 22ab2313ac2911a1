//! All departments or a Refusal: a leaf's table from everybody who holds part of its dataset.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::future::join_all;
use insitu_disclosure::budget::{Account, Unpaid, budgeted, charge_admitted};
use insitu_disclosure::evidence::{NotTogether, OpenCells};
use insitu_disclosure::guard::{Guard, MemoryStore};
use insitu_disclosure::policy::DifferenceGuard;
use insitu_disclosure::reference::{Edition, Editions};
use insitu_disclosure::rules::groups;
use insitu_disclosure::table::Table;
use insitu_disclosure::{
    Admitted, Dataset, DatasetName, OpenDataset, Pooled, Protected, Reference, Refusal,
    RefusalCode, Refusals, Release, ReleaseMode, Tabulation, evidence, protect, receive,
};
use insitu_guard::Guards;
use insitu_proto::frames::Answer;
use insitu_proto::request::{NodeRequest, OpenRows, QueryId, Question};
use insitu_proto::v1::AnswerKind;

use crate::catalog::{Held, Holder, Joined, Standing};
use crate::nodes::{Directory, NodeChannel, NodeFailure, in_our_words};
use crate::plan::OpenNeed;
use crate::references::{Contents, References, editions};

/// What all the gathering of one query shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gathering<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) guards: &'a Arc<Guards>,
    pub(crate) references: &'a References,
    pub(crate) query_id: QueryId,
    pub(crate) deadline: Instant,
}

/// A question of a dataset, and who is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) admitted: Arc<Admitted<Tabulation>>,
    /// The dataset whose rows are counted.
    pub(crate) held: Arc<Held>,
    /// Those that its rows are joined to by their unit.
    pub(crate) joined: Joined,
    /// What its rows are joined to, whether they are looked up in it or not.
    pub(crate) references: Vec<(Reference, Arc<Held>)>,
}

impl Asked {
    /// Everything that is read for it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Held> {
        let references = self.references.iter().map(|(_, held)| held);
        std::iter::once(&self.held).chain(self.joined.iter()).chain(references).map(Arc::as_ref)
    }

    /// The question as departments are asked it that announced these terms.
    fn under(&self, terms: &Terms) -> Question {
        let tabulation = self.admitted.tabulation();
        let input = tabulation.input.with_fingerprint(terms.own).with_joined(&terms.joined);
        Question::Tabulation(Tabulation { input, ..tabulation.clone() })
    }
}

/// What all departments' answers come to.
fn together(
    admitted: &Admitted<Tabulation>,
    answers: &[(String, Answer)],
) -> Result<Pooled, Refusals> {
    if OpenCells::answer(admitted) {
        let parts = each(answers, |answer| OpenCells::read(admitted, &answer.batches))?;
        let parts = parts.into_iter().map(|(_, cells)| cells).collect();
        // Nobody is to be told from the others in open data.
        let pooled = OpenCells::together(admitted, parts).map(Pooled::of_one_department);
        return pooled.map_err(|error| match error {
            NotTogether::Unlike => failed(),
            NotTogether::TooLarge => too_large(),
        });
    }
    let parts = each(answers, |answer| evidence::read(admitted, &answer.batches))?;
    Ok(Pooled::of_departments(admitted, parts))
}

/// What is read of each department's answer, or a Refusal that names one whose answer isn't one.
fn each<T>(
    answers: &[(String, Answer)],
    read: impl Fn(&Answer) -> Option<T>,
) -> Result<Vec<(&str, T)>, Refusals> {
    let mut parts = Vec::with_capacity(answers.len());
    for (department, answer) in answers {
        let read = read(answer).ok_or_else(|| Refusals::from(invalid(department)))?;
        parts.push((department.as_str(), read));
    }
    Ok(parts)
}

fn too_large() -> Refusals {
    Refusal::new(
        RefusalCode::Q107,
        "a total of the open data has more than 38 digits.",
        "Leave out numbers that large with a condition, or fetch the rows.",
    )
    .into()
}

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    /// What the node is told it has.
    of_the_node: Duration,
    /// How long it is waited for here: a little longer, so that its own refusal arrives, and not until
    /// the query's deadline, so that there is time to say which department didn't answer.
    here: Duration,
}

impl Patience {
    /// Of the time that is left of a query's.
    fn of(left: Duration) -> Self {
        let kept = left.checked_div(8).unwrap_or_default().min(KEPT_MAX);
        let half = kept.checked_div(2).unwrap_or_default();
        Self { of_the_node: left.saturating_sub(kept), here: left.saturating_sub(half) }
    }
}

/// The most of a query's time that its departments aren't given.
const KEPT_MAX: Duration = Duration::from_millis(125);

/// Fingerprints of what a department announced: of the dataset that is asked about, and of those that it is joined to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Terms {
    own: u64,
    joined: BTreeMap<DatasetName, u64>,
}

/// A request's bytes, `None` if it is too long, and how long its answer is waited for.
#[derive(Debug, Clone)]
struct Written {
    ticket: Option<Bytes>,
    patience: Patience,
}

/// A channel to each holder, in node order, with the terms it announced.
type Door = (Holder, u64, Arc<dyn NodeChannel>);

impl Gathering<'_> {
    /// That everybody who holds part of a dataset can be asked.
    ///
    /// # Errors
    /// A Refusal that names all who can't.
    pub(crate) fn everybody_is_there(&self, held: &Held) -> Result<(), Refusals> {
        self.doors(held).map(|_| ())
    }

    /// A protected table from all holders.
    pub(crate) async fn tabulate(&self, asked: &Asked) -> Result<Protected<Table>, Refusals> {
        let Asked { admitted, held, joined, references } = asked;
        let contents = self.contents(admitted, references).await?;
        match admitted.dataset().release() {
            ReleaseMode::AtNode => {
                let answers = self
                    .ask_all(
                        (held, joined),
                        (AnswerKind::Protected, &admitted.table_schema()),
                        &contents,
                        |terms| asked.under(terms),
                    )
                    .await?;
                // Final tables don't add up: the catalogue sees to it that there is one holder.
                let [(department, answer)] = answers.as_slice() else {
                    return Err(invalid("several departments").into());
                };
                receive(admitted, &answer.batches).ok_or_else(|| invalid(department).into())
            }
            ReleaseMode::AtGateway => {
                self.charge(admitted, editions(&contents)).await?;
                let schema = evidence::evidence_schema(admitted);
                let answers = self
                    .ask_all((held, joined), (AnswerKind::Evidence, &schema), &contents, |terms| {
                        asked.under(terms)
                    })
                    .await?;
                self.release(admitted, together(admitted, &answers)?).await
            }
        }
    }

    /// The contents of the question's references, which its rows are joined to. A join of which nothing is used
    /// has no content; but with two rows for a key it would multiply rows, so it is made sure that there is one.
    async fn contents(
        &self,
        admitted: &Admitted<Tabulation>,
        joined: &[(Reference, Arc<Held>)],
    ) -> Result<Contents, Refusals> {
        let mut wanted = admitted.contents()?;
        let made = joined.iter().map(|(reference, held)| {
            let used = wanted.remove(reference);
            async move {
                let is_used = used.is_some();
                let key = || held.dataset.column(&reference.key).map(|c| c.scalar_type);
                let only_key = || Some(vec![(reference.key.clone(), key()?)]);
                let columns = used.or_else(only_key).ok_or_else(failed)?;
                let content = self.content(reference, &columns, held).await?;
                Ok::<_, Refusals>(is_used.then(|| (reference.clone(), content)))
            }
        });
        let made = made.collect::<Vec<_>>();
        if !wanted.is_empty() {
            return Err(failed());
        }
        Ok(futures::future::try_join_all(made).await?.into_iter().flatten().collect())
    }

    /// Charges the question to the dataset's budget, where there is one, before anybody is asked. Each
    /// department charges its own as well; here it is all departments' together.
    async fn charge(
        &self,
        admitted: &Arc<Admitted<Tabulation>>,
        editions: Editions,
    ) -> Result<(), Refusals> {
        if budgeted(admitted).is_empty() {
            return Ok(());
        }
        let (asked, guards) = (Arc::clone(admitted), Arc::clone(self.guards));
        let charging = tokio::task::spawn_blocking(move || {
            let mut accounts = BTreeMap::new();
            for (dataset, _) in budgeted(&asked) {
                let budget = guards.budget(&dataset.name).map_err(Unpaid::Unkept)?;
                let account = Account { snapshot: dataset.snapshot, budget };
                accounts.insert(dataset.name.clone(), account);
            }
            charge_admitted(&asked, &editions, &accounts)
        });
        match charging.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unpaid::Spent(refusal))) => Err(refusal.into()),
            Ok(Err(Unpaid::Unkept(error))) => {
                tracing::error!(query = %self.query_id, %error, "what is charged can't be remembered");
                Err(failed())
            }
            Err(_) => {
                tracing::error!(query = %self.query_id, "charging panicked");
                Err(failed())
            }
        }
    }

    /// Protects the total, away from the threads that serve the network: what is released is written down
    /// first.
    async fn release(
        &self,
        admitted: &Arc<Admitted<Tabulation>>,
        evidence: Pooled,
    ) -> Result<Protected<Table>, Refusals> {
        let (admitted, guards) = (Arc::clone(admitted), Arc::clone(self.guards));
        let protecting = tokio::task::spawn_blocking(move || {
            let dataset = admitted.dataset();
            let nothing = MemoryStore::new(0);
            let kept;
            let guard: &dyn Guard = if dataset.profile().guard == DifferenceGuard::On {
                kept = guards.of(&dataset.name)?;
                kept.as_ref()
            } else {
                &nothing
            };
            let release = Release { snapshot: dataset.snapshot, guard };
            protect(&admitted, evidence, &release).map(|table| (Arc::clone(&admitted), table))
        });
        match protecting.await {
            Ok(Ok((admitted, table))) => {
                groups::check(&admitted, table.get(), admitted.tabulation().groups_max)?;
                Ok(table)
            }
            Ok(Err(error)) => {
                tracing::error!(query = %self.query_id, %error, "what is released can't be remembered");
                Err(failed())
            }
            Err(_) => {
                tracing::error!(query = %self.query_id, "protection panicked");
                Err(failed())
            }
        }
    }

    /// Rows of an open dataset from all holders, one after the other in node order.
    pub(crate) async fn open_rows(
        &self,
        open: &OpenDataset,
        held: &Held,
        need: &OpenNeed,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), Refusals> {
        let schema = open.rows_schema(&need.columns).ok_or_else(|| {
            Refusals::from(Refusal::new(
                RefusalCode::X901,
                "a column of an open dataset is missing.",
                "",
            ))
        })?;
        let answers = self
            .ask_all(
                (held, &Joined::default()),
                (AnswerKind::OpenRows, &schema),
                &Contents::new(),
                |terms| {
                    Question::OpenRows(OpenRows {
                        dataset: held.dataset.name.clone(),
                        fingerprint: terms.own,
                        columns: need.columns.clone(),
                        predicate: need.predicate.clone(),
                        limit: need.limit.clone(),
                    })
                },
            )
            .await?;
        Ok((schema, answers.into_iter().flat_map(|(_, answer)| answer.batches).collect()))
    }

    /// One round trip to every holder, all at once; answers in node order. A holder that doesn't have a content yet
    /// is sent it, and asked again. Holders that announced the same are asked in the same words, which are written once.
    async fn ask_all(
        &self,
        (held, joined): (&Held, &Joined),
        (kind, schema): (AnswerKind, &SchemaRef),
        contents: &Contents,
        question: impl Fn(&Terms) -> Question,
    ) -> Result<Vec<(String, Answer)>, Refusals> {
        let doors = self.doors(held)?;
        let mut words: Vec<(Terms, Written)> = Vec::new();
        let question = &question;
        let asked = doors.into_iter().map(|(holder, own, channel)| {
            let terms = Terms { own, joined: joined.fingerprints(&holder) };
            let written = match words.iter().find(|(known, _)| *known == terms) {
                Some((_, written)) => written.clone(),
                None => {
                    let written = self.written(question(&terms), contents);
                    words.push((terms.clone(), written.clone()));
                    written
                }
            };
            async move {
                let channel = channel.as_ref();
                let answer = match self.ask(channel, (kind, schema), written).await {
                    Err(NodeFailure::Missing(missing)) => {
                        match self.lend(channel, contents, &missing).await {
                            Ok(()) => {
                                let again = self.written(question(&terms), contents);
                                self.ask(channel, (kind, schema), again).await
                            }
                            Err(failure) => Err(failure),
                        }
                    }
                    answered => answered,
                };
                match answer {
                    Ok(answer) => Ok((holder.department, answer)),
                    Err(failure) => Err(self.refusal(&holder, (held, joined), failure)),
                }
            }
        });
        let mut answers = Vec::new();
        let mut refusals = Vec::new();
        // All are heard, so that the Refusal doesn't depend on who failed first.
        for outcome in join_all(asked).await {
            match outcome {
                Ok(answer) => answers.push(answer),
                Err(found) => refusals.extend(found.iter().cloned()),
            }
        }
        Refusals::collect(refusals).map_or(Ok(answers), Err)
    }

    /// A request of this moment.
    fn written(&self, question: Question, contents: &Contents) -> Written {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = Patience::of(left);
        let request = NodeRequest {
            query_id: self.query_id,
            time_ms_max: u32::try_from(patience.of_the_node.as_millis()).unwrap_or(u32::MAX),
            question,
            editions: editions(contents),
        };
        Written { ticket: request.encode().ok().map(Bytes::from), patience }
    }

    async fn ask(
        &self,
        channel: &dyn NodeChannel,
        (kind, schema): (AnswerKind, &SchemaRef),
        Written { ticket, patience }: Written,
    ) -> Result<Answer, NodeFailure> {
        let ticket = ticket.ok_or(NodeFailure::Invalid("request too long"))?;
        channel.ask((self.query_id, ticket), kind, schema, patience.here).await
    }

    /// Sends the contents that a node says it doesn't have.
    async fn lend(
        &self,
        channel: &dyn NodeChannel,
        contents: &Contents,
        missing: &[Edition],
    ) -> Result<(), NodeFailure> {
        for edition in missing {
            // A node asks for what the question named, and for nothing else.
            let content = contents.values().find(|content| content.edition() == *edition);
            let content = content.ok_or(NodeFailure::Invalid("editions"))?;
            let left = self.deadline.saturating_duration_since(Instant::now());
            channel.lend(self.query_id, content, left).await.map_err(|failure| match failure {
                // Of a question the same code would be about its groups.
                NodeFailure::Refused(codes) if codes == [RefusalCode::L506] => {
                    NodeFailure::Missing(vec![*edition])
                }
                other => other,
            })?;
        }
        Ok(())
    }

    /// Every holder's door, or a Refusal that names all who are missing.
    pub(crate) fn doors(&self, held: &Held) -> Result<Vec<Door>, Refusals> {
        let mut doors = Vec::with_capacity(held.holders.len());
        let mut missing = Vec::new();
        for holder in &held.holders {
            let (department, dataset) = (&holder.department, &held.dataset.name);
            match (holder.standing, self.directory.channel(&holder.node)) {
                (Standing::Announces(fingerprint), Some(channel)) => {
                    doors.push((holder.clone(), fingerprint, channel));
                }
                (Standing::Silent, _) => missing.push(Refusal::new(
                    RefusalCode::N404,
                    format!(
                        "{department} is connected, but doesn't announce its part of `{dataset}`."
                    ),
                    "Ask the department whether it still publishes the dataset.",
                )),
                (Standing::Away | Standing::Announces(_), _) => missing.push(Refusal::new(
                    RefusalCode::N401,
                    format!("{department}, which holds part of `{dataset}`, isn't connected."),
                    "Try again later, or ask the department.",
                )),
            }
        }
        Refusals::collect(missing).map_or(Ok(doors), Err)
    }

    fn refusal(
        &self,
        holder: &Holder,
        (held, joined): (&Held, &Joined),
        failure: NodeFailure,
    ) -> Refusals {
        let department = &holder.department;
        let others = joined.iter().map(|held| held.dataset.as_ref());
        let datasets: Vec<&Dataset> =
            std::iter::once(held.dataset.as_ref()).chain(others).collect();
        match failure {
            NodeFailure::Refused(codes) => in_our_words(department, &datasets, &codes)
                .unwrap_or_else(|| {
                    self.refusal(holder, (held, joined), NodeFailure::Invalid("refusal"))
                }),
            // They were sent, and don't stay: there is no room for all that the question needs.
            NodeFailure::Missing(_) => Refusal::new(
                RefusalCode::L506,
                format!("the query needs more memory for reference data than {department} gives."),
                "Join fewer tables or columns at once.",
            )
            .into(),
            NodeFailure::Unreachable => Refusal::new(
                RefusalCode::N402,
                format!("{department} didn't answer."),
                "Try again; if it stays, ask the department.",
            )
            .into(),
            NodeFailure::OutOfTime => Refusal::new(
                RefusalCode::L505,
                format!("{department} didn't answer within the deadline."),
                "Ask for less at once, or for a longer deadline.",
            )
            .into(),
            NodeFailure::Invalid("request too long") => Refusal::new(
                RefusalCode::L501,
                format!(
                    "the question to {department} has more than {} bytes.",
                    insitu_proto::request::REQUEST_BYTES_MAX
                ),
                "Use fewer measures, or shorter lists of literals.",
            )
            .into(),
            NodeFailure::Invalid(what) => {
                tracing::warn!(node = %holder.node, query = %self.query_id, what, "an answer isn't valid");
                invalid(department).into()
            }
        }
    }
}

pub(crate) fn failed() -> Refusals {
    Refusal::new(
        RefusalCode::X901,
        "something went wrong inside the gateway.",
        "Report the query id; the gateway's log has the details.",
    )
    .into()
}

fn invalid(department: &str) -> Refusal {
    Refusal::new(
        RefusalCode::N403,
        format!("the answer of {department} isn't valid; nothing of it was used."),
        "Tell the department.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_less_time_than_it_is_waited_for_and_both_less_than_the_query() {
        let of = |left: u64| {
            let Patience { of_the_node, here } = Patience::of(Duration::from_millis(left));
            (of_the_node.as_millis(), here.as_millis())
        };
        assert_eq!([of(400), of(1_000), of(60_000)], [(350, 375), (875, 937), (59_875, 59_937)]);
        assert_eq!(Patience::of(Duration::ZERO).here, Duration::ZERO);
    }
}
