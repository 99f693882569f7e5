//! What a task costs while it waits: resident memory of the process, over so many of them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Runtime;
use crate::measure::Figures;
use crate::resident;

/// Tasks with 64 bytes of state that wait for somebody who never comes. The waker that such a somebody
/// would keep is kept, in a table whose pages were there before.
pub(super) async fn parked<R: Runtime>(number: u64) -> Figures {
    let parking = Rc::new(RefCell::new(vec![None; number as usize]));
    let polled = Rc::new(Cell::new(0));
    let figures = grown::<R, _>(number, &polled, |n| {
        let (parking, polled) = (parking.clone(), polled.clone());
        async move {
            let state = [n as u8; 64];
            polled.set(polled.get() + 1);
            Park {
                parking: &parking,
                place: n as usize,
            }
            .await;
            black_box(&state);
        }
    })
    .await;
    // Until here every waker is in its place.
    assert!(parking.borrow().iter().all(Option::is_some));
    figures
}

/// Tasks that sleep for an hour.
pub(super) async fn asleep<R: Runtime>(number: u64) -> Figures {
    let polled = Rc::new(Cell::new(0));
    grown::<R, _>(number, &polled, |n| {
        let polled = polled.clone();
        async move {
            polled.set(polled.get() + 1);
            R::sleep(Duration::from_millis(3_600_000 + n)).await;
        }
    })
    .await
}

/// By how much the process grows for each task.
async fn grown<R: Runtime, F>(
    number: u64,
    polled: &Cell<u64>,
    mut task: impl FnMut(u64) -> F,
) -> Figures
where
    F: Future<Output = ()> + 'static,
{
    // Whatever is made at first use is made.
    R::sleep(Duration::from_millis(1)).await;
    let before = resident::bytes();
    for n in 0..number {
        R::spawn_n(task(n));
    }
    while polled.get() < number {
        R::sleep(Duration::from_millis(1)).await;
    }
    let after = resident::bytes();
    Figures {
        ops: number,
        ..Figures::default()
    }
    .with("bytes", after.saturating_sub(before) as f64 / number as f64)
}

struct Park<'a> {
    parking: &'a RefCell<Vec<Option<Waker>>>,
    place: usize,
}

impl Future for Park<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.parking.borrow_mut()[self.place] = Some(cx.waker().clone());
        Poll::Pending
    }
}
