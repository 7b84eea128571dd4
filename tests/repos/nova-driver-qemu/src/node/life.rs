//! Instances come to a node and go from it.

use std::fs;
use std::path::PathBuf;

use nova_api::{
    BackendError, BadRequest, Call, CreateError, CreateRequest, Created, DestroyError,
    DestroyRequest, GiB, MiB, MutationError, NoCapacity, NotSameInstance, UnknownNode, Vcpus,
};

use crate::durable::{if_there, sync_parent};
use crate::failure::OrFailed as _;
use crate::machine::{Machine, disk};
use crate::node::{Alone, Node};
use crate::spec::Spec;

/// The most processors that QEMU's `pc` machine can have.
const MOST_VCPUS: Vcpus = Vcpus(255);

impl Node {
    /// Makes an instance and starts it.
    pub(crate) fn create(
        &self,
        call: &Call,
        request: &CreateRequest,
    ) -> Result<Created, CreateError> {
        let (instance, created) = (&request.instance, Created::new(request.instance.clone()));
        if instance.node != self.name {
            return Err(UnknownNode(instance.node.clone()).into());
        }
        let _fence = self.enter::<CreateError>(call)?;
        let alone = self.alone::<CreateError>(call, &instance.id)?;
        self.arrive::<CreateError>(
            call,
            alone,
            Spec::new(request, call.op_id.clone()),
            |machine| {
                check(request)?;
                let own = disk::own(machine.dir());
                let to = disk::create(&own, disk::bytes(request.disk))?;
                if let Some(image) = &request.image {
                    let (from, size) = disk::open(image)?;
                    if size > disk::bytes(request.disk) {
                        let why = format!(
                            "an image of {size} bytes does not fit on a disk of {}",
                            request.disk
                        );
                        return Err(BadRequest(why).into());
                    }
                    call.progress.report(20, "copying the image");
                    disk::copy::<CreateError>(&from, &to, call)?;
                }
                call.progress.report(60, "starting the guest");
                machine.start(call, &self.config)
            },
        )?;
        Ok(created)
    }

    /// Removes an instance.
    pub(crate) fn destroy(
        &self,
        call: &Call,
        request: &DestroyRequest,
    ) -> Result<(), DestroyError> {
        let instance = &request.instance;
        if instance.node != self.name {
            return Err(UnknownNode(instance.node.clone()).into());
        }
        let _fence = self.enter::<DestroyError>(call)?;
        let alone = self.alone::<DestroyError>(call, &instance.id)?;
        if let Some(machine) = Machine::read(self.guest(&instance.id))? {
            self.remove(&machine)?;
        }
        Ok(alone.forget()?)
    }

    /// Has an instance come to the node, as `fill` makes it, or leaves nothing of it. Does nothing if the same
    /// operation has done it.
    pub(super) fn arrive<E>(
        &self,
        call: &Call,
        alone: Alone,
        spec: Spec,
        fill: impl FnOnce(&Machine) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: MutationError + From<NoCapacity> + From<NotSameInstance>,
    {
        if let Some(known) = Machine::read(self.guest(&spec.id))? {
            if known.spec.whole {
                let same = known.spec.op_id == spec.op_id;
                return if same { Ok(()) } else { Err(NotSameInstance(spec.id).into()) };
            }
            self.remove(&known)?;
        }
        self.reap()?;
        let made = self.reserve::<E>(call, spec).and_then(|mut machine| {
            let filled = fill(&machine).and_then(|()| {
                machine.spec.whole = true;
                Ok(machine.save()?)
            });
            if filled.is_err() {
                // It is not whole, so what cannot be removed now is reaped later.
                drop(self.remove(&machine));
            }
            filled
        });
        if made.is_err() {
            drop(alone.forget());
        }
        made
    }

    /// Puts an instance in its place, not whole, if there is room.
    fn reserve<E: MutationError + From<NoCapacity>>(
        &self,
        call: &Call,
        spec: Spec,
    ) -> Result<Machine, E> {
        let _room = self.room::<E>(call)?;
        if let Some(lacking) = self.taken()?.plus(spec.size()).lacks(self.size()?) {
            return Err(NoCapacity { node: self.name.clone(), lacking }.into());
        }
        // An instance's directory appears with what it is in it, so that none is there of which nothing is known.
        let (dir, beside) = (self.guest(&spec.id), self.rubbish(&spec));
        let failed = || format!("`{}` cannot be made", dir.display());
        if_there(fs::remove_dir_all(&beside))
            .and_then(|_| fs::create_dir(&beside))
            .or_failed(failed)?;
        spec.write(&beside)?;
        self.note_return(&spec.id)?;
        fs::rename(&beside, &dir).and_then(|()| sync_parent(&dir)).or_failed(failed)?;
        Ok(Machine::new(spec, dir))
    }

    /// Removes an instance: at once for all who look, and then from the disk.
    pub(super) fn remove(&self, machine: &Machine) -> Result<(), BackendError> {
        machine.kill()?;
        let (dir, beside) = (machine.dir().to_owned(), self.rubbish(&machine.spec));
        let failed = || format!("`{}` cannot be removed", dir.display());
        if_there(fs::remove_dir_all(&beside)).or_failed(failed)?;
        fs::rename(&dir, &beside).and_then(|()| sync_parent(&dir)).or_failed(failed)?;
        if_there(fs::remove_dir_all(&beside)).map(drop).or_failed(failed)
    }

    fn rubbish(&self, spec: &Spec) -> PathBuf {
        self.rubbish_dir().join(crate::names::file_name(spec.id.as_str()))
    }
}

/// Refuses what no node could be.
fn check(request: &CreateRequest) -> Result<(), BadRequest> {
    let CreateRequest { vcpus, memory, disk, .. } = *request;
    if vcpus == Vcpus(0) || vcpus > MOST_VCPUS {
        return Err(BadRequest(format!("{vcpus}: expected 1 to {}", MOST_VCPUS.0)));
    }
    if memory == MiB(0) || disk == GiB(0) {
        return Err(BadRequest("expected some memory and some disk space".to_owned()));
    }
    Ok(())
}
