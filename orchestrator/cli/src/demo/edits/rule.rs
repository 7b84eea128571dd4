//! The rule of the suite that what is off is not rebooted: taken back before the story begins, and asked for in it.

use super::Edit;

/// A place in nova-common that has to do with the rule, as it reads without and with it.
pub(super) struct Place {
    path: &'static str,
    without: &'static str,
    with: &'static str,
}

impl Place {
    /// Takes the rule back.
    pub(super) const fn taken_back(&self) -> Edit {
        Edit { path: self.path, from: self.with, to: self.without }
    }

    /// Asks for the rule.
    pub(super) const fn asked_for(&self) -> Edit {
        Edit { path: self.path, from: self.without, to: self.with }
    }
}

pub(super) const SUITE: Place = Place {
    path: "conformance/src/lib.rs",
    without: "reboot_leaves_it_running,",
    with: "reboot_leaves_it_running, reboot_when_off_is_refused,",
};

pub(super) const CASE: Place = Place {
    path: "conformance/src/cases/power.rs",
    without: "pub(super) async fn of_an_unknown_instance_is_refused",
    with: r#"pub(super) async fn reboot_when_off_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
    for kind in [RebootKind::Soft, RebootKind::Hard] {
        let reboot = world.driver.reboot(&world.call(), &instance, kind).await;
        ensure_refused!("reboot of an instance that is off", reboot, RebootError::WrongPower(_))?;
    }
    world.ensure_power(&instance, PowerState::Off, "a refused reboot").await
}

pub(super) async fn of_an_unknown_instance_is_refused"#,
};

pub(super) const WRONG_DRIVER: Place = Place {
    path: "conformance/tests/zoo/animal/driver.rs",
    without: "        let from = if self.has(Fault::RebootsThePaused) { PowerState::Paused } else { PowerState::Running };\n",
    with: "        let from = if self.has(Fault::RebootsWhenOff) { PowerState::Off } else { PowerState::Running };\n        \
           let from = if self.has(Fault::RebootsThePaused) { PowerState::Paused } else { from };\n",
};

pub(super) const FAULT: Place = Place {
    path: "conformance/tests/zoo/faults.rs",
    without: "            reboots_the_paused: ",
    with: "            reboots_when_off: RebootsWhenOff => [\"power::reboot_when_off_is_refused\"],\n            \
           reboots_the_paused: ",
};

pub(super) const CAUGHT_LYING: Place = Place {
    path: "conformance/tests/zoo/faults.rs",
    without: "\"power::off_and_on\", \"power::is_idempotent\",",
    with: "\"power::off_and_on\", \"power::is_idempotent\", \"power::reboot_when_off_is_refused\",",
};

pub(super) const CAUGHT_PANICKING: Place = Place {
    path: "conformance/tests/zoo/faults.rs",
    without: "PanicsOnReboot => [\n                \"power::reboot_leaves_it_running\",",
    with: "PanicsOnReboot => [\n                \"power::reboot_leaves_it_running\", \"power::reboot_when_off_is_refused\",",
};
