//! What the hub promises, theme by theme, through its public API.
//!
//! Promises cite `reliability.md` (`// proves A-5`), behaviour that came from eventlet cites its
//! conformance case. What needs a process of its own (memory, signals, descriptors closed behind the
//! hub's back) is in `tests/alone`.

// The props.
mod bell;
mod deadline;
mod outsider;
mod pairs;
mod stage;
mod trace;

// Green threads.
mod any_order; // against a plain queue
mod any_tasks; // against a plain model
mod cancel; // an unstarted task, and any wait at any of its polls
mod deadlock; // nothing can wake anybody
mod fairness; // nobody starves
mod foreign; // futures that are not ours
mod join; // wait, detach
mod kill; // dropped once, before anybody hears of it
mod killed; // why, by whom and where
mod lane; // more turns for some, some for all
mod link; // told of an end
mod local; // a value for each
mod local_waker; // cheaper than a waker, and as good
mod order; // first come, first served
#[cfg(panic = "unwind")]
mod panic; // a panic ends its task only
#[cfg(panic = "unwind")]
mod panic_names; // and is reported by its name
mod shield; // what is finished before a kill takes effect
mod slot; // what evlet can say about each
mod tied; // later, unless its maker ends
mod watchdog; // who holds the hub

// Time.
mod any_timers; // against a plain model
mod timeout;
mod timers;
mod virtual_time;
mod within; // a limit that everything below sees

// Descriptors.
mod closing;
mod interrupted;
mod notifier; // what is taken for granted about `polling`
mod odd_descriptors;
mod old_kernel; // one that lacks what the hub waits with
mod reactor;
mod readers; // one for each direction
mod trampoline;

// Hubs.
mod destructors; // what they may do meanwhile
mod handle; // a hub in other hands
mod hubs; // many of them
mod nested; // but one a thread
mod numbers; // stats()
mod remote; // other threads
mod sends; // what may cross them
mod shutdown; // the drop of a hub
