//! `RwLock`: many who look or one who changes, in one line.

use std::rc::Rc;

use evlet_green::RwLock;
use evlet_hub::{GreenThread, now, sleep, spawn, yield_now};

use crate::stage::{MS, settle, virtually};
use crate::trace::Trace;

fn reader(lock: &Rc<RwLock<u32>>, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (lock, trace) = (lock.clone(), trace.clone());
    spawn(async move {
        let value = lock.read().await;
        trace.add(format!("+{name}"));
        sleep(MS).await;
        trace.add(format!("-{name}"));
        drop(value);
    })
}

fn writer(lock: &Rc<RwLock<u32>>, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (lock, trace) = (lock.clone(), trace.clone());
    spawn(async move {
        let mut value = lock.write().await;
        trace.add(format!("+{name}"));
        sleep(MS).await;
        *value += 1;
        trace.add(format!("-{name}"));
    })
}

#[test]
fn readers_share_and_a_writer_is_alone() {
    let trace = Trace::default();
    virtually(async {
        let lock = Rc::new(RwLock::new(0));
        let all = [
            reader(&lock, &trace, "r1"),
            reader(&lock, &trace, "r2"),
            writer(&lock, &trace, "w"),
            reader(&lock, &trace, "r3"),
            reader(&lock, &trace, "r4"),
        ];
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(*lock.read().await, 1);
    });
    assert_eq!(
        trace.text(),
        "+r1 +r2 -r1 -r2 +w -w +r3 +r4 -r3 -r4",
        "r3 waits behind the writer, though others read"
    );
}

// proves D-2
#[test]
fn a_stream_of_readers_does_not_keep_a_writer_waiting() {
    virtually(async {
        let lock = Rc::new(RwLock::new(0));
        let readers = [0, 1].map(|offset| {
            let own = lock.clone();
            spawn(async move {
                sleep(MS * offset).await;
                loop {
                    let _value = own.read().await; // from then on, one of the two always reads
                    sleep(2 * MS).await;
                }
            })
        });
        sleep(100 * MS).await;
        let start = now();
        *lock.write().await += 1;
        assert!(now() - start <= 2 * MS);
        for reader in readers {
            reader.kill().await;
        }
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_go_on() {
    virtually(async {
        let trace = Trace::default();
        let lock = Rc::new(RwLock::new(0));
        let reading = lock.read().await;
        let writer = writer(&lock, &trace, "w");
        let reader = reader(&lock, &trace, "r");
        settle().await;
        assert_eq!((lock.waiting(), trace.text().as_str()), (2, ""));
        writer.kill().await;
        reader.await.unwrap();
        assert_eq!(trace.text(), "+r -r");
        drop(reading);
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn tries_do_not_wait_and_overtake_nobody() {
    virtually(async {
        let lock = Rc::new(RwLock::new(5));
        let one = lock.try_read().unwrap();
        let other = lock.try_read().unwrap();
        assert_eq!(*one + *other, 10);
        assert!(lock.try_write().is_none());
        let own = lock.clone();
        let writing = spawn(async move { *own.write().await += 1 });
        yield_now().await;
        assert!(lock.try_read().is_none(), "a writer waits");
        drop((one, other));
        assert!(lock.try_read().is_none(), "it is the writer's turn");
        writing.await.unwrap();
        *lock.try_write().unwrap() += 1;
        assert_eq!(*lock.try_read().unwrap(), 7);
    });
}

#[test]
fn a_panic_while_writing_gives_the_lock_back() {
    virtually(async {
        let lock = Rc::new(RwLock::new(1));
        let own = lock.clone();
        let failing = spawn(async move {
            let mut value = own.write().await;
            *value = 2;
            panic!("while writing");
        });
        assert!(failing.await.is_err());
        let mut lock = Rc::into_inner(lock).unwrap();
        *lock.get_mut() += 1;
        assert_eq!(lock.into_inner(), 3);
    });
}
