//! Making green threads.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::core::Core;
use crate::in_progress;
use crate::local::{self, Locals};
use crate::running;
use crate::sleep::Sleep;
use crate::stats::bump;
use crate::task::{Birth, Flags, GreenThread, GreenThreadId, Joinable, Peer, TaskRef};

/// The name of the green thread that runs the future given to `run`.
pub(crate) const ROOT_NAME: &str = "root";

/// Starts a green thread that runs `future`; returns the handle by which its result can be waited
/// for.
///
/// The new green thread never runs before its spawner waits: it takes its place at the end of the
/// line of those that are ready, and the line is first come, first served. Dropping the handle
/// detaches the green thread; it goes on.
///
/// # Panics
/// When no hub runs on this thread, or when the hub holds 268 million green threads already (a million where a
/// pointer has 32 bits).
///
/// # Example
/// ```
/// use evlet_hub::{run, spawn};
/// run(async {
///     let sum = spawn(async { 2 + 3 });
///     assert_eq!(sum.wait().await.unwrap(), 5);
/// });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_at(Location::caller(), future)
}

/// [`spawn`] for helpers that spawn on behalf of their caller: `site` is reported as the line that
/// spawned.
///
/// # Panics
/// When no hub runs on this thread.
#[track_caller]
pub fn spawn_at<F>(site: &'static Location<'static>, future: F) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match start_here(site, future, Flags::NONE) {
        Some(task) => GreenThread::new(task),
        None => running::missing("spawn"),
    }
}

/// Starts a green thread whose result nobody wants; cheaper than [`spawn`].
///
/// A panic in it goes to the hub's report ([`mod@crate::report`]).
///
/// # Panics
/// When no hub runs on this thread.
///
/// ```
/// evlet_hub::run(async {
///     evlet_hub::spawn_n(async { println!("somebody has to") });
///     evlet_hub::yield_now().await;
/// });
/// ```
#[track_caller]
pub fn spawn_n<F>(future: F)
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_n_at(Location::caller(), future);
}

/// [`spawn_n`] for helpers that spawn on behalf of their caller: `site` is reported as the line that
/// spawned.
///
/// # Panics
/// When no hub runs on this thread.
#[track_caller]
pub fn spawn_n_at<F>(site: &'static Location<'static>, future: F)
where
    F: Future + 'static,
    F::Output: 'static,
{
    if start_here(site, future, Flags::DETACHED).is_none() {
        running::missing("spawn_n")
    }
}

/// [`spawn`] after `delay`, counted from this call.
///
/// Until the delay is over [`GreenThread::cancel`] takes the order back. The order outlives the
/// green thread that gave it.
///
/// # Panics
/// When no hub runs on this thread.
#[track_caller]
pub fn spawn_after<F>(delay: Duration, future: F) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let core = running::expect("spawn_after");
    let site = Location::caller();
    let sleep = Sleep::after_now(&core, delay, site);
    let delayed = async move {
        sleep.await;
        running::with(|core| core.mark_started());
        future.await
    };
    GreenThread::new(start(
        &core,
        site,
        delayed,
        Flags::DELAYED,
        local::inherited(),
    ))
}

/// [`start`] on the hub that runs here, if there is one.
#[inline(always)]
fn start_here<F>(
    spawned_at: &'static Location<'static>,
    future: F,
    flags: Flags,
) -> Option<Joinable<F::Output>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let locals = local::inherited();
    // The task is made first: what is carried into the call below is a pointer, not a future.
    let task = Joinable::new(future);
    let bytes = size_of::<F>();
    running::with(|core| launch(core, task.task(), spawned_at, bytes, flags, locals))?;
    Some(task)
}

/// Its lane is told by `flags`.
#[inline(always)]
pub(crate) fn start<F>(
    core: &Rc<Core>,
    spawned_at: &'static Location<'static>,
    future: F,
    flags: Flags,
    locals: Option<Box<Locals>>,
) -> Joinable<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let task = Joinable::new(future);
    launch(core, task.task(), spawned_at, size_of::<F>(), flags, locals);
    task
}

/// Puts a new task into the table and into the line.
#[inline(always)]
fn launch(
    core: &Core,
    task: &TaskRef,
    spawned_at: &'static Location<'static>,
    bytes: usize,
    flags: Flags,
    locals: Option<Box<Locals>>,
) {
    let index = core.slots.borrow_mut().insert(task.clone());
    let birth = Birth {
        id: core.ids.next(),
        hub: core.id,
        spawned_at,
        since: core.clock.turn(),
        bytes,
        flags: flags.and(Flags::SCHEDULED),
    };
    task.slot.begin(birth, index);
    if let Some(locals) = locals {
        core.give_locals(task.slot.key(), locals);
    }
    bump(&core.counters.spawned);
    core.queue.push_in_lane(task.clone(), flags);
}

/// The running green thread; `None` outside a hub and in callbacks of the hub itself.
///
/// ```
/// use evlet_hub::{current, run, spawn};
/// assert_eq!(current(), None);
/// run(async {
///     let thread = spawn(async { current() });
///     let id = thread.id();
///     assert_eq!(thread.wait().await.unwrap(), Some(id));
/// });
/// ```
#[must_use]
pub fn current() -> Option<GreenThreadId> {
    in_progress::current().map(|key| key.id)
}

/// Names the running green thread, for reports and lists. Outside a green thread it does nothing.
pub fn set_name(name: impl Into<String>) {
    let name: String = name.into();
    if let Some(key) = in_progress::current() {
        running::with(|core| core.set_name(key, &name));
    }
}

/// Names the running green thread after the peer that it serves. That is cheaper than
/// [`set_name`] with the address as text: no text is made before somebody asks for the name.
///
/// Outside a green thread it does nothing.
///
/// ```
/// evlet_hub::run(async {
///     evlet_hub::set_name_to_peer("192.0.2.1:80".parse().unwrap());
///     let me = &evlet_hub::green_threads()[0];
///     assert_eq!(me.name.as_deref(), Some("root"), "a given name stays");
///
///     let connection = evlet_hub::spawn(async {
///         evlet_hub::set_name_to_peer("192.0.2.1:80".parse().unwrap());
///         evlet_hub::yield_now().await;
///     });
///     evlet_hub::yield_now().await;
///     let all = evlet_hub::green_threads();
///     assert_eq!(all[1].name.as_deref(), Some("192.0.2.1:80"));
///     # connection.await.unwrap();
/// });
/// ```
pub fn set_name_to_peer(peer: SocketAddr) {
    let Some(short) = Peer::new(peer) else {
        return set_name(peer.to_string());
    };
    if let Some(key) = in_progress::current() {
        running::with(|core| core.set_peer(key, short));
    }
}
