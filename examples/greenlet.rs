//! Two greenlets that hand control to each other by name, as the greenlet library's own manual
//! begins.
//!
//! The first prints 12 and switches to the second, which prints 56 and switches back; the first
//! prints 34 and ends, and so its parent, `main`, goes on. The second is never resumed: its 78 is
//! never printed.
//!
//! Run it: `cargo run --example greenlet`

use std::cell::OnceCell;
use std::rc::Rc;

use evlet::greenlet::{Greenlet, GreenletError};

#[evlet::main]
async fn main() -> Result<(), GreenletError> {
    // The first one names the second, which does not exist yet.
    let second = Rc::new(OnceCell::new());
    let gr2 = second.clone();
    let gr1 = Greenlet::new(move |()| async move {
        println!("12");
        switch_to(gr2.get()).await;
        println!("34");
    });

    let back = gr1.clone();
    let gr2 = Greenlet::new(move |()| async move {
        println!("56");
        switch_to(Some(&back)).await;
        println!("78");
    });
    second.set(gr2).expect("set once");

    gr1.switch(()).await
}

async fn switch_to(other: Option<&Greenlet<()>>) {
    let other = other.expect("both exist before the first switch");
    other.switch(()).await.expect("it is not dead");
}
