//! The supervisor as a program of its own, for whoever uses the runner without the `crossgate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    crossgate_runner::supervise_main(args.into_iter().skip_while(|arg| arg == crossgate_runner::SUPERVISE))
}
