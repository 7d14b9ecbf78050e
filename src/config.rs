//! The configuration: every variable read once, checked whole, refused with its name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::admission::book::FARTHEST_MS;
use crate::admission::origin;
use crate::order::Sorted;
use crate::signature;
use crate::typed;

/// With more retries than this a host is not tried again but besieged.
const MOST_RETRIES: u64 = 10;

/// One model of a route: where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The model's name at its host.
    pub model: Rc<str>,
    /// The host's base address, without a slash at its end.
    pub base_url: Rc<str>,
    /// The bearer key; none for an open host.
    pub key: Option<Rc<str>>,
}

impl Target {
    /// A number that tells targets apart, the same in every isolate of one version.
    pub fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.base_url, &self.model).hash(&mut hasher);
        hasher.finish()
    }
}

/// Deadlines of one upstream call, in milliseconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the reply's headers, and until the first data of a stream.
    pub first_byte_ms: u64,
    /// Between two bytes.
    pub silence_ms: u64,
    /// From the start to the end, all attempts together.
    pub total_ms: u64,
}

/// The Worker's whole configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The default host for models that no route names; none without a key.
    pub upstream: Option<Upstream>,
    /// Route names, each with its ordered targets.
    pub routes: Sorted<String, Vec<Target>>,
    /// Keys for `/v1/*`.
    pub api_keys: Vec<String>,
    /// The upstream's requests a minute, worldwide; 0 is none.
    pub upstream_rpm: u64,
    /// The upstream's tokens a minute, worldwide; 0 is none.
    pub upstream_tpm: u64,
    /// The upstream's calls in flight, worldwide; 0 is none.
    pub upstream_concurrency: u64,
    /// The longest that a shopper waits for a place, in milliseconds.
    pub queue_ms: u64,
    /// Requests a minute for one API key; 0 is none.
    pub key_rpm: u64,
    /// Secrets of visitors' tokens: the first signs, each is accepted.
    pub visitor_secrets: Vec<String>,
    /// Origins that may call `/chat*`; none listed is the Worker's own.
    pub allowed_origins: Vec<String>,
    /// Messages a minute of one visitor; 0 is none.
    pub visitor_rpm: u64,
    /// New sessions a minute from one address; 0 is none.
    pub address_rpm: u64,
    /// How long an answer to a first question is told to others who ask the same, in milliseconds; 0 is not at all.
    pub share_ms: u64,
    /// How long a visitor's token lives, in minutes.
    pub token_minutes: u64,
    /// How long a conversation is kept after its last turn, in days.
    pub history_days: u64,
    /// Where and how a conversation is handed to a person.
    pub handoff: Handoff,
    /// Deadlines of a call.
    pub deadlines: Deadlines,
    /// Retries after the first attempt, at most.
    pub retries: u32,
    /// Whether a second call is begun beside one that is late to begin.
    pub hedge: bool,
}

/// Where and how a conversation is handed to a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handoff {
    /// Where transcripts are posted; none shows the shop's contact instead.
    pub url: Option<String>,
    /// What signs them.
    pub secret: Option<String>,
    /// How a shopper reaches the shop.
    pub contact: Contact,
}

/// How a shopper reaches the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// A mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// When somebody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// A page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The default host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its base address.
    pub base_url: Rc<str>,
    /// Its key; none with `UPSTREAM_OPEN=true`.
    pub key: Option<Rc<str>>,
}

/// A variable that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable's name.
    pub name: String,
    /// What is wrong and how to mend it; never the value of a secret.
    pub fault: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "configuration: {} {}", self.name, self.fault)
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetText {
    model: String,
    base_url: Option<String>,
    key: Option<String>,
}

/// What sets the secret of letters apart from that of tokens, from which it is made: who checks letters cannot write tokens.
const LETTERS: &str = "madoguchi handoff 1";

/// The route of answers.
pub const DEFAULT_ROUTE: &str = "default";

const DEFAULT_ROUTES: &str = r#"{"default":[{"model":"gpt-4.1"},{"model":"gemini-2.5-flash"},{"model":"deepseek-v3.2"}],
"analysis":[{"model":"deepseek-v3.2"},{"model":"gemini-2.5-flash"}]}"#;

/// A variable or secret by name; the empty text counts as not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads the configuration, `lookup` giving variables and secrets alike.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let base_url =
            base("UPSTREAM_BASE_URL", get("UPSTREAM_BASE_URL").as_deref().unwrap_or("https://api.holysheep.ai/v1"))?;
        let key = get("UPSTREAM_API_KEY");
        let open = flag("UPSTREAM_OPEN", get("UPSTREAM_OPEN"))?;
        let upstream = (key.is_some() || open).then(|| Upstream { base_url, key: key.as_deref().map(Rc::from) });
        let deadlines = Deadlines {
            first_byte_ms: number("FIRST_BYTE_MS", &get, 10_000, 1)?,
            silence_ms: number("SILENCE_MS", &get, 25_000, 1)?,
            total_ms: number("TOTAL_MS", &get, 60_000, 1)?,
        };
        let visitor_secrets = listed(get("VISITOR_SECRET"));
        if visitor_secrets.len() > 2 {
            return Err(fault(
                "VISITOR_SECRET",
                "holds more than two secrets: keep the new one first and the old one after it",
            ));
        }
        Ok(Self {
            allowed_origins: listed(get("ALLOWED_ORIGINS"))
                .iter()
                .map(|text| {
                    origin::normal(text).ok_or_else(|| {
                        fault(
                            "ALLOWED_ORIGINS",
                            format!("has {text:?}: write origins as browsers do, such as https://shop.example or https://xn--wgv71a.example, apart by commas"),
                        )
                    })
                })
                .collect::<Result<_, _>>()?,
            handoff: Handoff {
                url: get("HANDOFF_URL").map(receiver).transpose()?,
                secret: get("HANDOFF_SECRET")
                    .or_else(|| visitor_secrets.first().map(|secret| signature::sign(secret, &[LETTERS]))),
                contact: get("SHOP_CONTACT").map_or_else(|| Ok(Contact::default()), |text| contact(&text))?,
            },
            visitor_secrets,
            visitor_rpm: number("VISITOR_RPM", &get, 20, 0)?,
            address_rpm: number("ADDRESS_RPM", &get, 60, 0)?,
            // Places are given a minute ahead.
            queue_ms: within("QUEUE_MS", &get, 15_000, 0..=FARTHEST_MS)?,
            share_ms: number("SHARE_MS", &get, 60_000, 0)?,
            token_minutes: number("TOKEN_MINUTES", &get, 60, 1)?,
            history_days: number("HISTORY_DAYS", &get, 30, 1)?,
            routes: routes(get("ROUTES"), upstream.as_ref(), &get)?,
            upstream,
            api_keys: listed(get("API_KEYS")),
            upstream_rpm: number("UPSTREAM_RPM", &get, 3000, 0)?,
            upstream_tpm: number("UPSTREAM_TPM", &get, 0, 0)?,
            upstream_concurrency: number("UPSTREAM_CONCURRENCY", &get, 0, 0)?,
            key_rpm: number("KEY_RPM", &get, 0, 0)?,
            deadlines,
            retries: within("RETRIES", &get, 3, 0..=MOST_RETRIES)? as u32,
            hedge: flag("HEDGE", get("HEDGE"))?,
        })
    }

    /// Whether there is a route of that name with a target in it.
    pub fn has_route(&self, name: &str) -> bool {
        self.routes.get(name).is_some_and(|targets| !targets.is_empty())
    }

    /// Where calls for a `model` of a request go: the chain of a route's name, or the default host alone.
    pub fn targets(&self, model: &str) -> Vec<Target> {
        match (self.routes.get(model), &self.upstream) {
            (Some(targets), _) => targets.clone(),
            (None, Some(host)) => {
                vec![Target { model: model.into(), base_url: host.base_url.clone(), key: host.key.clone() }]
            }
            (None, None) => Vec::new(),
        }
    }
}

fn fault(name: &str, what: impl Into<String>) -> ConfigError {
    ConfigError { name: name.to_owned(), fault: what.into() }
}

fn number(name: &str, get: &dyn Fn(&str) -> Option<String>, default: u64, least: u64) -> Result<u64, ConfigError> {
    within(name, get, default, least..=u64::from(u32::MAX))
}

fn within(
    name: &str,
    get: &dyn Fn(&str) -> Option<String>,
    default: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let Some(text) = get(name) else { return Ok(default) };
    text.parse().ok().filter(|n| bounds.contains(n)).ok_or_else(|| {
        fault(name, format!("is {text:?}: write a whole number from {} to {}", bounds.start(), bounds.end()))
    })
}

fn listed(text: Option<String>) -> Vec<String> {
    let parts = |text: String| text.split(',').map(|k| k.trim().to_owned()).filter(|k| !k.is_empty()).collect();
    text.map(parts).unwrap_or_default()
}

fn contact(text: &str) -> Result<Contact, ConfigError> {
    typed::read(text).map_err(|e| {
        let wanted = r#"{"email":"...","phone":"...","hours":"...","url":"..."}, each if there is one"#;
        fault("SHOP_CONTACT", format!("cannot be read ({e}): write JSON such as {wanted}"))
    })
}

fn flag(name: &str, text: Option<String>) -> Result<bool, ConfigError> {
    match text.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(fault(name, format!("is {other:?}: write true or false"))),
    }
}

/// What an address has before its path: the host, with a port and credentials where they are written.
fn authority<'a>(name: &str, text: &'a str) -> Result<&'a str, ConfigError> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.and_then(|rest| rest.split(['/', '\\', '?', '#']).next())
        .filter(|host| !host.is_empty() && !text.contains(char::is_whitespace))
        .ok_or_else(|| fault(name, "is not an address: write one such as https://api.example.com/v1"))
}

/// An address that paths are put after.
fn base(name: &str, text: &str) -> Result<Rc<str>, ConfigError> {
    authority(name, text)?;
    Ok(text.trim_end_matches('/').into())
}

/// An address that is posted to as it is written: to many a host a slash at the end is another page.
fn receiver(text: String) -> Result<String, ConfigError> {
    let name = "HANDOFF_URL";
    if authority(name, &text)?.contains('@') {
        // The platform's fetch drops them, and every letter would be refused.
        return Err(fault(
            name,
            "has a user name or a password before its host, which would not be sent: write the address without them, and let the receiver check the signature",
        ));
    }
    Ok(text)
}

fn routes(
    text: Option<String>,
    upstream: Option<&Upstream>,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Sorted<String, Vec<Target>>, ConfigError> {
    let given = text.as_deref().unwrap_or(DEFAULT_ROUTES);
    let mut listed: HashMap<String, Vec<TargetText>> = typed::read(given).map_err(|e| {
        fault("ROUTES", format!("cannot be read ({e}): write JSON such as {{\"default\":[{{\"model\":\"gpt-4.1\"}}]}}"))
    })?;
    if !listed.contains_key(DEFAULT_ROUTE) {
        let usual = typed::read::<HashMap<String, Vec<TargetText>>>(DEFAULT_ROUTES).ok();
        listed.extend(usual.and_then(|mut usual| usual.remove_entry(DEFAULT_ROUTE)));
    }
    let mut routes = Sorted::default();
    for (route, targets) in listed {
        if targets.is_empty() {
            return Err(fault("ROUTES", format!("has no model in {route:?}: name at least one")));
        }
        let mut chain = Vec::new();
        for t in targets {
            let key = match &t.key {
                None => upstream.and_then(|u| u.key.clone()).filter(|_| t.base_url.is_none()),
                Some(name) => Some(Rc::from(get(name).ok_or_else(|| {
                    // A key itself, written in the place of its name, is not to be told to everybody.
                    fault("ROUTES", format!("has for {:?} in {route:?} a key that is the name of no secret: set a secret, and write its name there", t.model))
                })?)),
            };
            match (&t.base_url, upstream) {
                (Some(url), _) => {
                    let base_url = base("ROUTES base_url", url)?;
                    chain.push(Target { model: t.model.into(), base_url, key });
                }
                (None, Some(host)) => chain.push(Target {
                    model: t.model.into(),
                    base_url: host.base_url.clone(),
                    key: key.or(host.key.clone()),
                }),
                // Without a default host only targets with an address of their own can be called.
                (None, None) => {}
            }
        }
        routes.insert(route, chain);
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn without_a_key_there_is_no_upstream_and_routes_lead_nowhere() {
        let config = read(&[]).unwrap();
        assert_eq!(config.upstream, None);
        assert!(config.targets("default").is_empty());
        assert!(config.targets("gpt-4.1").is_empty());
    }

    #[test]
    fn a_route_is_a_chain_and_any_other_model_goes_to_the_default_host() {
        let config = read(&[("UPSTREAM_API_KEY", "k")]).unwrap();
        let models: Vec<_> = config.targets("default").into_iter().map(|t| t.model.to_string()).collect();
        assert_eq!(models, ["gpt-4.1", "gemini-2.5-flash", "deepseek-v3.2"]);
        assert_eq!(config.targets("o9").first().unwrap().key.as_deref(), Some("k"));
    }

    #[test]
    fn routes_without_default_leave_it_as_it_is_and_those_without_analysis_have_none() {
        let config = read(&[("UPSTREAM_API_KEY", "k"), ("ROUTES", r#"{"fast":[{"model":"m"}]}"#)]).unwrap();
        assert_eq!(config.targets("default").len(), 3);
        assert!(config.has_route("default") && config.has_route("fast") && !config.has_route("analysis"));
        assert!(read(&[("UPSTREAM_API_KEY", "k")]).unwrap().has_route("analysis"));
    }

    #[test]
    fn the_default_key_never_goes_to_another_host() {
        let routes = r#"{"default":[{"model":"m","base_url":"http://elsewhere/v1"}]}"#;
        let config = read(&[("UPSTREAM_API_KEY", "k"), ("ROUTES", routes)]).unwrap();
        assert_eq!(config.targets("default").first().unwrap().key, None);
    }

    #[test]
    fn a_number_that_cannot_be_used_is_told_with_its_own_bounds() {
        for (name, value, bounds) in
            [("RETRIES", "many", "0 to 10"), ("RETRIES", "11", "0 to 10"), ("QUEUE_MS", "60001", "0 to 60000")]
        {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(bounds), "{error}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_secrets_name_is_not_told() {
        let routes = r#"{"default":[{"model":"m","base_url":"http://elsewhere/v1","key":"sk-very-secret"}]}"#;
        let error = read(&[("ROUTES", routes)]).unwrap_err().to_string();
        assert!(error.contains("\"m\" in \"default\"") && !error.contains("sk-very-secret"), "{error}");
    }

    #[test]
    fn letters_go_to_the_very_address_that_is_written_and_base_addresses_end_without_slashes() {
        let posted = |url: &str| read(&[("HANDOFF_URL", url)]).unwrap().handoff.url.unwrap();
        for url in [
            "https://shop.example",
            "https://shop.example/desk/",
            "http://127.0.0.1:9/desk?next=/a/",
            "https://shop.example/@desk?to=help@shop.example",
        ] {
            assert_eq!(posted(url), url);
        }
        let routes = r#"{"default":[{"model":"m","base_url":"http://elsewhere/v1/"}]}"#;
        let config =
            read(&[("UPSTREAM_BASE_URL", "https://host/v1//"), ("UPSTREAM_OPEN", "true"), ("ROUTES", routes)]).unwrap();
        assert_eq!(&*config.targets("default").first().unwrap().base_url, "http://elsewhere/v1");
        assert_eq!(&*config.targets("o9").first().unwrap().base_url, "https://host/v1");
    }

    #[test]
    fn an_address_for_letters_that_holds_a_password_is_refused_and_the_password_not_told() {
        for url in ["http://user:hidden@host/", "https://hidden@host", "https://user:hidden@host?a=b"] {
            let error = read(&[("HANDOFF_URL", url)]).unwrap_err();
            assert_eq!(error.name, "HANDOFF_URL", "{url}");
            assert!(error.fault.contains("password") && !error.fault.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn letters_are_signed_under_the_first_of_the_visitors_secrets_as_the_readme_tells() {
        let secret = |visitors: &str| read(&[("VISITOR_SECRET", visitors)]).unwrap().handoff.secret;
        // What `openssl dgst -sha256 -hmac new` says of the words.
        let told = "63295da99148cb6fa8c6b1acea03ae33070b331930f93053801fed1aa9be2a30";
        assert_eq!(secret("new,old").as_deref(), Some(told));
        assert_eq!(secret("new").as_deref(), Some(told));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named_with_its_mend() {
        for (name, value) in [
            ("RETRIES", "many"),
            ("RETRIES", "11"),
            ("TOTAL_MS", "0"),
            ("UPSTREAM_BASE_URL", "example.com"),
            ("UPSTREAM_OPEN", "yes"),
            ("HEDGE", "1"),
            ("ROUTES", "{"),
            ("ROUTES", r#"{"default":[]}"#),
            ("ROUTES", r#"{"default":[{"model":"m","key":"NOT_SET"}]}"#),
            ("ALLOWED_ORIGINS", "https://shop.example, *"),
            ("VISITOR_SECRET", "a,b,c"),
            ("HANDOFF_URL", "desk"),
            ("SHOP_CONTACT", r#"{"mail":"help@shop.example"}"#),
            ("HISTORY_DAYS", "0"),
            ("TOKEN_MINUTES", "0"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().name, name, "{value}");
        }
    }
}
