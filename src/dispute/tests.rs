//! Openings of a real delivery: what they show, and that nothing in them can be changed.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::check::{check, check_exhibits, check_leak};
use super::exhibit::Exhibit;
use super::make::{Traced, Wanted, make};
use super::opening::{Codeword, Opening, View};
use crate::commitment;
use crate::demo::{DEMO_KEYRING, HOSPITAL_POLICY, hospital};
use crate::error::Result;
use crate::evidence::alone;
use crate::evidence::counts::Group;
use crate::evidence::investigate::FoundBy;
use crate::evidence::score::DECODERS;
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::known::Known;
use crate::ledger::{Entry, Event, Ledger, Recipient, Verifier};
use crate::mark::code::{Code, bias_of, codeword_key};
use crate::mark::policy::Policy;
use crate::stamp::deliver::deliver;
use crate::stamp::engine;
use crate::stamp::order::{Delivery, Order};
use crate::table::format::find::Tables;
use crate::table::format::source::Input;
use crate::trace::{self, Case, Examined, Options};

const WAIT: Duration = Duration::from_secs(60);
const TIME: &str = "2026-01-05T09:00:00Z";
const ROWS: u64 = 5_000;
const RECIPIENTS: [&str; 3] = ["acme", "borealis", "cedar"];

/// A home with a delivery to each recipient, and the copies.
struct Scene {
    _folder: TempDir,
    home: Home,
    keyring: Keyring,
    copies: Vec<String>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(DEMO_KEYRING, || Ok(None)).unwrap();
        let home = Home::new(folder.path().join("home"));
        home.create(&keyring, DEMO_KEYRING, "example.org/ledger").unwrap();
        let policy = Policy::parse(&HOSPITAL_POLICY.replace("rate = 0.10", "rate = 0.5")).unwrap();
        let mut ledger = home.ledger(WAIT, "test").unwrap();
        let adopted = Event::PolicyAdopted {
            dataset: policy.name().to_owned(),
            policy: ledger.put_blob(policy.text().as_bytes()).unwrap(),
            level: policy.level(),
            slots: policy.slots_after(&[]),
            model: None,
        };
        let registered = RECIPIENTS.map(|id| Event::RecipientRegistered {
            recipient: Recipient { id: id.into(), name: id.into(), ..Recipient::default() },
        });
        let entries = std::iter::once(adopted).chain(registered).map(|event| Entry::new(TIME, "op", event));
        ledger.append(&entries.collect::<Vec<_>>(), &keyring.signing).unwrap();
        ledger.close().unwrap();
        let mut table = Vec::new();
        hospital::write(ROWS, 7, &mut table).unwrap();
        let source = folder.path().join("stays.csv");
        std::fs::write(&source, table).unwrap();
        let path = |id: &str| folder.path().join(format!("{id}.csv"));
        let copy = |id: &str| Delivery { to: id.into(), release: format!("r-{id}"), output: Some(path(id)) };
        let order = Order {
            dataset: "stays".into(),
            copies: RECIPIENTS.map(copy).into(),
            source_path: Some(source.clone()),
            table: None,
            force: false,
            sync: false,
            purpose: None,
            legal_basis: None,
            agreement: None,
            operator: "op".into(),
            time: TIME.into(),
        };
        let options = engine::Options::default();
        deliver(&home, &keyring, WAIT, &order, Input::File(source), &options).unwrap();
        let copies = RECIPIENTS.map(|id| std::fs::read_to_string(path(id)).unwrap());
        Scene { home, keyring, copies: copies.into(), _folder: folder }
    }

    /// Rows of copies: row `i` of the copy that `of` names.
    fn leak(&self, rows: usize, of: impl Fn(usize) -> usize) -> String {
        let copies: Vec<Vec<&str>> =
            self.copies.iter().map(|copy| copy.split_inclusive('\n').collect()).collect();
        let header = copies[0][0].to_owned();
        (1..=rows).fold(header, |leak, row| leak + copies[of(row)][row])
    }

    fn ledger(&self) -> Ledger {
        self.home.ledger(WAIT, "test").unwrap()
    }

    fn verifier(&self) -> Verifier {
        self.ledger().verifier().clone()
    }

    fn trace(&self, leak: &str) -> (Known, Examined) {
        let known = Known::from_ledger(&self.ledger(), None, &|_, _| unreachable!("no model")).unwrap();
        let case = Case {
            secret: &self.keyring.marking,
            recipients: &known.suspects,
            readings: &known.readings,
            alpha: 1e-6,
        };
        let examined = trace::examine(tables(leak), "leak.csv", &case, &Options::default()).unwrap();
        (known, examined)
    }

    /// Opens a release in a leak.
    fn open(&self, leak: &str, release: &str, with_carriers: bool, anyway: bool) -> Result<Opening> {
        let (known, examined) = self.trace(leak);
        let wanted = Wanted { release, with_carriers, even_if_not_accused: anyway };
        let exhibits = vec![exhibit(leak)];
        let secret = &self.keyring.marking;
        make(wanted, Traced { secret, known: &known, examined: &examined, exhibits }, &self.ledger())
    }

    fn sign(&self, opening: &Opening) -> String {
        opening.sign(&self.verifier(), &self.keyring.signing).unwrap()
    }
}

fn tables(leak: &str) -> Tables<'static> {
    Tables::csv(Box::new(Cursor::new(leak.to_owned().into_bytes())), None)
}

fn exhibit(leak: &str) -> Exhibit {
    let sha256 = super::opening::sha256_hex(leak.as_bytes());
    let blake3 = blake3::hash(leak.as_bytes()).to_hex().to_string();
    Exhibit { name: "leak.csv".into(), bytes: leak.len() as u64, blake3, sha256 }
}

/// 400 rows of the first recipient's copy.
fn plain_leak() -> String {
    SCENE.leak(400, |_| 0)
}

static OPENED: LazyLock<Opening> =
    LazyLock::new(|| SCENE.open(&plain_leak(), "r-acme", true, false).unwrap());

#[test]
fn an_opening_names_its_recipient_and_can_be_read_again() {
    let (opening, leak) = (&*OPENED, plain_leak());
    let file = SCENE.sign(opening);
    let read = Opening::open(file.as_bytes(), &SCENE.verifier()).unwrap();
    assert_eq!(read, *opening);
    assert_eq!(SCENE.sign(&read), file, "what was parsed, written again, gives the same bytes");
    let checked = check(&read, &SCENE.verifier()).unwrap();
    assert!(checked.named && opening.claim.named && checked.ln_family_p < -100.0);
    assert_eq!((checked.release.recipient.as_str(), checked.time.as_str()), ("acme", TIME));
    assert_eq!(checked.agreeing, checked.positions, "an untouched copy agrees everywhere");
    let examined = SCENE.trace(&leak).1;
    // An untouched copy has the highest score there is, where the search for a tilt has no end to find.
    let traced = examined.findings.accused[0].ln_family_p.unwrap();
    assert!((checked.ln_family_p - traced).abs() < 1e-3 * traced.abs());
    check_exhibits(&read, &[exhibit(&leak)]).unwrap();
    check_leak(&read, &checked, tables(&leak), &SCENE.verifier()).unwrap();
    // With fewer recipients than it allows it would still name.
    let recipients = opening.tried.recipients as f64;
    assert!(
        (checked.ln_recipients_allowed - recipients.ln() - 1e-6f64.ln() + checked.ln_family_p).abs() < 1e-6
    );
}

#[test]
fn every_bit_of_a_signed_file_counts() {
    let opening = Opening { carriers: None, ..OPENED.clone() };
    let file = SCENE.sign(&opening);
    let verifier = SCENE.verifier();
    for at in (0..file.len()).step_by(61).chain(file.len() - 200..file.len()) {
        for mask in [1, 0x20] {
            let mut bent = file.clone().into_bytes();
            bent[at] ^= mask;
            assert!(Opening::open(&bent, &verifier).is_err(), "byte {at} ^ {mask}");
        }
    }
    let other = Verifier::new("example.org/other", verifier.public()).unwrap();
    assert!(Opening::open(file.as_bytes(), &other).is_err_and(|error| error.is_integrity()));
}

/// The owner may sign whatever he likes: each member, changed and signed again, is refused all the same.
#[test]
fn no_member_can_be_changed_by_the_owner_either() {
    let verifier = SCENE.verifier();
    let original = serde_json::to_value(&*OPENED).unwrap();
    let mut leaves = Vec::new();
    gather(&original, String::new(), &mut leaves);
    // A few of each list will do: all elements are checked alike.
    leaves.retain(|path| path.split('/').filter_map(|part| part.parse::<usize>().ok()).all(|n| n < 4));
    // What only the leak can tell, or nobody: see the next tests.
    let is_free =
        |path: &str| path == "/tool" || path.starts_with("/leak/") || path.starts_with("/carriers/tables/");
    let mut refused = BTreeSet::new();
    for path in leaves {
        for changed in changes(original.pointer(&path).unwrap()) {
            let mut other = original.clone();
            *other.pointer_mut(&path).unwrap() = changed.clone();
            let result = serde_json::from_value::<Opening>(other).map(|opening| check(&opening, &verifier));
            let is_refused = !matches!(result, Ok(Ok(_)));
            assert!(is_refused || is_free(&path), "{path} = {changed}");
            if is_refused {
                refused.insert(path.split('/').nth(1).unwrap().to_owned());
            }
        }
    }
    for member in
        ["schema", "release", "recipient", "entry", "view", "tried", "counts", "biases", "biases_proof"]
            .into_iter()
            .chain(["codeword", "claim", "carriers"])
    {
        assert!(refused.contains(member), "{member}");
    }
}

/// The paths of all scalars.
fn gather(value: &Value, path: String, out: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| gather(value, format!("{path}/{i}"), out));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| gather(value, format!("{path}/{name}"), out));
        }
        _ => out.push(path),
    }
}

/// Other values of the same type.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(known) => vec![Value::Bool(!known)],
        Value::Number(number) => match number.as_u64() {
            Some(number) => [number + 1, number.saturating_sub(1), u32::MAX.into()]
                .into_iter()
                .filter(|other| *other != number)
                .map(Value::from)
                .collect(),
            None => vec![(number.as_f64().unwrap() * 1.001 - 0.01).into()],
        },
        Value::String(text) => {
            let middle = text.len() / 2;
            let bent = |at: usize| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                String::from_utf8(bytes).unwrap().into()
            };
            let mut all = vec![Value::from(format!("{text}0")), String::new().into()];
            all.extend(
                [0, middle, text.len() - 1].into_iter().filter(|&at| text.is_char_boundary(at)).map(bent),
            );
            all
        }
        _ => Vec::new(),
    }
}

#[test]
fn another_codeword_fails_however_well_it_fits() {
    let mut forged = OPENED.clone();
    let mut bits = data_encoding::HEXLOWER.decode(forged.codeword.bits.as_bytes()).unwrap();
    for bit in (0..bits.len() * 8).step_by(1_021) {
        let mut other = bits.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        forged.codeword.bits = data_encoding::HEXLOWER.encode(&other);
        assert!(check(&forged, &SCENE.verifier()).is_err_and(|error| error.is_integrity()), "bit {bit}");
    }
    // Bits that fit the leak everywhere.
    let mut fitting = bits.clone();
    for &(position, _, zeros, ones) in &OPENED.counts {
        let (byte, mask) = (position as usize / 8, 1 << (position % 8));
        fitting[byte] = if ones > zeros { fitting[byte] | mask } else { fitting[byte] & !mask };
    }
    let cleared = SCENE.open(&plain_leak(), "r-cedar", false, true).unwrap();
    let codeword = Codeword { bits: data_encoding::HEXLOWER.encode(&fitting), ..cleared.codeword.clone() };
    let framed = Opening { codeword, ..cleared };
    assert!(check(&framed, &SCENE.verifier()).unwrap_err().to_string().contains("codeword"));
    let cedar = codeword_key(&SCENE.keyring.marking, "stays", 1, "cedar");
    let code = Code::new(&SCENE.keyring.marking, "stays", 1, 65_536);
    bits = commitment::pack(&code.codeword(&cedar));
    forged.codeword.bits = data_encoding::HEXLOWER.encode(&bits);
    assert!(check(&forged, &SCENE.verifier()).unwrap_err().to_string().contains("codeword"));
}

/// Counts are the owner's word, until the carrier key is open: then the leak says them.
#[test]
fn forged_counts_that_add_up_are_refused_by_the_leak_alone() {
    let mut forged = OPENED.clone();
    let bits = data_encoding::HEXLOWER.decode(forged.codeword.bits.as_bytes()).unwrap();
    for (position, _, zeros, ones) in &mut forged.counts {
        (*zeros, *ones) = if commitment::bit(&bits, *position) { (0, 3) } else { (3, 0) };
    }
    assert!(check(&forged, &SCENE.verifier()).is_err(), "the claim is still the old one");
    let groups: Vec<Group> = forged
        .counts
        .iter()
        .map(|&(position, flip, zeros, ones)| Group { position, flip, zeros, ones })
        .collect();
    let bias = |j: u32| bias_of(forged.biases[forged.biases.partition_point(|bias| bias.0 < j)].1);
    let outcomes = alone::outcomes(&DECODERS, &groups, bias, |j| commitment::bit(&bits, j));
    let before = OPENED.claim.decoders.iter().map(|claim| claim.ln_p).fold(0.0, f64::min);
    let after = alone::best(&outcomes).unwrap().ln_p;
    for (claim, outcome) in forged.claim.decoders.iter_mut().zip(&outcomes) {
        (claim.score, claim.ln_p) = (outcome.score, outcome.ln_p);
    }
    forged.claim.ln_family_p += after - before;
    let checked = check(&forged, &SCENE.verifier()).unwrap();
    assert!(checked.ln_family_p < OPENED.claim.ln_family_p);
    let again = check_leak(&forged, &checked, tables(&plain_leak()), &SCENE.verifier());
    assert!(again.unwrap_err().to_string().contains("the counts are not what the leak says"));
    // And of another leak the right counts are not true either.
    let checked = check(&OPENED, &SCENE.verifier()).unwrap();
    let other = SCENE.leak(399, |_| 0);
    let error = check_exhibits(&OPENED, &[exhibit(&other)]).unwrap_err();
    assert_eq!(error.exit_code(), 2, "another file was named");
    assert!(error.hint().unwrap().contains(&OPENED.leak[0].sha256));
    assert!(check_leak(&OPENED, &checked, tables(&other), &SCENE.verifier()).is_err());
}

#[test]
fn nothing_of_other_recipients_is_in_an_opening() {
    let text = SCENE.sign(&OPENED);
    let subject = commitment::Subject { dataset: "stays", epoch: 1, code_length: 65_536 };
    let code = Code::new(&SCENE.keyring.marking, "stays", 1, 65_536);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let (own_salt, own) = commitment::codeword(&SCENE.keyring.marking, subject, &code, "acme");
    assert!(text.contains(&hex(&own_salt)) && text.contains(&hex(&commitment::pack(&own))));
    for other in ["borealis", "cedar"] {
        assert!(!text.contains(other));
        let (salt, codeword) = commitment::codeword(&SCENE.keyring.marking, subject, &code, other);
        let packed = commitment::pack(&codeword);
        assert!(!text.contains(&hex(&salt)));
        assert!(packed.chunks(8).all(|part| !text.contains(&hex(part))), "no 64 bits of it are there");
        let mut key = [0; 32];
        codeword_key(&SCENE.keyring.marking, "stays", 1, other).stream().fill(&mut key);
        assert!(!text.contains(&hex(&key)));
    }
    // Of the salts of the biases, those of the positions read and no others.
    let read: BTreeSet<u32> = OPENED.biases.iter().map(|bias| bias.0).collect();
    let salts = commitment::bias_salts(&SCENE.keyring.marking, subject);
    let shown = (0..65_536u32).step_by(97).filter(|j| text.contains(&hex(&salts[*j as usize])));
    assert!(shown.eq((0..65_536).step_by(97).filter(|j| read.contains(j))));
    // Without being asked for, the carrier key stays closed.
    let closed = SCENE.open(&plain_leak(), "r-acme", false, false).unwrap();
    let (salt, key) = commitment::carriers(&SCENE.keyring.marking, subject);
    let closed = SCENE.sign(&closed);
    assert!(
        text.contains(&hex(key.disclose().as_slice())) && !closed.contains(&hex(key.disclose().as_slice()))
    );
    assert!(!closed.contains(&hex(&salt)) && !closed.contains("tables"));
}

#[test]
fn only_what_names_is_opened_unless_it_is_to_clear() {
    let leak = plain_leak();
    let refused = SCENE.open(&leak, "r-cedar", false, false).unwrap_err();
    assert!(refused.is_policy() && refused.to_string().contains("`cedar` is not named"), "{refused}");
    let cleared = SCENE.open(&leak, "r-cedar", true, true).unwrap();
    let checked = check(&cleared, &SCENE.verifier()).unwrap();
    assert!(!checked.named && checked.ln_family_p == 0.0);
    check_leak(&cleared, &checked, tables(&leak), &SCENE.verifier()).unwrap();
    let unknown = SCENE.open(&leak, "r-nobody", false, false).unwrap_err();
    assert!(unknown.to_string().contains("no release `r-nobody`"));
}

#[test]
fn who_is_named_by_a_part_is_opened_in_that_part() {
    // 110 rows of one in a row, among those of another.
    let leak = SCENE.leak(5_000, |row| if (2_000..2_110).contains(&row) { 0 } else { 1 });
    let (_, examined) = SCENE.trace(&leak);
    let named = &examined.readings[0].investigation.named;
    assert!(named.iter().any(|named| matches!(named.found_by, FoundBy::Window { .. })), "{named:?}");
    let opening = SCENE.open(&leak, "r-acme", true, false).unwrap();
    let View::Window { reads, windows, .. } = opening.view else { panic!("a window: {:?}", opening.view) };
    assert!(reads < 400 && windows > 100, "{reads} {windows}");
    let checked = check(&opening, &SCENE.verifier()).unwrap();
    assert!(checked.named && checked.reads == reads);
    check_leak(&opening, &checked, tables(&leak), &SCENE.verifier()).unwrap();
    // The number of windows is what the leak has, and the window is where it is said to be.
    for (first, more) in [(8, 0), (0, 1)] {
        let mut other = opening.clone();
        let View::Window { first_read, windows, .. } = &mut other.view else { unreachable!() };
        (*first_read, *windows) = (*first_read + first, *windows + more);
        let again = check_leak(&other, &checked, tables(&leak), &SCENE.verifier());
        assert!(again.is_err_and(|error| error.is_integrity()), "{first} {more}");
    }
}

#[test]
fn who_is_named_given_others_can_not_be_opened_alone() {
    let leak = SCENE.leak(5_000, |row| if row % 32 == 7 { 0 } else { 1 });
    let (_, examined) = SCENE.trace(&leak);
    let named = &examined.readings[0].investigation.named;
    assert!(named.iter().any(|named| matches!(named.found_by, FoundBy::Joint { .. })), "{named:?}");
    let refused = SCENE.open(&leak, "r-acme", false, false).unwrap_err();
    assert!(refused.is_policy() && refused.to_string().contains("only given the others"), "{refused}");
    let alone = SCENE.open(&leak, "r-acme", false, true).unwrap();
    assert_eq!(alone.view, View::Whole {});
    assert!(!check(&alone, &SCENE.verifier()).unwrap().named);
    assert!(check(&SCENE.open(&leak, "r-borealis", false, false).unwrap(), &SCENE.verifier()).unwrap().named);
}
