//! Which entries a search covers, by path and type: the pattern of a glob, the globs and types of a grep.

use super::pattern::{BareGlob, Pattern, Positions};
use super::segment::Segment;
use super::types::Types;
use crate::{GlobRequest, GrepRequest, Result, VirtualPath};

/// What an entry must match.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// One of these, if there are any.
    include: Option<Pattern>,
    /// None of these; a directory that matches also excludes everything below it.
    exclude: Option<Pattern>,
    types: Option<Types>,
}

/// How far the globs of a filter have been matched on the way down to a directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    include: Positions,
    exclude: Positions,
}

impl Filter {
    pub(super) fn of_glob(request: &GlobRequest) -> Result<Self> {
        let mut pattern = Pattern::new(request.directories);
        pattern.add(&request.pattern, BareGlob::Here)?;
        Ok(Self {
            include: Some(pattern),
            ..Self::default()
        })
    }

    pub(super) fn of_grep(request: &GrepRequest) -> Result<Self> {
        let mut filter = Self {
            types: Types::new(&request.types)?,
            ..Self::default()
        };
        for glob in &request.globs {
            match glob.strip_prefix('!') {
                Some(glob) => filter
                    .exclude
                    .get_or_insert_with(|| Pattern::new(true))
                    .add(glob, BareGlob::AnyDepth)?,
                None => filter
                    .include
                    .get_or_insert_with(|| Pattern::new(false))
                    .add(glob, BareGlob::AnyDepth)?,
            }
        }
        if let Some(include) = &mut filter.include {
            include.include_subtrees();
        }
        Ok(filter)
    }

    pub(super) fn hidden_names(&self) -> Vec<Segment> {
        self.include
            .as_ref()
            .map(Pattern::hidden_names)
            .unwrap_or_default()
    }

    /// Returns the start of a walk that appears at `seen_at`, or `None` if nothing below it can match.
    pub(super) fn start(&self, seen_at: &VirtualPath) -> Option<Progress> {
        let start =
            |pattern: &Option<Pattern>| pattern.as_ref().map(Pattern::start).unwrap_or_default();
        let progress = Progress {
            include: start(&self.include),
            exclude: start(&self.exclude),
        };
        seen_at
            .segments()
            .try_fold(progress, |progress, name| self.enter(&progress, name))
    }

    /// Returns whether an entry of a directory matches.
    pub(super) fn is_match(&self, progress: &Progress, name: &str, is_directory: bool) -> bool {
        self.include
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(&progress.include, name, is_directory))
            && !self.is_excluded(progress, name, is_directory)
            && self
                .types
                .as_ref()
                .is_none_or(|types| is_directory || types.is_match(name))
    }

    /// Returns the state for a subdirectory of this name, or `None` if nothing below it can match.
    pub(super) fn enter(&self, progress: &Progress, name: &str) -> Option<Progress> {
        if self.is_excluded(progress, name, true) {
            return None;
        }
        let below = Progress {
            include: self
                .include
                .as_ref()
                .map(|pattern| pattern.enter(&progress.include, name))
                .unwrap_or_default(),
            exclude: self
                .exclude
                .as_ref()
                .map(|pattern| pattern.enter(&progress.exclude, name))
                .unwrap_or_default(),
        };
        (!self.cannot_match(&below)).then_some(below)
    }

    /// Returns the only name below which anything can match, if there is one.
    pub(super) fn only_name(&self, progress: &Progress) -> Option<&str> {
        self.include.as_ref()?.only_name(&progress.include)
    }

    fn is_excluded(&self, progress: &Progress, name: &str, is_directory: bool) -> bool {
        self.exclude
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(&progress.exclude, name, is_directory))
    }

    fn cannot_match(&self, progress: &Progress) -> bool {
        self.include.is_some() && progress.include.is_empty()
    }
}
