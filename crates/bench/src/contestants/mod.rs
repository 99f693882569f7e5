//! One adapter for each contestant, as thin as its runtime allows.

pub(crate) mod bare;
pub(crate) mod evlet;
pub(crate) mod floor;
#[cfg(feature = "peers")]
pub(crate) mod tokio;
