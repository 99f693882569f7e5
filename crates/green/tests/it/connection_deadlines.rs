//! `ConnectionPool`: what is done with a connection after its use has a time of its own.

use evlet_hub::{sleep, within};

use crate::connection_pool::{Line, get, lines, options};
use crate::stage::{MS, SECOND, virtually};
use crate::trace::Trace;

#[test]
fn the_users_deadline_is_not_that_of_the_clean_up() {
    let trace = Trace::default();
    virtually(async {
        let cleanup = async |_: &mut Line| within(SECOND, sleep(5 * MS)).await;
        let pool = lines(options().cleanup(cleanup), &trace);
        let request = within(SECOND, async {
            let _connection = get(&pool).await;
            sleep(60 * SECOND).await;
        });
        assert!(request.await.is_err());
        sleep(SECOND).await;
        let in_time = within(SECOND, async {
            let connection = get(&pool).await;
            sleep(SECOND - 11 * MS).await;
            drop(connection);
        });
        in_time.await.unwrap();
        sleep(SECOND).await;
        assert_eq!((pool.idle(), trace.text().as_str()), (1, "+1"));
    });
}

#[test]
fn the_users_deadline_is_not_that_of_a_goodbye() {
    let trace = Trace::default();
    virtually(async {
        let own = trace.clone();
        let close = async move |line: Line| match within(SECOND, sleep(5 * MS)).await {
            Ok(()) => own.add(format!("quit{}", line.number)),
            Err(late) => own.add(late),
        };
        let pool = lines(options().close(close), &trace);
        let first = within(SECOND, async { drop(get(&pool).await) });
        first.await.unwrap(); // the timer begins here, and rings when the second is over
        sleep(60 * SECOND).await;
        let second = within(SECOND, async {
            let connection = get(&pool).await;
            sleep(SECOND - 12 * MS).await;
            connection.discard();
        });
        second.await.unwrap();
        sleep(SECOND).await;
        assert_eq!(trace.text(), "+1 quit1 -1 +2 quit2 -2");
    });
}
