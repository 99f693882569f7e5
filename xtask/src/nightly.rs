//! A nightly toolchain, for the tools that live only in one.

use std::process::{Command, Stdio};

use crate::workspace;

/// One of its programs: `cargo`, `rustc`.
///
/// Not `cargo +nightly`: inside of a cargo that runs us, `cargo` is that cargo and knows no
/// toolchains.
pub(crate) fn tool(name: &str) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", name])
        .current_dir(workspace::root());
    for inherited in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(inherited);
    }
    command
}

/// Whether this command can be run and succeeds, whatever it says.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let asked = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
