//! A real semaphore, its users as green threads, on a virtual clock.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evlet_green::{BoundedSemaphore, CappedSemaphore, Semaphore, with_timeout};
use evlet_hub::{GreenThread, now, sleep_until, spawn};

use super::{Fate, Kind, Numbers, Patience, User, Wish};
use crate::stage::virtually;

#[derive(Clone)]
enum Real {
    Plain(Semaphore),
    Bounded(BoundedSemaphore),
    Capped(CappedSemaphore),
}

type Fates = Rc<RefCell<Vec<Fate>>>;

/// The fate of each user, and what each look showed; then one when all was over.
pub(super) fn play(
    kind: Kind,
    permits: usize,
    users: &[User],
    looks: &[Duration],
) -> (Vec<Fate>, Vec<Numbers>) {
    let real = match kind {
        Kind::Plain => Real::Plain(Semaphore::new(permits)),
        Kind::Bounded => Real::Bounded(BoundedSemaphore::new(permits)),
        Kind::Capped { limit } => Real::Capped(CappedSemaphore::new(permits, limit).unwrap()),
    };
    virtually(async {
        let begin = now();
        let fates: Fates = Rc::new(RefCell::new(vec![Fate::Never; users.len()]));
        let threads: Vec<_> = users
            .iter()
            .enumerate()
            .map(|(name, user)| {
                let life = live(real.clone(), user.clone(), begin, name, fates.clone());
                Rc::new(spawn(life))
            })
            .collect();
        for (thread, user) in threads.iter().zip(users) {
            if let Some(killed) = user.killed {
                let thread = thread.clone();
                drop(spawn(async move {
                    sleep_until(begin + killed).await;
                    thread.kill();
                }));
            }
        }
        let mut looks = looks.to_vec();
        looks.sort_unstable();
        let mut seen = Vec::new();
        for look in looks {
            sleep_until(begin + look).await;
            seen.push(real.numbers());
        }
        sleep_until(begin + Duration::from_secs(60)).await;
        seen.push(real.numbers());
        end_all(&threads).await;
        // Whatever was handed to those who were ended has come back.
        let (available, ..) = *seen.last().unwrap();
        let left = real.numbers();
        assert_eq!(
            (left.0, left.1, left.2),
            (available, 0, 0),
            "something was lost or made"
        );
        (fates.take(), seen)
    })
}

async fn end_all(threads: &[Rc<GreenThread<()>>]) {
    for thread in threads {
        thread.kill();
    }
    crate::stage::settle().await;
}

async fn live(real: Real, user: User, begin: Instant, name: usize, fates: Fates) {
    sleep_until(begin + user.comes).await;
    let is = |fate: fn(Duration) -> Fate| fates.borrow_mut()[name] = fate(now() - begin);
    let Wish::Take {
        permits,
        holds,
        forgets,
    } = user.wish
    else {
        match real.give(user.patience).await {
            true => is(Fate::Granted),
            false => is(Fate::Refused),
        }
        return;
    };
    let Some(permit) = real.take(permits, user.patience).await else {
        return is(Fate::Refused);
    };
    is(Fate::Granted);
    sleep_until(now() + holds).await;
    if forgets {
        permit.forget();
    }
}

/// A permit of any of them; dropped, it is given back.
enum Held {
    Plain(evlet_green::Permit),
    Capped(evlet_green::CappedPermit),
}

impl Held {
    fn forget(self) {
        match self {
            Held::Plain(permit) => permit.forget(),
            Held::Capped(permit) => permit.forget(),
        }
    }
}

impl Real {
    async fn take(&self, permits: usize, patience: Patience) -> Option<Held> {
        match self {
            Real::Plain(real) if permits > 1 => {
                let at_once = || real.try_acquire_many(permits);
                let permit = wait(patience, real.acquire_many(permits), at_once).await;
                permit.map(Held::Plain)
            }
            Real::Plain(real) => {
                let permit = wait(patience, real.acquire(), || real.try_acquire()).await;
                permit.map(Held::Plain)
            }
            Real::Bounded(real) => {
                let permit = wait(patience, real.acquire(), || real.try_acquire()).await;
                permit.map(Held::Plain)
            }
            Real::Capped(real) => {
                let permit = wait(patience, real.acquire(), || real.try_acquire()).await;
                permit.map(Held::Capped)
            }
        }
    }

    async fn give(&self, patience: Patience) -> bool {
        match self {
            Real::Plain(real) => {
                real.release();
                true
            }
            Real::Bounded(real) => real.release().is_ok(),
            Real::Capped(real) => {
                let at_once = || real.try_release().ok();
                wait(patience, real.release(), at_once).await.is_some()
            }
        }
    }

    fn numbers(&self) -> Numbers {
        match self {
            Real::Plain(real) => (real.available(), real.waiting(), 0, real.balance()),
            Real::Bounded(real) => (real.available(), real.waiting(), 0, real.balance()),
            Real::Capped(real) => (
                real.available(),
                real.waiting(),
                real.releasing(),
                real.balance(),
            ),
        }
    }
}

async fn wait<T>(
    patience: Patience,
    wait: impl Future<Output = T>,
    at_once: impl FnOnce() -> Option<T>,
) -> Option<T> {
    match patience {
        Patience::Endless => Some(wait.await),
        Patience::For(limit) => with_timeout(limit, wait).await.ok(),
        Patience::None => at_once(),
    }
}
