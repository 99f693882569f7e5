//! Who holds a lock, and who waits for it.

use std::cell::RefCell;
use std::panic::Location;

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

/// The lock itself, without what it protects.
#[derive(Debug)]
pub(super) struct Turns(RefCell<State>);

/// Somebody waits only if the first in line cannot go on.
#[derive(Debug)]
pub(super) struct State {
    /// How many hold it together with others.
    sharing: usize,
    /// Whether somebody holds it alone.
    is_alone: bool,
    waiters: WaitList<Mode>,
}

/// How a lock is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    Shared,
    Alone,
}

impl Turns {
    pub(super) const fn new() -> Self {
        Turns(RefCell::new(State {
            sharing: 0,
            is_alone: false,
            waiters: WaitList::new(),
        }))
    }

    pub(super) fn wait(&self, mode: Mode, at: &'static Location<'static>) -> Waiter<'_, Mode> {
        Waiter::new(&self.0, mode, at)
    }

    pub(super) fn try_take(&self, mode: Mode) -> Option<Turn<'_>> {
        self.0.borrow_mut().arrive(mode)?;
        Some(self.turn(mode))
    }

    /// The turn of one that has been let in.
    pub(super) fn turn(&self, mode: Mode) -> Turn<'_> {
        Turn { turns: self, mode }
    }

    pub(super) fn is_held(&self) -> bool {
        let state = self.0.borrow();
        state.is_alone || state.sharing > 0
    }

    /// How many wait and have not been let in.
    pub(super) fn waiting(&self) -> usize {
        self.0.borrow().waiters.len()
    }
}

impl State {
    fn let_in(&mut self, mode: Mode) -> Option<()> {
        match mode {
            Mode::Shared if !self.is_alone => self.sharing += 1,
            Mode::Alone if !self.is_alone && self.sharing == 0 => self.is_alone = true,
            Mode::Shared | Mode::Alone => return None,
        }
        Some(())
    }

    /// A newcomer overtakes nobody, also if it could share with those who hold the lock.
    fn arrive(&mut self, mode: Mode) -> Option<()> {
        match self.waiters.is_empty() {
            true => self.let_in(mode),
            false => None,
        }
    }

    fn leave(&mut self, mode: Mode, wakers: &mut Wakers) {
        match mode {
            Mode::Shared => self.sharing -= 1,
            Mode::Alone => self.is_alone = false,
        }
        self.settle(wakers);
    }

    fn settle(&mut self, wakers: &mut Wakers) {
        while let Some(&mut mode) = self.waiters.first_load()
            && self.let_in(mode).is_some()
        {
            self.waiters.call_first(wakers);
        }
    }
}

/// The right to be where the lock lets one in; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    mode: Mode,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut wakers = Wakers::default();
        self.turns.0.borrow_mut().leave(self.mode, &mut wakers);
        wakers.wake();
    }
}

impl Claim for Mode {
    type State = State;
    type Load = Mode;
    type Output = ();
    const KIND: WaitKind = WaitKind::Lock;

    fn line<'s>(&self, state: &'s mut State) -> &'s mut WaitList<Mode> {
        &mut state.waiters
    }

    fn arrive(&mut self, state: &mut State, _: &mut Wakers) -> Option<()> {
        state.arrive(*self)
    }

    fn load(&mut self) -> Mode {
        *self
    }

    fn called(&mut self, _: &mut State, _: &mut Option<Mode>, _: &mut Wakers) -> Option<()> {
        Some(())
    }

    fn gave_up(&mut self, state: &mut State, left: &mut Left<Mode>, wakers: &mut Wakers) {
        if left.was_called {
            state.leave(*self, wakers);
        } else {
            // It may have been first, and kept those who could share waiting.
            state.settle(wakers);
        }
    }
}
