//! What a semaphore means: a counter and two lines, and a list of what happens when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Fate, Kind, Numbers, Patience, User, Wish};

#[derive(Debug, Clone, Copy)]
enum Happens {
    Comes(usize),
    LosesPatience(usize),
    IsKilled(usize),
    /// It held its permits long enough.
    HasHeld(usize),
    SomebodyLooks,
}

struct Model<'a> {
    kind: Kind,
    users: &'a [User],
    available: usize,
    /// Taken for good; what a bounded semaphore takes back.
    forgotten: usize,
    /// Who waits, first come first.
    takers: VecDeque<usize>,
    givers: VecDeque<usize>,
    holders: Vec<usize>,
    dead: Vec<bool>,
    fates: Vec<Fate>,
    now: Duration,
    to_come: BTreeMap<Duration, Happens>,
}

/// The fate of each user, and what each look shows; then one when all is over.
pub(super) fn foretell(
    kind: Kind,
    permits: usize,
    users: &[User],
    looks: &[Duration],
) -> (Vec<Fate>, Vec<Numbers>) {
    let mut model = Model {
        kind,
        users,
        available: permits,
        forgotten: 0,
        takers: VecDeque::new(),
        givers: VecDeque::new(),
        holders: Vec::new(),
        dead: vec![false; users.len()],
        fates: vec![Fate::Never; users.len()],
        now: Duration::ZERO,
        to_come: BTreeMap::new(),
    };
    for (name, user) in users.iter().enumerate() {
        model.to_come.insert(user.comes, Happens::Comes(name));
        if let Some(killed) = user.killed {
            model.to_come.insert(killed, Happens::IsKilled(name));
        }
    }
    for look in looks {
        model.to_come.insert(*look, Happens::SomebodyLooks);
    }
    let mut seen = Vec::new();
    while let Some((now, happens)) = model.to_come.pop_first() {
        model.now = now;
        match happens {
            Happens::SomebodyLooks => seen.push(model.numbers()),
            other => model.happens(other),
        }
    }
    seen.push(model.numbers());
    (model.fates, seen)
}

impl Model<'_> {
    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Comes(name) if !self.dead[name] => self.comes(name),
            Happens::LosesPatience(name) if self.waits(name) => {
                self.leaves(name);
                self.fates[name] = Fate::Refused(self.now);
            }
            Happens::HasHeld(name) if self.holders.contains(&name) => {
                self.holders.retain(|other| *other != name);
                let Wish::Take {
                    permits, forgets, ..
                } = self.users[name].wish
                else {
                    return;
                };
                match forgets {
                    true => self.forgotten += permits,
                    false => self.give_back(permits),
                }
            }
            Happens::IsKilled(name) => {
                self.dead[name] = true;
                if self.waits(name) {
                    self.leaves(name);
                }
                if self.holders.contains(&name) {
                    self.holders.retain(|other| *other != name);
                    self.give_back(self.needs(name));
                }
            }
            _ => {}
        }
    }

    fn comes(&mut self, name: usize) {
        let user = &self.users[name];
        let granted = match user.wish {
            Wish::Take { .. } => self.take(name),
            Wish::Give => self.give(),
        };
        match (granted, user.patience) {
            (true, _) => self.is_granted(name),
            (false, Patience::None) => self.fates[name] = Fate::Refused(self.now),
            // A bounded semaphore's release never waits.
            (false, _) if self.kind == Kind::Bounded && matches!(user.wish, Wish::Give) => {
                self.fates[name] = Fate::Refused(self.now);
            }
            (false, patience) => {
                match user.wish {
                    Wish::Take { .. } => self.takers.push_back(name),
                    Wish::Give => self.givers.push_back(name),
                }
                match patience {
                    Patience::For(limit) if limit.is_zero() => {
                        self.happens(Happens::LosesPatience(name));
                    }
                    Patience::For(limit) => {
                        let end = self.now + limit;
                        self.to_come.insert(end, Happens::LosesPatience(name));
                    }
                    _ => {}
                }
            }
        }
    }

    fn take(&mut self, name: usize) -> bool {
        let needed = self.needs(name);
        let nobody_before = self.takers.is_empty();
        if nobody_before && needed <= self.available {
            self.available -= needed;
            // There is room for one who waits to give.
            if let Some(giver) = self.givers.pop_front() {
                self.available += 1;
                self.is_granted(giver);
            }
            return true;
        }
        // A limit of zero: a taker and a giver meet.
        if nobody_before && let Some(giver) = self.givers.pop_front() {
            self.is_granted(giver);
            return true;
        }
        false
    }

    /// Adds a permit, if that is to be.
    fn give(&mut self) -> bool {
        match self.kind {
            Kind::Plain => self.give_back(1),
            Kind::Bounded if self.forgotten == 0 => return false,
            Kind::Bounded => {
                self.forgotten -= 1;
                self.give_back(1);
            }
            Kind::Capped { limit } => {
                if let Some(taker) = self.takers.pop_front() {
                    self.is_granted(taker);
                } else if self.available < limit {
                    self.available += 1;
                } else {
                    return false;
                }
            }
        }
        true
    }

    /// What a drop of a permit does.
    fn give_back(&mut self, permits: usize) {
        if let Kind::Capped { .. } = self.kind {
            // Refused when full: the permit is gone.
            let _ = self.give();
            return;
        }
        self.available += permits;
        self.serve();
    }

    fn serve(&mut self) {
        while let Some(first) = self.takers.front().copied()
            && self.needs(first) <= self.available
        {
            self.takers.pop_front();
            self.available -= self.needs(first);
            self.is_granted(first);
        }
    }

    fn is_granted(&mut self, name: usize) {
        self.fates[name] = Fate::Granted(self.now);
        if let Wish::Take { holds, .. } = self.users[name].wish {
            self.holders.push(name);
            self.to_come
                .insert(self.now + holds, Happens::HasHeld(name));
        }
    }

    fn waits(&self, name: usize) -> bool {
        self.takers.contains(&name) || self.givers.contains(&name)
    }

    fn leaves(&mut self, name: usize) {
        self.takers.retain(|other| *other != name);
        self.givers.retain(|other| *other != name);
        if self.kind == Kind::Plain {
            self.serve(); // it may have kept those behind it waiting
        }
    }

    fn needs(&self, name: usize) -> usize {
        match self.users[name].wish {
            Wish::Take { permits, .. } => permits,
            Wish::Give => 0,
        }
    }

    fn numbers(&self) -> Numbers {
        let (takers, givers) = (self.takers.len(), self.givers.len());
        let there = self.available as isize + givers as isize - takers as isize;
        let balance = match self.kind {
            Kind::Capped { limit } => there - (limit as isize - there),
            _ => there,
        };
        (self.available, takers, givers, balance)
    }
}
