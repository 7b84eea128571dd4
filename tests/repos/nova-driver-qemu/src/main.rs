//! Tries the driver out by hand, on the state directory that `NOVA_QEMU_STATE` names.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use nova_api::{
    Call, Console as _, CreateRequest, DestroyRequest, DiskSource, Driver as _, Epoch, GiB,
    HostContext, HostName, InstanceId, InstanceRef, MiB, NodeName, OpId,
};
use nova_driver_qemu::{Config, QemuDriver};
use pollster::block_on;

const USAGE: &str =
    "usage: nova-driver-qemu create ID IMAGE | list | console ID | off ID SECONDS | destroy ID";
/// How long one command may take.
const TIME: Duration = Duration::from_mins(1);
/// How much of a console is shown.
const CONSOLE: u32 = 64 << 10;
const NODE: &str = "localhost";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    let done = block_on(run(&arguments, &mut out)).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut talk = io::stderr().lock();
            // Nobody reads it, then.
            writeln!(talk, "error: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[&str], out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let driver = QemuDriver::new(Config::from_environment());
    driver.init(&HostContext::new(HostName::parse(NODE)?)).await?;
    match *arguments {
        ["create", id, image] => {
            let path = fs::canonicalize(image)?.display().to_string();
            let request = CreateRequest::new(instance(id)?).memory(MiB(16)).disk(GiB(1));
            let request = request.image(DiskSource::File { path });
            let created = driver.create(&call(&format!("create-{id}"))?, request).await?;
            writeln!(out, "{} runs", created.instance.id)?;
        }
        ["list"] => {
            for one in driver.list_instances(None).await? {
                writeln!(out, "{} {}", one.instance.id, one.power)?;
            }
        }
        ["console", id] => {
            let output = driver.console_output(&instance(id)?, CONSOLE).await?;
            write!(out, "{}", output.text)?;
        }
        ["off", id, seconds] => {
            let grace = Duration::from_secs(seconds.parse()?);
            driver.power_off(&call(&format!("off-{id}"))?, &instance(id)?, grace).await?;
        }
        ["destroy", id] => {
            let request = DestroyRequest::new(instance(id)?);
            driver.destroy(&call(&format!("destroy-{id}"))?, request).await?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn instance(id: &str) -> Result<InstanceRef, Box<dyn Error>> {
    Ok(InstanceRef { id: InstanceId::parse(id)?, node: NodeName::parse(NODE)? })
}

fn call(op: &str) -> Result<Call, Box<dyn Error>> {
    Ok(Call::new(OpId::parse(op)?, Epoch::new(1), TIME))
}
