//! `rename`: an entry gets another place, both named by the handles of their directories.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use backend_core::{Error, RenameMode, RenameRequest, Renamed, Result, VirtualPath};
use rustix::fs::{AtFlags, linkat, renameat, unlinkat};
use rustix::io::Errno;

use super::fault::Fault;
use super::meta::Meta;
use super::names;
use super::open::open_at;
use super::place::Place;
use super::resolve::Above;
use super::root::Root;
use super::sys::{cannot, rename_exclusive, sync_dir};
use super::temp::{Target, Temp};

impl Root {
    pub(crate) fn rename(&self, request: &RenameRequest) -> Result<Renamed> {
        let RenameRequest { from, to, .. } = request;
        self.check_writable(from)?;
        names::check(from)?;
        names::check(to)?;
        if from.is_root() || to.is_root() {
            let root = VirtualPath::root();
            return Err(Error::invalid_request_at(
                &root,
                "the root cannot be moved or replaced",
            ));
        }
        // Each error names the path that it is about: `from` up to where `to` is looked at.
        let at = std::cell::Cell::new(from);
        self.attempt(from, || {
            at.set(from);
            self.rename_once(request, &at).map_err(|fault| match fault {
                Fault::Raced(_) | Fault::Outrun => fault,
                fault => self.fail(at.get(), fault).into(),
            })
        })
    }

    fn rename_once<'r>(
        &self,
        request: &'r RenameRequest,
        at: &std::cell::Cell<&'r VirtualPath>,
    ) -> Result<Renamed, Fault> {
        let RenameRequest { from, to, mode, .. } = request;
        let source = self.place(from, Above::Refuse)?;
        let moved = source.look()?.ok_or(Errno::NOENT)?;
        let version = |meta: &Meta| meta.is_file().then(|| meta.version());
        if from == to {
            return Ok(Renamed::new(version(&moved)));
        }
        if moved.is_dir() && to.starts_with(from) {
            return Err(into_itself(from).into());
        }
        at.set(to);
        let target = self.place(to, Above::Make)?;
        let _held = source.lock_both(&target)?;
        let there = target.look()?;
        if let Some(there) = &there {
            check_target(to, *mode, &moved, there)?;
            if there.id() == moved.id() {
                return self.join(&source, &target, there);
            }
        }
        let races = [Errno::NOENT, Errno::ISDIR, Errno::NOTDIR];
        let atomic = match mode {
            RenameMode::Overwrite if !moved.is_dir() => {
                renameat(&source.dir, source.name(), &target.dir, target.name())
            }
            _ => rename_new(&source, &target, &moved),
        };
        match atomic {
            Ok(()) => {}
            Err(Errno::XDEV) if moved.is_file() => {
                return self
                    .carry(&source, &target, *mode, at, from)
                    .map_err(|fault| fault.on_disk_of(&target.dir));
            }
            Err(Errno::INVAL) => return Err(into_itself(from).into()),
            Err(error) => {
                return Err(Fault::from(error).race_if(&races).on_disk_of(&target.dir));
            }
        }
        self.sync_both(&source, &target)?;
        let meta = target.look()?;
        Ok(Renamed::new(meta.as_ref().and_then(version)))
    }

    /// Both names are of one file. The system would leave both, and call it done.
    fn join(&self, source: &Place<'_>, target: &Place<'_>, there: &Meta) -> Result<Renamed, Fault> {
        let same_dir = Meta::of(&source.dir)?.id() == Meta::of(&target.dir)?.id();
        if !same_dir || source.name() != target.name() {
            unlinkat(&source.dir, source.name(), AtFlags::empty())?;
            self.sync_both(source, target)?;
        }
        let meta = target.look()?.unwrap_or(*there);
        Ok(Renamed::new(meta.is_file().then(|| meta.version())))
    }

    /// Moves a file to another file system: a copy, then a removal.
    fn carry<'r>(
        &self,
        source: &Place<'_>,
        target: &Place<'_>,
        mode: RenameMode,
        at: &std::cell::Cell<&'r VirtualPath>,
        from: &'r VirtualPath,
    ) -> Result<Renamed, Fault> {
        at.set(from);
        let mut opened = open_at(source)?;
        let mut temp = Temp::create(target.dir.as_fd(), Some(&opened.meta))?;
        copy(&mut opened.file, &mut temp)?;
        if source.look()?.map(|meta| meta.version()) != Some(opened.meta.version()) {
            return Err(Fault::Outrun);
        }
        let how = match mode {
            RenameMode::CreateNew => Target::CreateNew,
            _ => Target::Replace,
        };
        let version = temp.put(target.name(), how, self.fsync())?;
        unlinkat(&source.dir, source.name(), AtFlags::empty())?;
        self.sync_both(source, target)?;
        Ok(Renamed::copied(Some(version)))
    }

    fn sync_both(&self, source: &Place<'_>, target: &Place<'_>) -> io::Result<()> {
        if self.fsync() {
            sync_dir(&target.dir)?;
            sync_dir(&source.dir)?;
        }
        Ok(())
    }
}

fn copy(from: &mut File, to: &mut Temp<'_>) -> io::Result<()> {
    use std::io::Read;
    let mut piece = Vec::with_capacity(1 << 20);
    loop {
        piece.clear();
        from.take(1 << 20).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        to.write(&piece)?;
    }
}

/// Decides by what is at the target.
fn check_target(
    to: &VirtualPath,
    mode: RenameMode,
    moved: &Meta,
    there: &Meta,
) -> Result<(), Error> {
    match mode {
        RenameMode::Overwrite if !moved.is_dir() => {
            if there.is_dir() {
                return Err(Error::is_a_directory(to));
            }
            Ok(())
        }
        _ => Err(Error::already_exists(to)),
    }
}

/// Renames to a name that nothing may have.
fn rename_new(source: &Place<'_>, target: &Place<'_>, moved: &Meta) -> rustix::io::Result<()> {
    let exclusive = rename_exclusive(&source.dir, source.name(), &target.dir, target.name());
    match exclusive {
        Err(error) if cannot(error) => {}
        outcome => return outcome,
    }
    let flags = AtFlags::empty();
    if moved.is_file() {
        match linkat(
            &source.dir,
            source.name(),
            &target.dir,
            target.name(),
            flags,
        ) {
            Ok(()) => return unlinkat(&source.dir, source.name(), flags),
            Err(Errno::PERM | Errno::MLINK) => {}
            Err(error) if cannot(error) => {}
            Err(error) => return Err(error),
        }
    }
    // Nothing was there a moment ago, and the lock keeps this process away. Another one could put a file there
    // now, on a file system that can neither rename exclusively nor link.
    renameat(&source.dir, source.name(), &target.dir, target.name())
}

fn into_itself(from: &VirtualPath) -> Error {
    Error::invalid_request_at(from, "a directory cannot be moved into itself")
}
