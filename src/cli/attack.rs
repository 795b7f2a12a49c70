//! `attack`: what might be done to a copy, done to it.
//!
//! The list of attacks is the library's own ([`Attack`], [`Gather`]); this file gives each of them the files to work on.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand as _};
use rand::SeedableRng as _;

use crate::attack::{self, Attack, Gather, Marked, Oracle, Plan, Rng, Scene, Table};
use crate::error::{Error, Result};
use crate::keys::keyring::Keyring;
use crate::known::stored_policy;
use crate::ledger::Registry;
use crate::mark::policy::Policy;
use crate::models;
use crate::report::terminal::grouped;
use crate::stamp::terms::no_policy;
use crate::table::format::kind::Said;

use super::input::{Input, STREAM};
use super::{DONE, Session, args, terminal};

/// What was typed after `attack`.
#[derive(Debug)]
pub struct Typed {
    what: What,
    files: Files,
}

#[derive(Debug)]
enum What {
    One(Attack),
    Gather(Gather),
    /// A file with a list of attacks; none was named.
    Plan(Option<PathBuf>),
}

// What every attack works on. No doc comment: clap would say it of each attack.
#[derive(Debug, Args)]
struct Files {
    /// The copy, or several where an attack needs them; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the leak goes; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Replace OUT if it exists
    #[arg(long)]
    force: bool,
    /// Chance: the same seed gives the same leak
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Byte between fields, or `tab` [default: found in the file]
    #[arg(long, value_parser = args::delimiter)]
    delimiter: Option<u8>,
    /// What the attacker knows: a policy, which says what identifies rows and what may be marked
    #[arg(long, value_name = "POLICY")]
    policy: Option<PathBuf>,
    /// What a strong attacker knows: the unmarked table, and so how its columns go together
    #[arg(long, value_name = "FILE")]
    original: Option<PathBuf>,
    /// What no attacker knows: the policy and the marks of this dataset, from the home
    #[arg(long, conflicts_with = "policy")]
    dataset: Option<String>,
}

impl Args for Typed {
    fn augment_args(command: Command) -> Command {
        let command = Gather::augment_subcommands(Attack::augment_subcommands(command));
        let command = command.mut_subcommands(Files::augment_args);
        let plan = clap::Arg::new("plan")
            .long("plan")
            .value_name("TOML")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A file with several attacks, done in its order");
        Files::augment_args(command)
            .arg(plan)
            .subcommand_required(false)
            .arg_required_else_help(true)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .subcommand_help_heading("Attacks")
            .subcommand_value_name("ATTACK")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Typed, clap::Error> {
        let Some((name, own)) = matches.subcommand() else {
            let plan = matches.get_one::<PathBuf>("plan").cloned();
            return Ok(Typed { what: What::Plan(plan), files: Files::from_arg_matches(matches)? });
        };
        let what = if Gather::has_subcommand(name) {
            What::Gather(Gather::from_arg_matches(matches)?)
        } else {
            What::One(Attack::from_arg_matches(matches)?)
        };
        Ok(Typed { what, files: Files::from_arg_matches(own)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Typed::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs the attack. `session` is asked for only if the keys are needed.
pub fn run(session: impl FnOnce() -> Result<Session>, typed: &Typed) -> Result<u8> {
    let files = &typed.files;
    let plan = plan(&typed.what)?;
    check_output(files)?;
    let copies = files.files.iter().map(|file| read(file, files.delimiter)).collect::<Result<Vec<_>>>()?;
    let knowledge = Knowledge::gather(session, files, &copies[0])?;
    let rng = &mut Rng::seed_from_u64(files.seed);
    let leaked = match &plan.gather {
        Some(how) => attack::gather(&copies, how, &knowledge.scene(), rng)?,
        None if copies.len() > 1 => {
            return Err(Error::usage("this attack takes one copy")
                .with_hint("`collude`, `mix` and `difference` take several"));
        }
        None => copies.into_iter().next().expect("one file at least is named"),
    };
    let leak = attack::leak(leaked, &plan.attacks, &knowledge.scene(), rng)?;
    write(&leak, files)?;
    terminal::say(format!("{}: {} bytes", files.output.display(), grouped(leak.len() as u64)));
    Ok(DONE)
}

fn plan(what: &What) -> Result<Plan> {
    match what {
        What::One(attack) => Ok(Plan { gather: None, attacks: vec![attack.clone()] }),
        What::Gather(how) => Ok(Plan { gather: Some(how.clone()), attacks: Vec::new() }),
        What::Plan(None) => Err(Error::usage("no attack is named").with_hint(
            "name one before the file: `dyepack attack --help` lists them; or a list with --plan",
        )),
        What::Plan(Some(path)) => {
            let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
            Plan::parse(&text).map_err(|error| error.in_file(path.display().to_string()))
        }
    }
}

/// Refuses before anything is read or reckoned.
fn check_output(files: &Files) -> Result<()> {
    let output = &files.output;
    if is_stream(output) {
        return Ok(());
    }
    let is_input = |input: &PathBuf| match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if files.files.iter().any(is_input) {
        return Err(Error::usage(format!("`{}` is an input too", output.display()))
            .with_hint("choose another name for the leak"));
    }
    check_unused(output, files.force)
}

/// Refuses to replace a file that was not to be replaced.
pub fn check_unused(output: &Path, force: bool) -> Result<()> {
    if output.exists() && !force { Err(exists(output)) } else { Ok(()) }
}

fn exists(output: &Path) -> Error {
    Error::usage(format!("`{}` exists", output.display()))
        .with_hint("choose another name, or replace it with --force")
}

fn is_stream(path: &Path) -> bool {
    path == Path::new(STREAM)
}

fn read(path: &Path, delimiter: Option<u8>) -> Result<Table> {
    Input::open(path)?.table(&Said { delimiter, ..Said::default() })
}

/// What the attacker knows.
#[derive(Default)]
struct Knowledge {
    policy: Option<Policy>,
    oracle: Option<Oracle>,
    original: Option<Table>,
}

impl Knowledge {
    fn gather(session: impl FnOnce() -> Result<Session>, files: &Files, copy: &Table) -> Result<Knowledge> {
        let original = files.original.as_ref().map(|path| read(path, files.delimiter)).transpose()?;
        if let Some(path) = &files.policy {
            return Ok(Knowledge { policy: Some(read_policy(path)?), oracle: None, original });
        }
        let Some(dataset) = &files.dataset else {
            return Ok(Knowledge { original, ..Knowledge::default() });
        };
        let session = session()?;
        let force = policy_in_force(&session, dataset)?;
        let keyring: Keyring = session.keyring()?;
        keyring.marking.check_epoch(force.epoch)?;
        let model = match &force.model {
            Some(name) => Some(models::open(&session.home.models_dir(), &keyring.marking, dataset, name)?),
            None => None,
        };
        let marked = Marked {
            secret: &keyring.marking,
            policy: &force.policy,
            slots: &force.slots,
            epoch: force.epoch,
            model: model.as_ref(),
        };
        let oracle = Oracle::new(&marked, &copy.header)
            .map_err(|error| error.in_data(&files.files[0].display().to_string()))?;
        let policy = force.policy;
        Ok(Knowledge { policy: Some(policy), oracle: Some(oracle), original })
    }

    fn scene(&self) -> Scene<'_> {
        Scene { policy: self.policy.as_ref(), oracle: self.oracle.as_ref(), original: self.original.as_ref() }
    }
}

/// A policy that lies in a file.
pub fn read_policy(path: &Path) -> Result<Policy> {
    let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    Policy::parse(&text).map_err(|error| error.in_file(path.display().to_string()))
}

/// What is in force for a dataset of the home.
pub struct InForce {
    pub policy: Policy,
    pub slots: Vec<String>,
    /// The name of the model that was adopted with it.
    pub model: Option<String>,
    /// The key epoch.
    pub epoch: u32,
}

/// The policy of a dataset of the home, and what belongs to it.
pub fn policy_in_force(session: &Session, dataset: &str) -> Result<InForce> {
    let ledger = session.home.ledger(session.wait, "attack")?;
    let registry = Registry::replay(&ledger.entries()?);
    let adopted = registry.in_force(dataset).ok_or_else(|| no_policy(&registry, dataset))?;
    Ok(InForce {
        policy: stored_policy(&ledger, &adopted.policy)?,
        slots: adopted.slots.clone(),
        model: adopted.model.clone(),
        epoch: registry.epoch(),
    })
}

/// The leak appears under its name whole or not at all.
fn write(leak: &[u8], files: &Files) -> Result<()> {
    if is_stream(&files.output) {
        let mut out = std::io::stdout().lock();
        return out.write_all(leak).and_then(|()| out.flush()).map_err(Error::standard_output);
    }
    write_file(leak, &files.output, files.force)
}

/// Writes a file beside and renames it; an existing one is replaced only by `force`.
pub fn write_file(bytes: &[u8], output: &Path, force: bool) -> Result<()> {
    write_with_mode(bytes, output, force, 0o666)
}

/// As [`write_file`], for the user alone.
pub fn write_private_file(bytes: &[u8], output: &Path, force: bool) -> Result<()> {
    write_with_mode(bytes, output, force, 0o600)
}

#[cfg_attr(not(unix), allow(unused_variables))]
fn write_with_mode(bytes: &[u8], output: &Path, force: bool, mode: u32) -> Result<()> {
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dyepack-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder).map_err(|error| Error::io("make a file in", folder, error))?;
    file.write_all(bytes).map_err(|error| Error::io("write", output, error))?;
    let named = if force { file.persist(output) } else { file.persist_noclobber(output) };
    match named {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(output)),
        Err(error) => Err(Error::io("name the output", output, error.error)),
    }
}
