//! Objects on the wire: their header, what readers put up with and what they refuse.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use nova_api::{
    AttachRequest, AttachedVolume, ConsoleEndpoint, ConsoleOutput, CreateRequest, Created, DestroyRequest,
    DiagnosticsReport, DiskCounters, DiskSource, DriverEvent, DriverInfo, DriverKind, EndpointAddress,
    Fencing, GiB, Happening, HostContext, HostName, ImageName, InstanceId, InstanceInfo, InstanceRef,
    InstanceSummary, InventoryReport, MiB, MigrateEndRequest, MigrateInRequest, MigrateOutRequest,
    MigrationEnd, MigrationPayload, NodeDesc, NodeName, Object, Origin, PowerState, Provider, ProviderView,
    Reshape, ReshapeMove, ResourceName, SnapshotRequest, SnapshotTaken, Vcpus, Volume, VolumeId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn instance() -> InstanceRef {
    InstanceRef { id: InstanceId::parse("i-1").unwrap(), node: node() }
}

fn node() -> NodeName {
    NodeName::parse("node-1").unwrap()
}

fn disk() -> DiskSource {
    DiskSource::File { path: "/images/boot.raw".to_owned() }
}

fn resource(name: &str) -> ResourceName {
    ResourceName::parse(name).unwrap()
}

#[track_caller]
fn assert_travels<T: Object + Serialize + DeserializeOwned + PartialEq + Debug>(object: &T) {
    let mut value = serde_json::to_value(object).unwrap();
    let header = json!({ "name": T::NAME, "version": T::VERSION.to_string() });
    assert_eq!(value["object"], header);
    assert_eq!(serde_json::from_value::<T>(value.clone()).unwrap(), *object, "as written");
    value["of_a_later_minor"] = json!([1, 2]);
    value["object"]["version"] = json!(format!("{}.999", T::VERSION.major));
    assert_eq!(serde_json::from_value::<T>(value.clone()).unwrap(), *object, "by a later minor");
    value["object"]["version"] = json!(format!("{}.0", T::VERSION.major));
    for field in T::FIELDS.iter().filter(|field| field.since.minor > 0) {
        value.as_object_mut().unwrap().remove(field.name).expect("a field is written by its name");
    }
    serde_json::from_value::<T>(value.clone()).expect("as the first writer of this major wrote it");
    refuses::<T>(&value, "version", &format!("{}.0", T::VERSION.major + 1));
    refuses::<T>(&value, "version", "1");
    refuses::<T>(&value, "name", "SomethingElse");
}

#[track_caller]
fn refuses<T: Object + DeserializeOwned + Debug>(value: &Value, key: &str, other: &str) {
    let mut value = value.clone();
    value["object"][key] = json!(other);
    let error = serde_json::from_value::<T>(value).unwrap_err().to_string();
    assert!(error.contains(&format!("expected `{}` {}.x", T::NAME, T::VERSION.major)), "{error}");
}

#[test]
fn every_object_travels() {
    let provider = Provider::new(resource("node-1")).vcpus(Vcpus(4), Vcpus(1)).memory(MiB(64), MiB(2));
    let reshape = Reshape::Needed(vec![ReshapeMove { from: resource("node-1"), to: resource("numa-0") }]);
    assert_travels(&HostContext::new(HostName::parse("host-1").unwrap()));
    assert_travels(&DriverInfo::new("x", "1.0.0", DriverKind::Cluster).fencing(Fencing::Advisory));
    assert_travels(&NodeDesc::new(node()).vcpus(Vcpus(4)).memory(MiB(64)).disk(GiB(8)));
    assert_travels(&ProviderView::new(vec![provider.clone()]));
    assert_travels(&InventoryReport::new(vec![provider.disk(GiB(8), GiB(1))]).reshape(reshape));
    assert_travels(&CreateRequest::new(instance()).origin(Origin::Evacuate { from: node() }));
    assert_travels(&CreateRequest::new(instance()).image(disk()));
    assert_travels(&Created::new(instance()));
    assert_travels(&DestroyRequest::new(instance()));
    assert_travels(&InstanceSummary::new(instance(), PowerState::Paused));
    assert_travels(&InstanceInfo::new(instance(), PowerState::Off).memory(MiB(64)));
    assert_travels(&DriverEvent::new(instance(), Happening::Power(PowerState::Off)));
    assert_travels(&ConsoleOutput::new("SeaBIOS", true));
    assert_travels(&ConsoleEndpoint::new(EndpointAddress::Tcp { host: "::1".to_owned(), port: 5900 }));
    let counters = DiskCounters { name: "disk".to_owned(), read_bytes: 512, written_bytes: 0 };
    assert_travels(&DiagnosticsReport::new().uptime_s(1).cpu_time_ms(2).disks(vec![counters]));
    assert_travels(&Volume::new(VolumeId::parse("v-1").unwrap(), disk()).read_only(true));
    assert_travels(&AttachRequest::new(Volume::new(VolumeId::parse("v-2").unwrap(), disk())));
    assert_travels(&AttachedVolume::new(VolumeId::parse("v-2").unwrap()).device("virtio-2"));
    let image = ImageName::parse("image-1").unwrap();
    assert_travels(&SnapshotRequest::new(image.clone(), disk()));
    assert_travels(&SnapshotTaken::new(image, 1_048_576));
    let payload = MigrationPayload::new("x", 1, vec![0, 255]);
    assert_travels(&MigrateOutRequest::new(instance(), NodeName::parse("node-2").unwrap()));
    assert_travels(&MigrateInRequest::new(instance(), payload.clone()));
    assert_travels(&payload);
    assert_travels(&MigrateEndRequest::new(instance(), MigrationEnd::Revert));
}

#[test]
fn an_object_without_its_header_is_refused() {
    let error = serde_json::from_value::<Created>(json!({ "instance": instance() })).unwrap_err();
    assert!(error.to_string().contains("missing field `object`"), "{error}");
}

#[test]
fn a_name_is_checked_on_the_wire_too() {
    let error = serde_json::from_value::<NodeName>(json!("a b")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a b` is not a node name: expected 1 to 255 characters without white space"
    );
}

#[test]
#[expect(deprecated, reason = "what is deprecated still works")]
fn the_deprecated_call_does_what_its_replacement_does() {
    assert_eq!(NodeDesc::new(node()).memory_mb(64), NodeDesc::new(node()).memory(MiB(64)));
}

/// Every object that the source derives is one that travels above.
#[test]
fn no_object_is_forgotten() {
    fn derived(dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                derived(&path, found);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            for item in text.split("ApiObject)]").skip(1) {
                let name = item.split("pub struct ").nth(1).and_then(|rest| rest.split([' ', '<']).next());
                found.push(name.expect("the derive stands before a struct").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    derived(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20, "{found:?}");
    let tests = include_str!("objects.rs");
    for name in found {
        let travels = [format!("assert_travels(&{name}::"), format!("let payload = {name}::")];
        assert!(travels.iter().any(|line| tests.contains(line)), "`{name}` does not travel in these tests");
    }
}
