//! Real loops on a virtual clock.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use evlet_green::looping_call::{BackOffStep, DynamicStep, Step};
use evlet_green::{
    BackOffLoopingCall, DynamicLoopingCall, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, LoopingCall,
};
use evlet_hub::{now, sleep, spawn};

use super::life::{Life, Told, call_name};
use super::{APART, Call, Kind, Says, Script, ms};
use crate::stage::builder;

/// Plays loops beside each other; the life of each, and how many polls it all took.
pub(super) fn side_by_side(loops: &[(Kind, Script)]) -> (Vec<Life>, u64) {
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let heard = reports.clone();
    let hub = builder().on_report(move |report| heard.borrow_mut().push(report.to_string()));
    let hub = hub.build().unwrap();
    let asked = Rc::new(Cell::new(0));
    let mut lives = hub.run(async {
        let playing = loops.iter().enumerate().map(|(number, (kind, script))| {
            spawn(play(
                loop_name(number),
                kind.clone(),
                script.clone(),
                asked.clone(),
            ))
        });
        let mut lives = Vec::new();
        for playing in playing.collect::<Vec<_>>() {
            lives.push(playing.await.unwrap());
        }
        lives
    });
    let stats = hub.stats();
    assert_eq!(
        (stats.green_threads, stats.timers),
        (0, 0),
        "something was left over"
    );
    for report in reports.take() {
        let of = |number: &usize| report.contains(&loop_name(*number));
        let number = (0..loops.len())
            .find(of)
            .expect("the report names its loop");
        lives[number].told.push(Told::from(report));
    }
    (lives, stats.polls - asked.get())
}

fn loop_name(number: usize) -> String {
    format!("loop {number}")
}

/// Plays one. `asked` counts how often it is looked at from outside.
async fn play(name: String, kind: Kind, script: Script, asked: Rc<Cell<u64>>) -> Life {
    let begin = now();
    let starts: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let me: Rc<OnceCell<LoopingCall<usize>>> = Rc::default();
    let next = {
        let (starts, me, calls) = (starts.clone(), me.clone(), script.calls.clone());
        let is_in_call = Rc::new(Cell::new(false));
        move || {
            let mut log = starts.borrow_mut();
            let number = log.len();
            log.push(now() - begin);
            let done = Call {
                takes: 0,
                says: Says::Done,
            };
            let call = calls.get(number).copied().unwrap_or(done);
            one_call(number, call, me.clone(), is_in_call.clone())
        }
    };
    let looping = start(name, kind, &script, next);
    me.set(looping.clone()).unwrap();

    let waiters: Vec<_> = (0..script.waiters)
        .map(|_| {
            let looping = looping.clone();
            spawn(async move {
                let end = looping.wait().await;
                (now() - begin, end)
            })
        })
        .collect();
    let stopper = script.stops.map(|(first, second)| {
        let looping = looping.clone();
        spawn(async move {
            sleep(ms(first) + APART).await;
            looping.stop();
            sleep(ms(second)).await;
            looping.stop();
        })
    });
    let mut ends = Vec::new();
    let mut heard = Vec::new();
    for waiter in waiters {
        let (at, end) = waiter.await.unwrap();
        ends.push(at);
        heard.push(format!("{end:?}"));
    }
    while looping.is_running() {
        asked.set(asked.get() + 1);
        sleep(Duration::from_secs(1)).await;
    }
    let end = looping.wait().await;
    assert!(
        heard.iter().all(|heard| *heard == format!("{end:?}")),
        "everybody hears the same"
    );
    if let Some(stopper) = stopper {
        stopper.await.unwrap();
    }
    Life {
        starts: starts.take(),
        told: Vec::new(),
        ends,
        end: end.into(),
    }
}

/// One call of the function: what it says, in words that every kind of loop can be told.
async fn one_call(
    number: usize,
    call: Call,
    me: Rc<OnceCell<LoopingCall<usize>>>,
    is_in_call: Rc<Cell<bool>>,
) -> (usize, Says) {
    assert!(!is_in_call.replace(true), "calls overlap");
    if call.takes > 0 {
        sleep(ms(call.takes)).await;
    }
    is_in_call.set(false);
    match call.says {
        Says::Panics => panic!("{}", call_name(number)),
        Says::Stops => me.get().unwrap().stop(),
        _ => {}
    }
    (number, call.says)
}

fn start<N, C>(name: String, kind: Kind, script: &Script, mut next: N) -> LoopingCall<usize>
where
    N: FnMut() -> C + 'static,
    C: Future<Output = (usize, Says)> + 'static,
{
    let delay = ms(script.initial_delay);
    let stops = script.stop_on_error;
    let error = |number| Arc::new(std::io::Error::other(call_name(number)));
    match kind {
        Kind::Fixed { .. } | Kind::Timed { .. } => {
            let f = move || {
                let call = next();
                async move {
                    match call.await {
                        (number, Says::Done) => Step::Done(number),
                        (number, Says::Fails) => Step::Failed(error(number)),
                        _ => Step::Again,
                    }
                }
            };
            match kind {
                Kind::Timed { interval, timeout } => {
                    let looping = FixedIntervalWithTimeoutLoopingCall::new(f).name(name);
                    let looping = looping.initial_delay(delay).stop_on_error(stops);
                    looping.timeout(ms(timeout)).start(ms(interval))
                }
                Kind::Fixed { interval } => {
                    let looping = FixedIntervalLoopingCall::new(f).name(name);
                    let looping = looping.initial_delay(delay).stop_on_error(stops);
                    looping.start(ms(interval))
                }
                _ => unreachable!("it is one of the two"),
            }
        }
        Kind::Dynamic { max } => {
            let looping = DynamicLoopingCall::new(move || {
                let call = next();
                async move {
                    match call.await {
                        (number, Says::Done) => DynamicStep::Done(number),
                        (number, Says::Fails) => DynamicStep::Failed(error(number)),
                        (_, Says::Again(millis)) => DynamicStep::After(ms(millis)),
                        _ => DynamicStep::AfterMax,
                    }
                }
            });
            let looping = looping.name(name).initial_delay(delay).stop_on_error(stops);
            match max {
                Some(max) => looping.periodic_interval_max(ms(max)).start(),
                None => looping.start(),
            }
        }
        Kind::BackOff {
            starting,
            min,
            max,
            timeout,
            jitter,
            draws,
        } => {
            let mut draws = draws.into_iter().cycle();
            BackOffLoopingCall::new(move || {
                let call = next();
                async move {
                    match call.await {
                        (number, Says::Done) => BackOffStep::Done(number),
                        (number, Says::Fails) => BackOffStep::Failed(error(number)),
                        (_, Says::Again(millis)) if millis % 2 == 1 => BackOffStep::Progress,
                        _ => BackOffStep::BackOff,
                    }
                }
            })
            .name(name)
            .initial_delay(delay)
            .stop_on_error(stops)
            .starting_interval(ms(starting))
            .min_interval(ms(min))
            .max_interval(ms(max))
            .timeout(ms(timeout))
            .jitter(jitter)
            .jitter_from(move || draws.next().unwrap())
            .start()
        }
    }
}
