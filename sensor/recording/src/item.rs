//! What a recording is made of.
use crate::{
    action,
    bytes::{Put, Take},
    error::Wrong,
    socket::bytes,
    tables::{Puts, Takes},
};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    file::{Attribute, Operation, open_errors},
    finding::Observation,
    link::{Link, LinkKind},
    loss::{Loss, Stage},
    watch::{Role, Selection},
};
use std::sync::Arc;

const OBSERVATION: u8 = 0;
const LOSS: u8 = 1;
const TIME: u8 = 2;
const SIGHT: u8 = 3;

const KINDS: [LinkKind; 6] = [
    LinkKind::Exact,
    LinkKind::Inherited,
    LinkKind::Lineage,
    LinkKind::Sole,
    LinkKind::Ambiguous,
    LinkKind::Unproven,
];
const STAGES: [Stage; 8] = [
    Stage::Kernel,
    Stage::Capture,
    Stage::Enrich,
    Stage::Trace,
    Stage::Rules,
    Stage::Seal,
    Stage::Deliver,
    Stage::Recording,
];
/// Requests of one link: the most that can be configured.
const REQUESTS: usize = 4096;
/// Names in a [`Sight`]: as many as the kernel half has room for.
const NAMES: usize = 4096;
/// Actions of one list in a [`Sight`].
const ACTIONS: usize = 256;

/// One thing that came to the rules, or that they must know to judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What rules look at.
    Observation(Arc<Observation>),
    /// What they did not get to see.
    Loss(Loss),
    /// Everything that happened until then has come, and this is the offset to the wall.
    Time(BootTime, WallOffset),
    /// What is observed from now on.
    Sight(Sight),
}

/// What is observed and by whom it was wanted: without it, nothing found would be the same as nothing seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Since when.
    pub since: BootTime,
    /// Actions that are observed, by [`guardbee_model::finding::Action::name`].
    pub observed: Vec<&'static str>,
    /// Of those on files, and of environments: which.
    pub selection: Selection,
    /// Those that the rules of the time looked at.
    pub wanted: Vec<&'static str>,
    /// How many rules these were.
    pub rules: u32,
    /// Digest of their set.
    pub digest: [u8; 32],
}

impl Item {
    /// When it was so.
    pub fn time(&self) -> BootTime {
        match self {
            Self::Observation(observation) => observation.time,
            Self::Loss(loss) => loss.to,
            Self::Time(now, _) => *now,
            Self::Sight(sight) => sight.since,
        }
    }

    pub(crate) fn put(&self, tables: &mut Puts, put: &mut Put) {
        match self {
            Self::Observation(observation) => {
                put.byte(OBSERVATION);
                put_observation(observation, tables, put);
            }
            Self::Loss(loss) => {
                put.byte(LOSS);
                put.one_of(&STAGES, &loss.stage);
                tables.name(loss.cause, put);
                tables.name(loss.kind, put);
                put.number(loss.count);
                put.time(loss.from);
                put.time(loss.to);
            }
            Self::Time(now, offset) => {
                put.byte(TIME);
                put.time(*now);
                put.number(offset.0);
            }
            Self::Sight(sight) => {
                put.byte(SIGHT);
                put_sight(sight, tables, put);
            }
        }
    }

    pub(crate) fn take(take: &mut Take<'_>, tables: &mut Takes) -> Result<Self, Wrong> {
        Ok(match take.byte()? {
            OBSERVATION => Self::Observation(Arc::new(take_observation(take, tables)?)),
            LOSS => Self::Loss(Loss {
                stage: take.one_of(&STAGES)?,
                cause: tables.name(take)?,
                kind: tables.name(take)?,
                count: take.number()?,
                from: take.time()?,
                to: take.time()?,
            }),
            TIME => Self::Time(take.time()?, WallOffset(take.number()?)),
            SIGHT => Self::Sight(take_sight(take, tables)?),
            _ => return Err(Wrong("an item is of an unknown kind")),
        })
    }
}

fn put_observation(observation: &Observation, tables: &mut Puts, put: &mut Put) {
    put.time(observation.time);
    put.number(observation.sequence);
    action::put(&observation.action, tables, put);
    put.option(observation.process.as_ref(), |put, process| tables.process(process, put));
    tables.chain(&observation.ancestors, put);
    put.option(observation.link.as_ref(), |put, link| {
        put.one_of(&KINDS, &link.kind);
        put.length(link.requests.len());
        link.requests.iter().for_each(|request| tables.request(request, put));
        put.number(link.more);
        tables.name(link.reason, put);
    });
}

fn take_observation(take: &mut Take<'_>, tables: &mut Takes) -> Result<Observation, Wrong> {
    let (time, sequence) = (take.time()?, take.number()?);
    let action = action::take(take, tables)?;
    let process = take.option(|take| tables.process(take))?;
    let ancestors = tables.chain(take)?;
    let link = take.option(|take| {
        let kind = take.one_of(&KINDS)?;
        let requests = take.list(REQUESTS, |take| tables.request(take))?;
        Ok(Link { kind, requests, more: take.narrow()?, reason: tables.name(take)? })
    })?;
    Ok(Observation { time, action, process, ancestors, link, sequence })
}

fn put_sight(sight: &Sight, tables: &mut Puts, put: &mut Put) {
    put.time(sight.since);
    for names in [&sight.observed, &sight.wanted] {
        put.length(names.len());
        for name in names {
            tables.name(name, put);
        }
    }
    put_selection(&sight.selection, put);
    put.number(sight.rules);
    put.bytes.extend_from_slice(&sight.digest);
}

fn put_selection(selection: &Selection, put: &mut Put) {
    let operations = |operations: &[Operation], put: &mut Put| {
        put.length(operations.len());
        for operation in operations {
            put.one_of(&Operation::ALL, operation);
        }
    };
    operations(&selection.all, put);
    put.length(selection.named.len());
    for ((role, name), of_name) in &selection.named {
        put.one_of(&Role::ALL, role);
        put.text(name);
        operations(of_name, put);
    }
    put.length(selection.attributes.len());
    for attribute in &selection.attributes {
        put.one_of(&Attribute::ALL, attribute);
    }
    put.length(selection.variables.len());
    for name in &selection.variables {
        put.text(name);
    }
    operations(&selection.climbing, put);
    operations(&selection.given, put);
    let errors: Vec<_> = open_errors().collect();
    put.length(selection.errors.len());
    for error in &selection.errors {
        put.one_of(&errors, error);
    }
}

fn take_selection(take: &mut Take<'_>) -> Result<Selection, Wrong> {
    let operations =
        |take: &mut Take<'_>| take.list(Operation::ALL.len(), |take| take.one_of(&Operation::ALL));
    let all = operations(take)?;
    let named =
        take.list(NAMES, |take| Ok(((take.one_of(&Role::ALL)?, take.text()?.into()), operations(take)?)))?;
    let attributes = take.list(Attribute::ALL.len(), |take| take.one_of(&Attribute::ALL))?;
    let variables = take.list(NAMES, |take| take.text().map(Box::from))?;
    let climbing = operations(take)?;
    let given = operations(take)?;
    let known: Vec<_> = open_errors().collect();
    let errors = take.list(known.len(), |take| take.one_of(&known))?;
    Ok(Selection {
        all,
        named: named.into_iter().collect(),
        attributes,
        variables: variables.into_iter().collect(),
        climbing,
        given,
        errors,
    })
}

fn take_sight(take: &mut Take<'_>, tables: &mut Takes) -> Result<Sight, Wrong> {
    Ok(Sight {
        since: take.time()?,
        observed: take.list(ACTIONS, |take| tables.name(take))?,
        wanted: take.list(ACTIONS, |take| tables.name(take))?,
        selection: take_selection(take)?,
        rules: take.narrow()?,
        digest: bytes(take)?,
    })
}
