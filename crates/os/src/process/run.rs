//! A command from start to end: `output` and `status`.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll};

use super::command::{Command, Default};
use super::gather::Gather;

/// A command that is started by the first poll.
struct Run<'a> {
    command: &'a mut Command,
    unless_chosen: Default,
    gather: Option<Gather>,
    at: &'static Location<'static>,
}

impl Run<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Output>> {
        let gather = match &mut self.gather {
            Some(gather) => gather,
            None => {
                let child = self.command.start(self.unless_chosen, self.at)?;
                let limit = self.command.time_limit;
                self.gather
                    .insert(Gather::new(child, Vec::new(), limit, self.at))
            }
        };
        Pin::new(gather).poll(cx)
    }
}

macro_rules! run {
    ($name:ident, $method:literal, $output:ty, $unless_chosen:expr, $part:expr) => {
        #[doc = concat!("The future of [`Command::", $method, "`].")]
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a>(Run<'a>);

        impl<'a> $name<'a> {
            pub(super) fn new(command: &'a mut Command, at: &'static Location<'static>) -> Self {
                $name(Run {
                    command,
                    unless_chosen: $unless_chosen,
                    gather: None,
                    at,
                })
            }
        }

        impl Future for $name<'_> {
            type Output = io::Result<$output>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.0.poll(cx).map_ok($part)
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("command", &self.0.command)
                    .field("gather", &self.0.gather)
                    .finish()
            }
        }
    };
}

run!(RunOutput, "output", Output, Default::Capture, |all| all);
run!(RunStatus, "status", ExitStatus, Default::Inherit, |all| all
    .status);
