//! What several examples need, so that each of them can keep to its one idea.
//!
//! | file | idea |
//! |---|---|
//! | `command_line.rs` | the one option of every server, and how a program of ours gives up |
//! | `stopping.rs` | the end of a server |
//! | `url.rs` | an address of a page, read |
//! | `get.rs` | an HTTP client of one request |
//! | `pages.rs` | a small HTTP server to fetch pages from |
//!
//! HTTP is written by hand here, over green sockets, as far as these programs need it.

pub mod command_line;
pub mod get;
pub mod pages;
pub mod stopping;
pub mod url;
