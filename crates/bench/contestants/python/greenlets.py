"""eventlet and gevent: green threads that switch stacks."""

from measuring import (
    SAMPLES, Absent, Stopwatch, announce, arguments, middle, quantile, resident, scattered, tell,
)

BATCH = 1000


class Eventlet:
    def __init__(self):
        import eventlet
        import eventlet.event
        import eventlet.queue
        import eventlet.semaphore
        import eventlet.tpool

        self.spawn = eventlet.spawn
        self.spawn_n = eventlet.spawn_n
        self.join = lambda thread: thread.wait()
        self.sleep = eventlet.sleep
        self.queue = eventlet.queue.LightQueue
        self.reply = eventlet.event.Event
        self.send = lambda reply, value: reply.send(value)
        self.wait = lambda reply: reply.wait()
        self.semaphore = eventlet.semaphore.Semaphore
        self.timeout = eventlet.Timeout
        self.blocking = eventlet.tpool.execute
        self.pool = eventlet.GreenPool
        self.pool_spawn = lambda pool, f: pool.spawn_n(f)
        self.pool_wait = lambda pool: pool.waitall()

    def serve(self, size):
        import eventlet

        listener = eventlet.listen(("127.0.0.1", 0), backlog=1024)
        announce(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            eventlet.spawn_n(echo, connection, size)


class Gevent:
    def __init__(self):
        import gevent
        import gevent.event
        import gevent.lock
        import gevent.pool
        import gevent.queue

        self.spawn = gevent.spawn
        self.spawn_n = gevent.spawn
        self.join = lambda greenlet: greenlet.get()
        self.sleep = gevent.sleep
        self.queue = lambda places: gevent.queue.Queue(places)
        self.reply = gevent.event.AsyncResult
        self.send = lambda reply, value: reply.set(value)
        self.wait = lambda reply: reply.get()
        self.semaphore = gevent.lock.Semaphore
        self.timeout = gevent.Timeout
        self.blocking = lambda f: gevent.get_hub().threadpool.apply(f)
        self.pool = gevent.pool.Pool
        self.pool_spawn = lambda pool, f: pool.start(gevent.Greenlet(f))
        self.pool_wait = lambda pool: pool.join()

    def serve(self, size):
        import gevent
        import gevent.socket

        listener = gevent.socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        announce(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            gevent.spawn(echo, connection, size)


def echo(connection, size):
    connection.setsockopt(6, 1, 1)  # TCP_NODELAY
    try:
        while data := connection.recv(size):
            connection.sendall(data)
    except OSError:
        pass
    connection.close()


def repeat(ops, once):
    once()
    samples = []
    for _ in range(SAMPLES):
        stopwatch = Stopwatch()
        once()
        samples.append(stopwatch.over(ops))
    return middle(samples)


def spawn_join(on, size):
    def once():
        threads = [on.spawn(lambda n=n: n) for n in range(size or BATCH)]
        assert sum(map(on.join, threads)) >= 0

    return repeat(size or BATCH, once)


def spawn_detached(on, size):
    size = size or BATCH

    def once():
        done = on.reply()
        for _ in range(size - 1):
            on.spawn_n(int)
        on.spawn_n(lambda: on.send(done, None))
        on.wait(done)

    return repeat(size, once)


def yields(on, tasks):
    each = max(1, 20_000 // tasks)

    def loop():
        for _ in range(each):
            on.sleep(0)

    def once():
        for thread in [on.spawn(loop) for _ in range(tasks)]:
            on.join(thread)

    return repeat(tasks * each, once)


def ping_pong(on, rounds=3000):
    def once():
        there, back = on.queue(1), on.queue(1)

        def other():
            for _ in range(rounds):
                back.put(there.get() + 1)

        thread = on.spawn(other)
        for n in range(rounds):
            there.put(n)
            assert back.get() == n + 1
        on.join(thread)

    return repeat(rounds, once)


def request_reply(on, rounds=3000):
    def once():
        requests = on.queue(1)

        def server():
            for _ in range(rounds):
                n, reply = requests.get()
                on.send(reply, n + 1)

        thread = on.spawn(server)
        for n in range(rounds):
            reply = on.reply()
            requests.put((n, reply))
            assert on.wait(reply) == n + 1
        on.join(thread)

    return repeat(rounds, once)


def fan_in(on, producers):
    each = max(1, 10_000 // producers)

    def once():
        queue = on.queue(64)

        def produce():
            for _ in range(each):
                queue.put(1)

        for _ in range(producers):
            on.spawn_n(produce)
        assert sum(queue.get() for _ in range(producers * each)) == producers * each

    return repeat(producers * each, once)


def semaphore_free(on, times=10_000):
    semaphore = on.semaphore(1)

    def once():
        for _ in range(times):
            with semaphore:
                pass

    return repeat(times, once)


def semaphore_contended(on, tasks):
    each = max(1, 5_000 // tasks)

    def once():
        semaphore = on.semaphore(10)

        def work():
            for _ in range(each):
                with semaphore:
                    on.sleep(0)

        for thread in [on.spawn(work) for _ in range(tasks)]:
            on.join(thread)

    return repeat(tasks * each, once)


def pool(on, size, jobs=5_000):
    def once():
        pool = on.pool(size)
        for _ in range(jobs):
            on.pool_spawn(pool, lambda: on.sleep(0))
        on.pool_wait(pool)

    return repeat(jobs, once)


def timeouts(on, work, times=5_000):
    def once():
        for _ in range(times):
            with on.timeout(1):
                work()

    return repeat(times, once)


def sleeps(on, number):
    late = []

    def sleeper(seconds):
        due = Stopwatch().wall + seconds * 1e9
        on.sleep(seconds)
        late.append(Stopwatch().wall - due)

    stopwatch = Stopwatch()
    threads = []
    for n in range(number):
        threads.append(on.spawn(sleeper, (1_000 + scattered(n) % 999_001) / 1e6))
        if n % 100 == 99:
            on.sleep(0)
    for thread in threads:
        on.join(thread)
    figures = stopwatch.over(number)
    figures["extra"] = {"late_p50": quantile(late, 0.5), "late_p99": quantile(late, 0.99)}
    return figures


def sleep_zero(on):
    return repeat(5_000, lambda: [on.sleep(0) for _ in range(5_000)])


def blocking(on):
    return repeat(500, lambda: [on.blocking(int) for _ in range(500)])


def memory(on, number, wait):
    on.sleep(0.01)
    before = resident()
    for _ in range(number):
        on.spawn_n(wait)
    on.sleep(0.01)
    grown = resident() - before
    return {"ops": number, "cpu_ns": 0.0, "wall_ns": 0.0, "extra": {"bytes": grown / number}}


def scenario(on, name, size):
    number = lambda usual: size or usual
    never = on.reply()
    table = {
        "spawn-join": lambda: spawn_join(on, size),
        "spawn-detached": lambda: spawn_detached(on, size),
        "yield-1000": lambda: yields(on, number(1_000)),
        "yield-lone": lambda: yields(on, 1),
        "ping-pong": lambda: ping_pong(on),
        "request-reply": lambda: request_reply(on),
        "fan-in": lambda: fan_in(on, number(100)),
        "semaphore-free": lambda: semaphore_free(on),
        "semaphore-contended": lambda: semaphore_contended(on, number(100)),
        "pool": lambda: pool(on, number(1_000)),
        "timeout-ready": lambda: timeouts(on, int),
        "timeout-cancelled": lambda: timeouts(on, lambda: on.sleep(0)),
        "sleeps": lambda: sleeps(on, number(20_000)),
        "sleep-zero": lambda: sleep_zero(on),
        "blocking": lambda: blocking(on),
        "memory-parked": lambda: memory(on, number(10_000), lambda: on.wait(never)),
        "memory-asleep": lambda: memory(on, number(10_000), lambda: on.sleep(3600)),
    }
    if name not in table:
        raise Absent(f"takes no part in {name}")
    return table[name]()


def main():
    contestant, what, name, size, rest = arguments()
    on = {"eventlet": Eventlet, "gevent": Gevent}[contestant]()
    if what == "serve":
        if name != "echo":
            print(f'{{"absent": "{contestant} has no {name} server"}}', flush=True)
            return
        on.serve(int(rest[0]))
    else:
        tell(contestant, name, lambda: scenario(on, name, size))


main()
