//! What happens to instances without anybody having asked, and after they have.

use std::collections::BTreeMap;
use std::fmt;

use nova_macros::ApiObject;
use serde::{Deserialize, Serialize};

use crate::erased::{Guard, Pending};
use crate::{BackendError, Driver, EventsError, Header, InstanceRef, ListInstancesError, PowerState};

/// Something that has happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct DriverEvent {
    object: Header<Self>,
    /// The instance and the node on which it happened.
    pub instance: InstanceRef,
    /// What has happened.
    pub happening: Happening,
}

impl DriverEvent {
    /// Reports that something has happened to an instance.
    pub fn new(instance: InstanceRef, happening: Happening) -> Self {
        Self { object: Header::default(), instance, happening }
    }
}

/// What can happen to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// It has come to the node, in this state.
    Appeared(PowerState),
    /// It has come into this state.
    Power(PowerState),
    /// It has left the node.
    Vanished,
}

/// Where events come from; the reader sets the pace.
pub trait EventSource: Send {
    /// Returns what has happened since the last call, oldest first; nothing at the first call.
    ///
    /// It must not wait for an event. States that came and went between two calls may be left out.
    ///
    /// # Errors
    /// [`EventsError`] if the back end did not answer; nothing is lost by it.
    fn next_batch(&mut self) -> impl Future<Output = Result<Vec<DriverEvent>, EventsError>> + Send;
}

/// The source behind a pointer.
pub(crate) trait ErasedEventSource: Send {
    fn next_batch(&mut self) -> Pending<'_, Result<Vec<DriverEvent>, EventsError>>;
}

impl<T: EventSource> ErasedEventSource for T {
    fn next_batch(&mut self) -> Pending<'_, Result<Vec<DriverEvent>, EventsError>> {
        Box::pin(<Self as EventSource>::next_batch(self))
    }
}

/// The events of a [`DynDriver`](crate::DynDriver), guarded as its calls are.
pub struct DynEventSource<'a> {
    /// Nothing, if the driver has panicked.
    pub(crate) erased: Option<Box<dyn ErasedEventSource + 'a>>,
    pub(crate) guard: &'a Guard,
}

impl DynEventSource<'_> {
    /// Returns what has happened since the last call, oldest first; nothing at the first call.
    ///
    /// # Errors
    /// [`EventsError`] if the back end did not answer; nothing is lost by it.
    pub async fn next_batch(&mut self) -> Result<Vec<DriverEvent>, EventsError> {
        let span = tracing::debug_span!("driver.call", "driver.method" = "events.next_batch");
        // A source may act before it returns its future: made inside, it panics inside.
        let batch = async {
            match &mut self.erased {
                Some(source) => source.next_batch().await,
                None => Err(BackendError::new("the driver panicked in `events`").into()),
            }
        };
        self.guard.ask("next_batch", span, batch).await
    }
}

impl fmt::Debug for DynEventSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynEventSource")
    }
}

/// Events by comparing lists of instances: for back ends that announce nothing.
#[derive(Debug)]
pub struct Compared<'a, D> {
    driver: &'a D,
    seen: Option<Seen>,
}

/// In the course of a migration one instance is listed on two nodes.
type Seen = BTreeMap<InstanceRef, PowerState>;

impl<'a, D: Driver> Compared<'a, D> {
    /// Compares what `driver` lists.
    pub fn new(driver: &'a D) -> Self {
        Self { driver, seen: None }
    }
}

impl<D: Driver> EventSource for Compared<'_, D> {
    async fn next_batch(&mut self) -> Result<Vec<DriverEvent>, EventsError> {
        let listed = self.driver.list_instances(None).await.map_err(|error| match error {
            ListInstancesError::Backend(error) => error,
            ListInstancesError::UnknownNode(error) => {
                BackendError::new("no list of all nodes").caused_by(error)
            }
        })?;
        let now: Seen = listed.into_iter().map(|one| (one.instance, one.power)).collect();
        let before = self.seen.replace(now.clone()).unwrap_or_else(|| now.clone());
        Ok(differences(&before, &now))
    }
}

fn differences(before: &Seen, now: &Seen) -> Vec<DriverEvent> {
    let gone = before.keys().filter(|instance| !now.contains_key(*instance));
    let vanished = gone.map(|instance| DriverEvent::new(instance.clone(), Happening::Vanished));
    let changed = now.iter().filter_map(|(instance, power)| {
        let happening = match before.get(instance) {
            None => Happening::Appeared(*power),
            Some(old) if old != power => Happening::Power(*power),
            Some(_) => return None,
        };
        Some(DriverEvent::new(instance.clone(), happening))
    });
    vanished.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceId, NodeName};

    fn seen(instances: &[(&str, &str, PowerState)]) -> Seen {
        let entry = |(id, node, power): &(&str, &str, PowerState)| {
            let id = InstanceId::parse(id).expect("a literal");
            let node = NodeName::parse(node).expect("a literal");
            (InstanceRef { id, node }, *power)
        };
        instances.iter().map(entry).collect()
    }

    #[test]
    fn differences_are_told_departures_first() {
        let before = seen(&[
            ("gone", "a", PowerState::Off),
            ("kept", "a", PowerState::Running),
            ("moved", "a", PowerState::Running),
            ("paused", "a", PowerState::Running),
            ("under-way", "a", PowerState::Running),
        ]);
        let now = seen(&[
            ("kept", "a", PowerState::Running),
            ("moved", "b", PowerState::Off),
            ("new", "b", PowerState::Running),
            ("paused", "a", PowerState::Paused),
            ("under-way", "a", PowerState::Off),
            ("under-way", "b", PowerState::Running),
        ]);
        let told: Vec<_> = differences(&before, &now)
            .into_iter()
            .map(|event| (event.instance.id.to_string(), event.instance.node.to_string(), event.happening))
            .collect();
        let event = |id: &str, node: &str, happening| (id.to_owned(), node.to_owned(), happening);
        assert_eq!(
            told,
            [
                event("gone", "a", Happening::Vanished),
                event("moved", "a", Happening::Vanished),
                event("moved", "b", Happening::Appeared(PowerState::Off)),
                event("new", "b", Happening::Appeared(PowerState::Running)),
                event("paused", "a", Happening::Power(PowerState::Paused)),
                event("under-way", "a", Happening::Power(PowerState::Off)),
                event("under-way", "b", Happening::Appeared(PowerState::Running)),
            ]
        );
    }
}
