//! What the figures say: medians, ratios, what is reached.
//!
//! A contestant's figure in a row is the median over the rounds. A *ratio* is taken inside each round, between
//! figures that were measured within seconds of each other, and then its median over the rounds: whatever slows
//! a whole round down is in both its sides. Where contestants took turns it is taken inside each cycle of their
//! race instead, and the heats say how sure the median is. The *best peer* of a row is the peer with the lowest figure, of
//! those whose figure may be compared; evlet itself, the floor and the loop over epoll are nobody's peers.
//!
//! # Map, in reading order
//!
//! `ratio` (and how sure it is), `row` (one row's arithmetic), `verdict` (its targets), `figure` (numbers as they are shown), `table` (Markdown),
//! `json`, `charts` (SVG), `sections` (the parts of the page that come from a run), `page` (where they go).

pub(crate) mod charts;
pub(crate) mod figure;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod ratio;
pub(crate) mod row;
pub(crate) mod sections;
pub(crate) mod table;
pub(crate) mod verdict;
