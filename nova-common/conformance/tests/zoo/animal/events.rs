//! What happens, told rightly or not.

use std::future::pending;
use std::sync::PoisonError;

use nova_api::{
    Compared, Driver as _, DriverEvent, EventSource, EventsError, Happening, InstanceRef, ListInstancesError,
    PowerState,
};

use super::Animal;
use crate::faults::Fault;

impl Animal {
    pub(super) fn watched(&self) -> Watched<'_> {
        Watched { animal: self, inner: Compared::new(self), begun: false, late: Vec::new() }
    }
}

pub(super) struct Watched<'a> {
    animal: &'a Animal,
    inner: Compared<'a, Animal>,
    begun: bool,
    late: Vec<DriverEvent>,
}

impl Watched<'_> {
    /// Says whether this very driver made an instance.
    fn is_own(&self, instance: &InstanceRef) -> bool {
        let (_, own) = &*self.animal.own.lock().unwrap_or_else(PoisonError::into_inner);
        self.animal.state().instance(instance).is_none_or(|it| own.contains(&it.op))
    }
}

impl EventSource for Watched<'_> {
    async fn next_batch(&mut self) -> Result<Vec<DriverEvent>, EventsError> {
        self.animal.block(Fault::BlocksInEvents);
        let mut batch = self.inner.next_batch().await?;
        let begun = std::mem::replace(&mut self.begun, true);
        match self.animal.fault {
            Fault::HangsInEvents => pending().await,
            Fault::TellsTwice => batch = batch.iter().flat_map(|one| [one.clone(), one.clone()]).collect(),
            Fault::TellsNoPowerChange => batch.retain(|one| !matches!(one.happening, Happening::Power(_))),
            Fault::TellsNoPause => batch.retain(|one| one.happening != Happening::Power(PowerState::Paused)),
            Fault::TellsLate => batch = std::mem::replace(&mut self.late, batch),
            Fault::TellsOnlyItsOwn => batch.retain(|one| self.is_own(&one.instance)),
            Fault::TellsRebootsAsDepartures => {
                for instance in std::mem::take(&mut self.animal.state().rebooted) {
                    batch.push(DriverEvent::new(instance, Happening::Vanished));
                }
            }
            Fault::TellsWhatWasBefore if !begun => {
                let listed = self.animal.list_instances(None).await.map_err(|error| match error {
                    ListInstancesError::Backend(error) => error,
                    ListInstancesError::UnknownNode(error) => {
                        nova_api::BackendError::new("no list").caused_by(error)
                    }
                })?;
                let told = |one: nova_api::InstanceSummary| {
                    DriverEvent::new(one.instance, Happening::Appeared(one.power))
                };
                batch.extend(listed.into_iter().map(told));
            }
            _ => {}
        }
        Ok(batch)
    }
}
