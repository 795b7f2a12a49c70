//! From the text of a policy to a checked [`Policy`].

use std::collections::HashSet;

use toml::de::DeTable;

use super::{
    Order, Policy, RATE_ALWAYS, ReleaseRules, Rows, Rule, is_country,
    reason::PolicyReason,
    section::{Located, Position, Section, closest},
};
use crate::{
    Error, Result,
    mark::channel::{KINDS, Kind},
    table::value::Decimal,
};

/// The data level when the policy does not say: the middle one of GB/T 39725-2020, section 6.2.
const DEFAULT_LEVEL: i64 = 3;

/// One markable cell in ten, in parts of 65,536: a few hundred rows then name a single leaker (DESIGN 3.3).
const DEFAULT_RATE: u32 = 6_554;

/// What `plan` reckons with when the policy does not say: more than five partners rarely conspire.
const DEFAULT_COLLUDERS: i64 = 5;

/// The longest code: 8 KiB per recipient, derived when needed.
const DEFAULT_CODE_LENGTH: i64 = 65_536;

const COMMON_KEYS: [&str; 2] = ["channel", "rate"];

pub(super) fn policy(text: &str) -> Result<Policy> {
    let document = DeTable::parse(text).map_err(|error| bad_toml(text, &error))?;
    let root = Section::new("the policy".into(), 0, text, document.get_ref());
    root.check_keys(&["dataset", "marking", "release", "column"])?;

    let dataset =
        root.section("dataset", "[dataset]".into())?.ok_or_else(|| root.at.fail(PolicyReason::NoDataset))?;
    dataset.check_keys(&["name", "key", "identity", "level", "vault", "subject"])?;
    let (rows, identity) = identity(&dataset)?;
    let level =
        whole(&dataset, "level", 1..=5, || PolicyReason::BadLevel { key: "level" })?.unwrap_or(DEFAULT_LEVEL);

    let marking = Marking::read(&root)?;
    let (rules, orders) = columns(&root, &marking, &identity)?;
    let subject = subject(&dataset, &rules)?;
    Ok(Policy {
        hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
        text: text.to_owned(),
        name: name(&dataset)?,
        level: level as u8,
        keeps_sources: dataset.truth("vault")?.unwrap_or(false),
        release: release_rules(&root)?,
        subject,
        rows,
        identity,
        colluders: marking.colluders,
        code_length: marking.code_length,
        rules,
        orders,
    })
}

fn bad_toml(text: &str, error: &toml::de::Error) -> Error {
    // The message names what was expected and never quotes the text; the error's own `Display` would.
    let message = error.message().replace('\n', ", ");
    let offset = error.span().map_or(0, |span| span.start);
    Position::of(text, offset).fail(PolicyReason::BadToml { message })
}

fn name(dataset: &Section<'_>) -> Result<String> {
    let name = dataset.need(dataset.text("name")?, "name")?;
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = match name.value.as_bytes() {
        [first, rest @ ..] if rest.len() < 64 => {
            letter(*first) && rest.iter().all(|byte| letter(*byte) || b"._-".contains(byte))
        }
        _ => false,
    };
    if valid { Ok(name.value) } else { Err(name.at.fail(PolicyReason::BadName { name: name.value })) }
}

fn identity(dataset: &Section<'_>) -> Result<(Rows, Vec<Located<String>>)> {
    let (rows, key, names) = match (dataset.names("key")?, dataset.names("identity")?) {
        (Some(key), None) => (Rows::Unique, "key", key),
        (None, Some(identity)) => (Rows::Shared, "identity", identity),
        (Some(_), Some(identity)) => return Err(identity.at.fail(PolicyReason::KeyAndIdentity)),
        (None, None) => return Err(dataset.at.fail(PolicyReason::NoKey)),
    };
    if names.value.is_empty() {
        return Err(names.at.fail(PolicyReason::EmptyKey { key }));
    }
    check_unique(&names.value)?;
    Ok((rows, names.value))
}

/// The column that says whom a row is about.
fn subject(dataset: &Section<'_>, rules: &[Rule]) -> Result<Option<Located<String>>> {
    let Some(subject) = dataset.text("subject")? else { return Ok(None) };
    if subject.value.is_empty() {
        return Err(subject.at.fail(PolicyReason::EmptyKey { key: "subject" }));
    }
    // The recipient's copy must name the same people as the record does.
    match rules.iter().any(|rule| rule.name == subject.value) {
        true => Err(subject.at.fail(PolicyReason::MarkedSubject { column: subject.value })),
        false => Ok(Some(subject)),
    }
}

fn check_unique(names: &[Located<String>]) -> Result<()> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.value.as_str())) {
        Some(twice) => Err(twice.at.fail(PolicyReason::NamedTwice { column: twice.value.clone() })),
        None => Ok(()),
    }
}

/// The section `[marking]`, which may be absent.
struct Marking {
    rate: u32,
    colluders: u32,
    code_length: u32,
}

impl Marking {
    fn read(root: &Section<'_>) -> Result<Marking> {
        let mut marking = Marking {
            rate: DEFAULT_RATE,
            colluders: DEFAULT_COLLUDERS as u32,
            code_length: DEFAULT_CODE_LENGTH as u32,
        };
        let Some(section) = root.section("marking", "[marking]".into())? else { return Ok(marking) };
        section.check_keys(&["rate", "colluders", "code_length"])?;
        if let Some(rate) = rate(&section)? {
            marking.rate = rate;
        }
        if let Some(colluders) = whole(&section, "colluders", 1..=1_000, || PolicyReason::BadColluders)? {
            marking.colluders = colluders as u32;
        }
        let bad_length = || PolicyReason::BadCodeLength;
        if let Some(length) = whole(&section, "code_length", 1_024..=65_536, bad_length)? {
            marking.code_length = length as u32;
        }
        if !marking.code_length.is_power_of_two() {
            let at = section.need(section.number("code_length")?, "code_length")?.at;
            return Err(at.fail(PolicyReason::BadCodeLength));
        }
        Ok(marking)
    }
}

/// The section `[release]`, which may be absent.
fn release_rules(root: &Section<'_>) -> Result<ReleaseRules> {
    let Some(section) = root.section("release", "[release]".into())? else {
        return Ok(ReleaseRules::default());
    };
    section.check_keys(&["agreement", "country", "approve_rows", "approve_rows_abroad", "approve_level"])?;
    let rows = |key| {
        let rows = whole(&section, key, 0..=i64::MAX, || PolicyReason::BadRows { key });
        rows.map(|rows| rows.map(|rows| rows as u64))
    };
    let agreement = section.text("agreement")?;
    let requires_agreement = match agreement.as_ref().map(|agreement| agreement.value.as_str()) {
        None | Some("optional") => false,
        Some("required") => true,
        Some(_) => return Err(agreement.map_or(section.at, |said| said.at).fail(PolicyReason::BadAgreement)),
    };
    let country = section.text("country")?;
    if let Some(country) = country.as_ref().filter(|country| !is_country(&country.value)) {
        return Err(country.at.fail(PolicyReason::BadCountry));
    }
    let approve_rows_abroad = rows("approve_rows_abroad")?;
    // One without the other would look like a rule, and be none.
    if country.is_some() != approve_rows_abroad.is_some() {
        return Err(section.at.fail(PolicyReason::HalfABorder));
    }
    let bad_level = || PolicyReason::BadLevel { key: "approve_level" };
    let level = whole(&section, "approve_level", 1..=5, bad_level)?;
    Ok(ReleaseRules {
        requires_agreement,
        country: country.map(|country| country.value),
        approve_rows: rows("approve_rows")?,
        approve_rows_abroad,
        approve_level: level.map(|level| level as u8),
    })
}

/// A rate in parts of 65,536. A rate too small to be one part counts as one.
fn rate(section: &Section<'_>) -> Result<Option<u32>> {
    let Some(rate) = section.number("rate")? else { return Ok(None) };
    if rate.value <= Decimal::ZERO || rate.value > Decimal::whole(1) {
        return Err(rate.at.fail(PolicyReason::RateOutOfRange));
    }
    // Up to 18 decimals and a value of at most one: the product fits easily.
    let unit = 10_i128.pow(u32::from(rate.value.scale()));
    let parts = (rate.value.mantissa() * i128::from(RATE_ALWAYS) * 2 + unit) / (2 * unit);
    Ok(Some((parts as u32).max(1)))
}

/// A whole number within a range.
fn whole(
    section: &Section<'_>,
    key: &str,
    range: std::ops::RangeInclusive<i64>,
    reason: impl FnOnce() -> PolicyReason,
) -> Result<Option<i64>> {
    let Some(number) = section.number(key)? else { return Ok(None) };
    let value = i64::try_from(number.value.mantissa()).ok().filter(|_| number.value.scale() == 0);
    match value {
        Some(value) if range.contains(&value) => Ok(Some(value)),
        _ => Err(number.at.fail(reason())),
    }
}

/// Every `[column.NAME]`, in order of appearance, and the orders between them.
fn columns(
    root: &Section<'_>,
    marking: &Marking,
    identity: &[Located<String>],
) -> Result<(Vec<Rule>, Vec<Order>)> {
    let Some(table) = root.section("column", "[column]".into())? else {
        return Err(root.at.fail(PolicyReason::NothingMarked));
    };
    let (mut rules, mut orders) = (Vec::new(), Vec::new());
    for key in table.keys() {
        let Some(section) = table.section(key.value, format!("[column.{}]", key.value))? else { continue };
        if identity.iter().any(|name| name.value == key.value) {
            return Err(key.at.fail(PolicyReason::MarkedKey { column: key.value.into() }));
        }
        rules.push(rule(&section, &key, marking, &mut orders)?);
    }
    if rules.is_empty() {
        return Err(table.at.fail(PolicyReason::NothingMarked));
    }
    for order in &orders {
        check_kinds(order, &rules)?;
    }
    Ok((rules, orders))
}

fn rule(
    section: &Section<'_>,
    name: &Located<&str>,
    marking: &Marking,
    orders: &mut Vec<Order>,
) -> Result<Rule> {
    let channel = section.need(section.text("channel")?, "channel")?;
    let Some(kind) = KINDS.iter().find(|kind| kind.name == channel.value) else {
        let names = || KINDS.iter().map(|kind| kind.name);
        let hint = match closest(&channel.value, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("channels are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(channel.at.fail(PolicyReason::UnknownChannel { channel: channel.value, hint }));
    };
    check_column_keys(section, kind)?;
    let built = (kind.build)(section)?;
    if let Some([at_most, at_least]) = kind.family.order_keys() {
        for (key, is_lower) in [(at_most, true), (at_least, false)] {
            for other in section.names(key)?.map(|names| names.value).unwrap_or_default() {
                if other.value == name.value {
                    return Err(other.at.fail(PolicyReason::OrderWithItself { column: other.value }));
                }
                let this = name.value.to_owned();
                let (lower, upper) = if is_lower { (this, other.value) } else { (other.value, this) };
                orders.push(Order { lower, upper, at: other.at, key });
            }
        }
    }
    let rate = rate(section)?.unwrap_or(marking.rate);
    Ok(Rule { name: name.value.to_owned(), at: name.at, kind, rate, channel: built })
}

/// A key that another channel has is a better clue than a key that nothing has.
fn check_column_keys(section: &Section<'_>, kind: &'static Kind) -> Result<()> {
    let keys_of =
        |kind: &'static Kind| kind.keys.iter().copied().chain(kind.family.order_keys().into_iter().flatten());
    let known: Vec<_> = COMMON_KEYS.into_iter().chain(keys_of(kind)).collect();
    let misplaced = section.keys().into_iter().find(|key| {
        !known.contains(&key.value) && KINDS.iter().any(|other| keys_of(other).any(|k| k == key.value))
    });
    if let Some(key) = misplaced {
        let takes = format!("`{}` takes {}", kind.name, known.join(", "));
        let reason = PolicyReason::KeyDoesNotFit { key: key.value.into(), channel: kind.name, takes };
        return Err(key.at.fail(reason));
    }
    section.check_keys(&known)
}

/// Two marked columns can be compared only when their values have an order in common. A column that the policy
/// does not mark is looked for in the file's header, when there is one.
fn check_kinds(order: &Order, rules: &[Rule]) -> Result<()> {
    let find = |name: &str| rules.iter().find(|rule| rule.name == name);
    let (Some(lower), Some(upper)) = (find(&order.lower), find(&order.upper)) else { return Ok(()) };
    if lower.kind.family == upper.kind.family {
        return Ok(());
    }
    let said_by_lower = lower.kind.family.order_keys().is_some_and(|[at_most, _]| at_most == order.key);
    let (this, other) = if said_by_lower { (lower, upper) } else { (upper, lower) };
    Err(order.at.fail(PolicyReason::OrderAcrossKinds {
        key: order.key,
        column: this.name.clone(),
        other: other.name.clone(),
        channel: other.kind.name,
    }))
}
