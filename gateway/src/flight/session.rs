//! Sessions: the options a client sets once and not with each call.
//!
//! The list of options is closed, and none reaches the query engine's configuration. A client that
//! keeps cookies has a session of its own, named by the cookie it got when it logged in; the calls of
//! an analyst without a cookie share one session. What concerns one call only goes in a header
//! (`call`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

use super::handles::{Handle, Holding, Holdings, Life, WhenFull};
use super::session_messages::{ErrorValue, OptionValue, SessionOptionValue};
use crate::CATALOG;
use crate::analyst::Analyst;
use crate::query::{Options, label};
use crate::status::Fault;

/// The name Arrow suggests.
const COOKIE: &str = "arrow_flight_session_id";
/// The most options of one request: more than there are.
const OPTIONS_MAX: usize = 64;

/// Which session a call belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    analyst: Analyst,
    cookie: Option<Handle>,
}

impl SessionKey {
    /// The session of a call with these headers. A cookie names a session among the analyst's own,
    /// so that somebody else's leads nowhere.
    pub(crate) fn of(metadata: &MetadataMap, analyst: &Analyst) -> Self {
        let cookies = metadata.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
        let ours = cookies.flat_map(|line| line.split(';')).find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE).then(|| u128::from_str_radix(value.trim_matches('"'), 16).ok())?
        });
        let cookie = ours.and_then(|bits| Handle::read(&bits.to_be_bytes()).ok());
        Self { analyst: analyst.clone(), cookie }
    }
}

/// A cookie that names a new session; there is nothing behind it until an option is set.
///
/// # Errors
/// X901 if the operating system has no randomness.
pub(crate) fn new_cookie() -> Result<MetadataValue<Ascii>, Fault> {
    let hex: String = Handle::random()?.bytes().iter().map(|b| format!("{b:02x}")).collect();
    MetadataValue::try_from(format!("{COOKIE}={hex}; Path=/; HttpOnly"))
        .map_err(|_| Fault::internal())
}

/// The options there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OptionName {
    /// `insitu`, the only one.
    Catalog,
    /// None: names are written `schema.table`.
    Schema,
    /// The approved purpose the questions are asked for: the project …
    Project,
    /// … and the purpose within it.
    Purpose,
    /// `on` for a status column beside each measure.
    Statuses,
    /// `off`: an answer that lacks a department isn't given.
    Partial,
    /// `off`: texts are sent as Utf8, which every client reads.
    ArrowViewTypes,
    /// Seconds until an answer must be complete.
    Deadline,
}

impl OptionName {
    const ALL: [Self; 8] = [
        Self::Catalog,
        Self::Schema,
        Self::Project,
        Self::Purpose,
        Self::Statuses,
        Self::Partial,
        Self::ArrowViewTypes,
        Self::Deadline,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Schema => "schema",
            Self::Project => "project",
            Self::Purpose => "purpose",
            Self::Statuses => "statuses",
            Self::Partial => "partial",
            Self::ArrowViewTypes => "arrow_view_types",
            Self::Deadline => "deadline",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.as_str() == name)
    }

    /// The value among these options.
    fn read(self, options: &Options) -> OptionValue {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        match self {
            Self::Catalog => text(CATALOG),
            Self::Schema => text(""),
            Self::Project => text(options.project.as_deref().unwrap_or_default()),
            Self::Purpose => text(options.purpose.as_deref().unwrap_or_default()),
            Self::Statuses => text(if options.statuses { "on" } else { "off" }),
            Self::Partial | Self::ArrowViewTypes => text("off"),
            Self::Deadline => {
                OptionValue::Whole(i64::try_from(options.deadline.as_secs()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Sets the value among these options, or with `None` its default; `None` if it can't be had.
    fn write(
        self,
        value: Option<&OptionValue>,
        options: &mut Options,
        sessions: &Sessions,
    ) -> Option<()> {
        let default = &sessions.default;
        match self {
            Self::Catalog => fixed(value, CATALOG),
            Self::Schema => fixed(value, ""),
            Self::Project => text(value).map(|text| options.project = text),
            Self::Purpose => text(value).map(|text| options.purpose = text),
            Self::Statuses => {
                let on = value.map_or(Some(default.statuses), switch)?;
                options.statuses = on;
                Some(())
            }
            Self::Partial | Self::ArrowViewTypes => {
                value.map_or(Some(false), switch).filter(|on| !on).map(|_| ())
            }
            Self::Deadline => {
                options.deadline = match value {
                    None => default.deadline,
                    Some(value) => seconds(value).filter(|s| *s <= sessions.deadline_max)?,
                };
                Some(())
            }
        }
    }
}

fn fixed(value: Option<&OptionValue>, only: &str) -> Option<()> {
    match value {
        None => Some(()),
        Some(OptionValue::Text(text)) => (text.is_empty() || text == only).then_some(()),
        Some(
            OptionValue::Flag(_)
            | OptionValue::Whole(_)
            | OptionValue::Float(_)
            | OptionValue::Texts(_),
        ) => None,
    }
}

fn text(value: Option<&OptionValue>) -> Option<Option<String>> {
    match value {
        None => Some(None),
        Some(OptionValue::Text(text)) => {
            label(text).map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
        Some(
            OptionValue::Flag(_)
            | OptionValue::Whole(_)
            | OptionValue::Float(_)
            | OptionValue::Texts(_),
        ) => None,
    }
}

fn switch(value: &OptionValue) -> Option<bool> {
    match value {
        OptionValue::Flag(on) => Some(*on),
        OptionValue::Text(text) => match text.as_str() {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => None,
        },
        OptionValue::Whole(_) | OptionValue::Float(_) | OptionValue::Texts(_) => None,
    }
}

fn seconds(value: &OptionValue) -> Option<Duration> {
    let seconds = match value {
        OptionValue::Whole(seconds) => u64::try_from(*seconds).ok()?,
        OptionValue::Text(text) => text.parse().ok()?,
        OptionValue::Flag(_) | OptionValue::Float(_) | OptionValue::Texts(_) => return None,
    };
    (1 <= seconds).then(|| Duration::from_secs(seconds))
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    default: Options,
    deadline_max: Duration,
    held: Holdings<SessionKey, Options>,
}

impl Sessions {
    /// Sessions whose deadlines are no longer than this.
    pub(crate) fn new(deadline_max: Duration) -> Self {
        let rules = Holding {
            per_analyst_max: 64,
            total_max: 4_096,
            // Options are small, and no smaller or larger than those of others.
            weight_per_analyst_max: usize::MAX,
            weight_total_max: usize::MAX,
            life: Life::SinceUsed(Duration::from_secs(3_600)),
            when_full: WhenFull::Replace,
        };
        let usual = Options::default();
        let default = Options { deadline: usual.deadline.min(deadline_max), ..usual };
        Self { default, deadline_max, held: Holdings::new(rules) }
    }

    /// The options of a session; the default's if nothing was ever set in it, or long ago.
    pub(crate) fn options(&self, key: &SessionKey, now: Instant) -> Options {
        self.held.get(key, &key.analyst, now).unwrap_or_else(|| self.default.clone())
    }

    /// Sets options, each by itself, and returns those that couldn't be set with the reason.
    ///
    /// # Errors
    /// More options than there are; L507 when there are too many sessions.
    pub(crate) fn set(
        &self,
        key: &SessionKey,
        values: &HashMap<String, SessionOptionValue>,
        now: Instant,
    ) -> Result<HashMap<String, ErrorValue>, Fault> {
        if OPTIONS_MAX < values.len() {
            return Err(Fault::Malformed("a list of more than 64 session options"));
        }
        let mut options = self.options(key, now);
        let mut errors = HashMap::new();
        for (name, value) in values {
            let error = OptionName::find(name).map_or(Some(ErrorValue::InvalidName), |option| {
                let value = value.option_value.as_ref();
                let written = option.write(value, &mut options, self);
                written.map_or(Some(ErrorValue::InvalidValue), |()| None)
            });
            if let Some(error) = error {
                errors.insert(name.clone(), error);
            }
        }
        self.held.hold(key.clone(), &key.analyst, options, 1, now)?;
        Ok(errors)
    }

    /// Every option with its value.
    pub(crate) fn get(
        &self,
        key: &SessionKey,
        now: Instant,
    ) -> HashMap<String, SessionOptionValue> {
        let options = self.options(key, now);
        let value =
            |option: OptionName| SessionOptionValue { option_value: Some(option.read(&options)) };
        OptionName::ALL.into_iter().map(|o| (o.as_str().to_owned(), value(o))).collect()
    }

    /// Forgets a session.
    pub(crate) fn close(&self, key: &SessionKey, now: Instant) {
        self.held.release(key, &key.analyst, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(analyst: &str, cookie: Option<&str>) -> SessionKey {
        let mut metadata = MetadataMap::new();
        if let Some(cookie) = cookie {
            metadata.insert("cookie", cookie.parse().unwrap());
        }
        SessionKey::of(&metadata, &Analyst::for_tests(analyst))
    }

    fn set(
        sessions: &Sessions,
        key: &SessionKey,
        name: &str,
        value: OptionValue,
    ) -> Option<ErrorValue> {
        let values =
            HashMap::from([(name.to_owned(), SessionOptionValue { option_value: Some(value) })]);
        sessions.set(key, &values, Instant::now()).unwrap().remove(name)
    }

    fn words(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }

    #[test]
    fn options_are_set_read_back_and_used() {
        let (sessions, ada) = (Sessions::new(Duration::from_secs(600)), key("ada", None));
        assert_eq!(set(&sessions, &ada, "statuses", words("on")), None);
        assert_eq!(set(&sessions, &ada, "project", words("P-17")), None);
        assert_eq!(set(&sessions, &ada, "deadline", OptionValue::Whole(5)), None);
        assert_eq!(set(&sessions, &ada, "catalog", words("insitu")), None);
        let options = sessions.options(&ada, Instant::now());
        assert!(options.statuses);
        assert_eq!(options.project.as_deref(), Some("P-17"));
        assert_eq!(options.deadline, Duration::from_secs(5));
        let shown = sessions.get(&ada, Instant::now());
        assert_eq!(shown.len(), OptionName::ALL.len());
        assert_eq!(shown["catalog"].option_value, Some(words("insitu")));
        assert_eq!(shown["statuses"].option_value, Some(words("on")));
        assert_eq!(shown["deadline"].option_value, Some(OptionValue::Whole(5)));
    }

    #[test]
    fn what_can_not_be_had_is_an_error_of_its_key() {
        let (sessions, ada) = (Sessions::new(Duration::from_secs(600)), key("ada", None));
        let refused = |name: &str, value| set(&sessions, &ada, name, value);
        assert_eq!(refused("batch_size", words("1")), Some(ErrorValue::InvalidName));
        assert_eq!(
            refused("datafusion.execution.batch_size", words("1")),
            Some(ErrorValue::InvalidName)
        );
        for (name, value) in [
            ("catalog", words("other")),
            ("schema", words("police")),
            ("statuses", words("maybe")),
            ("statuses", OptionValue::Whole(1)),
            ("partial", words("on")),
            ("arrow_view_types", OptionValue::Flag(true)),
            ("deadline", words("soon")),
            ("deadline", OptionValue::Whole(0)),
            ("deadline", OptionValue::Whole(601)),
            ("deadline", OptionValue::Float(5.0)),
            ("project", words(&"p".repeat(201))),
            ("project", words("a\nb")),
            (
                "purpose",
                OptionValue::Texts(super::super::session_messages::StringListValue::default()),
            ),
        ] {
            assert_eq!(refused(name, value), Some(ErrorValue::InvalidValue), "{name}");
        }
        assert_eq!(sessions.options(&ada, Instant::now()), Options::default());
    }

    #[test]
    fn a_good_option_is_set_although_its_neighbour_is_not() {
        let (sessions, ada) = (Sessions::new(Duration::from_secs(600)), key("ada", None));
        let value = |v| SessionOptionValue { option_value: Some(v) };
        let values = HashMap::from([
            ("statuses".to_owned(), value(words("on"))),
            ("partial".to_owned(), value(words("on"))),
        ]);
        let errors = sessions.set(&ada, &values, Instant::now()).unwrap();
        assert_eq!(errors, HashMap::from([("partial".to_owned(), ErrorValue::InvalidValue)]));
        assert!(sessions.options(&ada, Instant::now()).statuses);
    }

    #[test]
    fn no_value_unsets_an_option() {
        let (sessions, ada) = (Sessions::new(Duration::from_secs(600)), key("ada", None));
        for name in ["statuses", "deadline", "project"] {
            let value = if name == "deadline" { words("5") } else { words("on") };
            assert_eq!(set(&sessions, &ada, name, value), None);
            let unset = HashMap::from([(name.to_owned(), SessionOptionValue::default())]);
            assert!(sessions.set(&ada, &unset, Instant::now()).unwrap().is_empty());
        }
        assert_eq!(sessions.options(&ada, Instant::now()), Options::default());
    }

    #[test]
    fn a_session_is_its_cookies_and_its_analysts() {
        let sessions = Sessions::new(Duration::from_secs(600));
        let cookie = new_cookie().unwrap();
        let cookie = format!("other=1; {}", cookie.to_str().unwrap().split_once(';').unwrap().0);
        let theirs = key("ada", Some(&cookie));
        assert_ne!(theirs, key("ada", None));
        assert_eq!(set(&sessions, &theirs, "statuses", words("on")), None);
        let statuses = |key: &SessionKey| sessions.options(key, Instant::now()).statuses;
        assert!(statuses(&theirs));
        assert!(!statuses(&key("ada", None)));
        assert!(!statuses(&key("ben", Some(&cookie))));
        assert!(!statuses(&key("ada", Some("arrow_flight_session_id=zz"))));
        sessions.close(&key("ben", Some(&cookie)), Instant::now());
        assert!(statuses(&theirs));
        sessions.close(&theirs, Instant::now());
        assert!(!statuses(&theirs));
    }
}
