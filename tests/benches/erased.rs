//! What a call costs more through the erased driver than at the driver itself: at most a microsecond is allowed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nova_api::{Call, CreateRequest, Driver as _, DynDriver, Epoch, InstanceId, InstanceRef, NodeName, OpId};
use nova_driver_frozen::{HypervisorDriver, InMemory};
use pollster::block_on;

fn call() -> Call {
    Call::new(OpId::parse("op-1").expect("a literal"), Epoch::new(1), Duration::from_hours(1))
}

fn instance() -> InstanceRef {
    let id = InstanceId::parse("i-1").expect("a literal");
    InstanceRef { id, node: NodeName::parse("host").expect("a literal") }
}

fn calls(criterion: &mut Criterion) {
    let memory = InMemory::default();
    let direct = HypervisorDriver::new(memory.clone());
    let erased = DynDriver::new(HypervisorDriver::new(memory));
    let (call, instance) = (call(), instance());
    block_on(direct.create(&call, CreateRequest::new(instance.clone()))).expect("there is room");
    let mut group = criterion.benchmark_group("call");
    group.bench_function("asking, direct", |bench| {
        bench.iter(|| block_on(direct.instance_info(black_box(&instance))));
    });
    group.bench_function("asking, erased", |bench| {
        bench.iter(|| block_on(erased.instance_info(black_box(&instance))));
    });
    group.bench_function("acting, direct", |bench| {
        bench.iter(|| block_on(direct.power_on(black_box(&call), black_box(&instance))));
    });
    group.bench_function("acting, erased", |bench| {
        bench.iter(|| block_on(erased.power_on(black_box(&call), black_box(&instance))));
    });
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
