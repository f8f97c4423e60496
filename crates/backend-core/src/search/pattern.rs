//! Globs: how a pattern is parsed, and how it is matched along a walk down the tree.
//!
//! Braces are expanded first, so a pattern is a list of alternatives, each a list of segments. A walk carries the positions
//! that it has reached in them, so it knows for each directory whether anything below it can match.

mod parse;

use globset::GlobBuilder;
use parse::{Flat, MAX_ALTERNATIVES};

use super::segment::{Segment, Token};
use crate::{Error, Result};

/// The longest pattern, in bytes.
const MAX_GLOB_BYTES: usize = 4096;

/// One or more globs; a path matches if one of them does.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    alternatives: Vec<Alternative>,
    /// Whether directories match too, and not only if a glob ends with a `/`.
    directories: bool,
}

#[derive(Clone, Debug)]
struct Alternative {
    segments: Vec<Segment>,
    directories_only: bool,
}

/// The positions that a walk has reached in a [`Pattern`]: an alternative, and its next segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions(Vec<(usize, usize)>);

/// The meaning of a glob without a `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BareGlob {
    /// In this directory.
    Here,
    /// At any depth, as in a list of files to search.
    AnyDepth,
}

impl Pattern {
    /// Makes a pattern without globs.
    pub(super) fn new(directories: bool) -> Self {
        Self {
            alternatives: Vec::new(),
            directories,
        }
    }

    /// Parses one glob, and adds it.
    pub(super) fn add(&mut self, glob: &str, bare: BareGlob) -> Result<()> {
        let refuse = |message: &str| Err(Error::invalid_pattern(glob, message));
        if glob.len() > MAX_GLOB_BYTES {
            let start: String = glob.chars().take(80).collect();
            return Err(Error::invalid_pattern(
                format!("{start}…"),
                format!("a glob is at most {MAX_GLOB_BYTES} bytes long"),
            ));
        }
        if glob.chars().any(char::is_control) {
            return refuse("a glob cannot have control characters");
        }
        let expanded = parse::expand(glob);
        if matches!(expanded, Err(parse::Braces::TooDeep)) {
            return refuse("the braces are nested too deeply");
        }
        // The syntax is that of globset, and so are the error messages.
        GlobBuilder::new(glob)
            .literal_separator(true)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()
            .map_err(|error| Error::invalid_pattern(glob, error.kind().to_string()))?;
        let Ok(expanded) = expanded else {
            return refuse("the braces expand to too many patterns");
        };
        let before = self.alternatives.len();
        for flat in expanded {
            self.add_alternative(glob, &flat, bare)?;
        }
        if self.alternatives.len() == before {
            return refuse(
                "the glob is empty; '*' matches what is in the directory, '**' everything below it",
            );
        }
        if self.alternatives.len() > MAX_ALTERNATIVES {
            return refuse("the braces expand to too many patterns");
        }
        Ok(())
    }

    fn add_alternative(&mut self, glob: &str, flat: &[Flat], bare: BareGlob) -> Result<()> {
        let directories_only = matches!(flat.last(), Some(Flat::Slash));
        let anchored = matches!(
            flat,
            [Flat::Slash, ..] | [Flat::Token(Token::Char('.')), Flat::Slash, ..]
        );
        let mut segments: Vec<Segment> = Vec::new();
        let parts = flat.split(|part| matches!(part, Flat::Slash));
        for part in parts {
            let tokens: Vec<Token> = part
                .iter()
                .filter_map(|part| match part {
                    Flat::Token(token) => Some(token.clone()),
                    Flat::Slash => None,
                })
                .collect();
            let segment = Segment::new(tokens);
            match &segment {
                Segment::Literal(text) if text.is_empty() || **text == *"." => continue,
                Segment::Literal(text) if **text == *".." => {
                    let message = "a glob cannot have a '..' segment";
                    return Err(Error::invalid_pattern(glob, message));
                }
                Segment::Literal(text) if **text == *"~" && segments.is_empty() => {
                    let message = "'~' has no meaning here; globs start at the directory to search";
                    return Err(Error::invalid_pattern(glob, message));
                }
                Segment::Deep if segments.last() == Some(&Segment::Deep) => continue,
                _ => segments.push(segment),
            }
        }
        if segments.is_empty() {
            return Ok(());
        }
        if bare == BareGlob::AnyDepth
            && !anchored
            && segments.len() == 1
            && segments != [Segment::Deep]
        {
            segments.insert(0, Segment::Deep);
        }
        self.alternatives.push(Alternative {
            segments,
            directories_only,
        });
        Ok(())
    }

    /// Lets everything below a matching directory match too, not only the directory.
    pub(super) fn include_subtrees(&mut self) {
        let below: Vec<Alternative> = self
            .alternatives
            .iter_mut()
            .filter(|alternative| alternative.directories_only)
            .map(|alternative| {
                let mut segments = alternative.segments.clone();
                if segments.last() != Some(&Segment::Deep) {
                    segments.push(Segment::Deep);
                }
                Alternative {
                    segments,
                    directories_only: false,
                }
            })
            .collect();
        self.alternatives.extend(below);
    }

    /// Returns the positions where a walk starts.
    pub(super) fn start(&self) -> Positions {
        let mut positions = Positions::default();
        for index in 0..self.alternatives.len() {
            self.add_position(&mut positions, index, 0);
        }
        positions
    }

    /// Returns whether an entry of a directory matches.
    pub(super) fn is_match(&self, positions: &Positions, name: &str, is_directory: bool) -> bool {
        positions.0.iter().any(|(index, at)| {
            self.alternatives.get(*index).is_some_and(|alternative| {
                let is_kind = if is_directory {
                    self.directories || alternative.directories_only
                } else {
                    !alternative.directories_only
                };
                is_kind
                    && *at + 1 == alternative.segments.len()
                    && alternative
                        .segments
                        .get(*at)
                        .is_some_and(|segment| segment.is_match(name))
            })
        })
    }

    /// Returns the positions in a subdirectory of this name. There are none if nothing below can match.
    pub(super) fn enter(&self, positions: &Positions, name: &str) -> Positions {
        let mut below = Positions::default();
        for (index, at) in &positions.0 {
            let segment = self
                .alternatives
                .get(*index)
                .and_then(|alternative| alternative.segments.get(*at));
            match segment {
                Some(Segment::Deep) => self.add_position(&mut below, *index, *at),
                Some(segment) if segment.is_match(name) => {
                    self.add_position(&mut below, *index, *at + 1);
                }
                _ => {}
            }
        }
        below
    }

    /// Returns the only name below which anything can match, if there is one.
    pub(super) fn only_name<'a>(&'a self, positions: &Positions) -> Option<&'a str> {
        let mut only = None;
        for (index, at) in &positions.0 {
            let alternative = self.alternatives.get(*index)?;
            match alternative.segments.get(*at)? {
                Segment::Literal(name)
                    if *at + 1 < alternative.segments.len()
                        && only.is_none_or(|only| only == &**name) =>
                {
                    only = Some(&**name);
                }
                _ => return None,
            }
        }
        only
    }

    /// Returns whether everything below matches, whatever its name.
    pub(super) fn matches_everything(&self, positions: &Positions) -> bool {
        positions.0.iter().any(|(index, at)| {
            self.alternatives.get(*index).is_some_and(|alternative| {
                *at + 1 == alternative.segments.len()
                    && alternative.segments.last() == Some(&Segment::Deep)
                    && !alternative.directories_only
            })
        })
    }

    /// Returns the segments that name hidden entries.
    pub(super) fn hidden_names(&self) -> Vec<Segment> {
        let mut names: Vec<Segment> = Vec::new();
        for alternative in &self.alternatives {
            for segment in &alternative.segments {
                if segment.names_hidden() && !names.contains(segment) {
                    names.push(segment.clone());
                }
            }
        }
        names
    }

    /// Adds a position, and the one after a `**` that matches nothing.
    fn add_position(&self, positions: &mut Positions, index: usize, at: usize) {
        let Some(alternative) = self.alternatives.get(index) else {
            return;
        };
        let mut at = at;
        while let Some(segment) = alternative.segments.get(at) {
            // The positions of one alternative are consecutive.
            let mut same = positions.0.iter().rev().take_while(|(of, _)| *of == index);
            if !same.any(|(_, known)| *known == at) {
                positions.0.push((index, at));
            }
            if *segment != Segment::Deep {
                return;
            }
            at += 1;
        }
    }
}

impl Positions {
    /// Returns whether nothing can match from here.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
