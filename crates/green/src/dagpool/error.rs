//! What can go wrong among jobs that depend on each other.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a job of a [`DagPool`](crate::DagPool) fails with: any error. `?` makes one of yours into it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// There is no value for a key: its job failed, or something failed on which the job depends.
///
/// A job that passes on the error of an input with `?` fails in turn, with that error as its cause; so
/// the chain of [`source`](Error::source)s leads through the graph to what failed first. A clone is
/// another handle of the same error.
///
/// ```
/// use evlet_green::DagPool;
///
/// evlet_hub::run(async {
///     let pool = DagPool::<&str, u32>::new();
///     pool.spawn("a", [], async |_, _| Err("no power".into()))?;
///     pool.spawn("b", ["a"], async |_, inputs| Ok(inputs.all().await?["a"] + 1))?;
///     let error = pool.value("b").await.unwrap_err();
///     assert_eq!(error.path(), [&"b", &"a"]);
///     assert_eq!(error.root().to_string(), "no power");
///     assert_eq!(error.to_string(), r#"no value for "b": no value for "a": no power"#);
///     Ok::<_, Box<dyn std::error::Error>>(())
/// }).unwrap();
/// ```
pub struct PropagateError<K>(Arc<Propagated<K>>);

struct Propagated<K> {
    key: K,
    cause: Cause<K>,
}

enum Cause<K> {
    Failed(Failure),
    /// The error of an input, passed on as it is. A chain of them is as long as the graph is deep, so nothing here
    /// recurses along it.
    Input(PropagateError<K>),
    Cycle(Cycle<K>),
}

impl<K> Drop for Propagated<K> {
    fn drop(&mut self) {
        let mut cause = self.take_cause();
        while let Cause::Input(PropagateError(input)) = cause {
            let Some(mut input) = Arc::into_inner(input) else {
                return; // somebody else has the rest of the chain
            };
            cause = input.take_cause();
        }
    }
}

impl<K> Propagated<K> {
    /// For the end: what is left in its place is never seen.
    fn take_cause(&mut self) -> Cause<K> {
        let nothing = Cause::Cycle(Cycle { path: Vec::new() });
        std::mem::replace(&mut self.cause, nothing)
    }
}

impl<K> PropagateError<K> {
    pub(super) fn cycle(key: K, cycle: Cycle<K>) -> Self {
        let cause = Cause::Cycle(cycle);
        PropagateError(Arc::new(Propagated { key, cause }))
    }

    /// The key that has no value.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.0.key
    }

    /// From this one to the one that failed first.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |error| match &error.0.cause {
            Cause::Input(input) => Some(input),
            Cause::Failed(_) | Cause::Cycle(_) => None,
        })
    }
}

impl<K: fmt::Debug + 'static> PropagateError<K> {
    pub(super) fn failed(key: K, failure: Failure) -> Self {
        let cause = match failure.downcast::<Self>() {
            Ok(input) => Cause::Input(*input),
            Err(failure) => Cause::Failed(failure),
        };
        PropagateError(Arc::new(Propagated { key, cause }))
    }

    /// Why: the error of the key's own job, which may be the [`PropagateError`] of an input.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + 'static) {
        match &self.0.cause {
            Cause::Failed(failure) => &**failure,
            Cause::Input(input) => input,
            Cause::Cycle(cycle) => cycle,
        }
    }

    /// What failed first: the last of the chain of errors that belong to jobs.
    #[must_use]
    pub fn root(&self) -> &(dyn Error + 'static) {
        self.chain().last().unwrap_or(self).cause()
    }

    /// The keys along which it came: this one, the input on which it depends, and so on to the one
    /// that failed first.
    #[must_use]
    pub fn path(&self) -> Vec<&K> {
        self.chain().map(Self::key).collect()
    }
}

impl<K> Clone for PropagateError<K> {
    fn clone(&self) -> Self {
        PropagateError(Arc::clone(&self.0))
    }
}

impl<K: fmt::Debug + 'static> fmt::Debug for PropagateError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropagateError")
            .field("path", &self.path())
            .field("root", &self.root())
            .finish()
    }
}

impl<K: fmt::Debug + 'static> fmt::Display for PropagateError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in self.chain() {
            write!(f, "no value for {:?}: ", error.key())?;
        }
        write!(f, "{}", self.root())
    }
}

impl<K: fmt::Debug + 'static> Error for PropagateError<K> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause())
    }
}

/// A key is in use: it has a value, or a job that will give it one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Collision<K> {
    /// A job for this key runs.
    Running(K),
    /// This key has a value, or the error that stands for it.
    HasValue(K),
}

impl<K: fmt::Debug> fmt::Display for Collision<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Collision::Running(key) => write!(
                f,
                "a job for {key:?} runs: let it end, or `kill` it, before the key is used again"
            ),
            Collision::HasValue(key) => write!(
                f,
                "{key:?} has a value: only `replace` gives it another one, and no job can"
            ),
        }
    }
}

impl<K: fmt::Debug> Error for Collision<K> {}

/// Jobs would wait for each other for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle<K> {
    pub(super) path: Vec<K>,
}

impl<K> Cycle<K> {
    /// The keys, each of which waits for the one after it; the last is the first again.
    #[must_use]
    pub fn path(&self) -> &[K] {
        &self.path
    }
}

impl<K: fmt::Debug> fmt::Display for Cycle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cycle, in which all would wait for ever: ")?;
        for (index, key) in self.path.iter().enumerate() {
            match index {
                0 => write!(f, "{key:?}")?,
                1 => write!(f, " waits for {key:?}")?,
                _ => write!(f, ", which waits for {key:?}")?,
            }
        }
        Ok(())
    }
}

impl<K: fmt::Debug> Error for Cycle<K> {}

/// A job was not spawned, and nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError<K> {
    /// Its key is in use.
    Collision(Collision<K>),
    /// It would depend on itself, perhaps by way of others.
    Cycle(Cycle<K>),
}

impl<K: fmt::Debug> fmt::Display for SpawnError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not spawned: ")?;
        match self {
            SpawnError::Collision(collision) => collision.fmt(f),
            SpawnError::Cycle(cycle) => cycle.fmt(f),
        }
    }
}

impl<K: fmt::Debug + 'static> Error for SpawnError<K> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpawnError::Collision(collision) => Some(collision),
            SpawnError::Cycle(cycle) => Some(cycle),
        }
    }
}

/// No job for this key runs, so there is none to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRunning<K>(pub K);

impl<K: fmt::Debug> fmt::Display for NotRunning<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.0;
        write!(
            f,
            "no job for {key:?} runs: none was spawned, or it has ended"
        )
    }
}

impl<K: fmt::Debug> Error for NotRunning<K> {}

/// A job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobDied {
    /// It panicked, with this message.
    Panicked(String),
    /// Its green thread was killed, not by the pool: its hub is gone.
    Killed,
}

impl fmt::Display for JobDied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobDied::Panicked(message) => write!(f, "the job panicked: {message}"),
            JobDied::Killed => f.write_str("the job was killed: its hub is gone"),
        }
    }
}

impl Error for JobDied {}
