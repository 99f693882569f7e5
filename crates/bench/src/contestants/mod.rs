//! One adapter for each contestant, as thin as its runtime allows.

pub(crate) mod bare;
pub(crate) mod evlet;
pub(crate) mod floor;
pub(crate) mod programs;

#[cfg(feature = "peers")]
pub(crate) mod compio;
#[cfg(feature = "peers")]
pub(crate) mod glommio;
#[cfg(feature = "peers")]
pub(crate) mod monoio;
#[cfg(feature = "peers")]
pub(crate) mod smol;
#[cfg(feature = "peers")]
pub(crate) mod tokio;

#[cfg(feature = "peers")]
mod companions; // primitives for runtimes that have none
