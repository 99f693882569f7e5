//! Symmetric coroutines, after Python's greenlet library, on which eventlet is built.
//!
//! A [`Greenlet`] is a piece of a program that runs only when it is *switched to*, and hands control
//! on by switching to another. Of greenlets that switch to each other exactly one runs at a time.
//! [`switch`](Greenlet::switch) passes a value along; it is done when somebody switches back, with
//! the value that was passed back.
//!
//! ```
//! use std::{cell::OnceCell, rc::Rc};
//! use evlet_green::greenlet::Greenlet;
//!
//! evlet_hub::run(async {
//!     let second = Rc::new(OnceCell::<Greenlet<()>>::new());
//!     let gr2 = Rc::clone(&second);
//!     let gr1 = Greenlet::new(move |()| async move {
//!         println!("12");
//!         gr2.get().unwrap().switch(()).await.unwrap();
//!         println!("34");
//!     });
//!     let back = gr1.clone();
//!     let gr2 = Greenlet::new(move |()| async move {
//!         println!("56");
//!         back.switch(()).await.unwrap();
//!         println!("78"); // never: nobody switches here again
//!     });
//!     second.set(gr2).unwrap();
//!     gr1.switch(()).await.unwrap(); // prints 12 56 34
//!     assert!(gr1.is_dead());
//! });
//! ```
//!
//! # How it maps
//!
//! In Python a greenlet owns a C stack, and a switch saves one and restores the other. Here the
//! state machine of a future is the saved stack: a greenlet is a green thread that waits for its
//! inbox, and a switch puts a value into the inbox of the other and waits for one's own.
//!
//! - A green thread that is not a greenlet acts as a **main** greenlet: it can switch, be switched
//!   back to, and is the parent of the greenlets it creates. [`Greenlet::current`] gives its handle.
//! - The **parent** of a greenlet is the one in which it was created (or, if that was outside a hub,
//!   the one that switches to it first). When its body returns, the value goes to the parent, whose
//!   `switch` is done with it. If the parent is dead, it goes to the parent's parent.
//! - All greenlets of a family pass values of one type `T`. Different types are different families.
//! - A greenlet may wait for other things than a switch (a `sleep`, a queue). It keeps control of its
//!   family meanwhile; a switch to it is refused as [`GreenletError::Busy`].
//!
//! # Ends
//!
//! - A **dead** greenlet cannot be switched to: [`GreenletError::Dead`]. (greenlet passes the value
//!   to the parent; a `switch` that gives back what one has just sent hides the mistake.) A main greenlet is
//!   dead when its green thread has ended; what its children return then is dropped.
//! - A **panic** ends the greenlet and is passed to the parent as [`GreenletError::Panicked`].
//! - When the **last handle** of a greenlet that waits in `switch` is dropped, nobody can switch to
//!   it any more, so it is killed: its future is dropped at its next turn. Greenlets that keep each
//!   other's handles in their bodies keep each other, until their hub goes; end one of them, or let
//!   them ask for `Greenlet::current().parent()`.

mod error;
mod family;
mod handle;
mod switch;

pub use error::GreenletError;
pub use handle::Greenlet;
pub use switch::Switch;
