"""asyncio on uvloop: coroutines."""

import asyncio
import functools

from measuring import (
    SAMPLES, Absent, Stopwatch, announce, arguments, middle, quantile, resident, scattered, tell,
)

BATCH = 1000


async def repeat(ops, once):
    await once()
    samples = []
    for _ in range(SAMPLES):
        stopwatch = Stopwatch()
        await once()
        samples.append(stopwatch.over(ops))
    return middle(samples)


async def value(n):
    return n


async def spawn_join(size):
    async def once():
        tasks = [asyncio.create_task(value(n)) for n in range(size)]
        for task in tasks:
            await task

    return await repeat(size, once)


async def yields(tasks):
    each = max(1, 20_000 // tasks)

    async def loop():
        for _ in range(each):
            await asyncio.sleep(0)

    async def once():
        for task in [asyncio.create_task(loop()) for _ in range(tasks)]:
            await task

    return await repeat(tasks * each, once)


async def ping_pong(rounds=3000):
    async def once():
        there, back = asyncio.Queue(1), asyncio.Queue(1)

        async def other():
            for _ in range(rounds):
                await back.put(await there.get() + 1)

        task = asyncio.create_task(other())
        for n in range(rounds):
            await there.put(n)
            assert await back.get() == n + 1
        await task

    return await repeat(rounds, once)


async def request_reply(rounds=3000):
    loop = asyncio.get_running_loop()

    async def once():
        requests = asyncio.Queue(1)

        async def server():
            for _ in range(rounds):
                n, reply = await requests.get()
                reply.set_result(n + 1)

        task = asyncio.create_task(server())
        for n in range(rounds):
            reply = loop.create_future()
            await requests.put((n, reply))
            assert await reply == n + 1
        await task

    return await repeat(rounds, once)


async def fan_in(producers):
    each = max(1, 10_000 // producers)

    async def once():
        queue = asyncio.Queue(64)

        async def produce():
            for _ in range(each):
                await queue.put(1)

        tasks = [asyncio.create_task(produce()) for _ in range(producers)]
        for _ in range(producers * each):
            await queue.get()
        for task in tasks:
            await task

    return await repeat(producers * each, once)


async def semaphore_free(times=10_000):
    semaphore = asyncio.Semaphore(1)

    async def once():
        for _ in range(times):
            async with semaphore:
                pass

    return await repeat(times, once)


async def semaphore_contended(tasks):
    each = max(1, 5_000 // tasks)

    async def once():
        semaphore = asyncio.Semaphore(10)

        async def work():
            for _ in range(each):
                async with semaphore:
                    await asyncio.sleep(0)

        for task in [asyncio.create_task(work()) for _ in range(tasks)]:
            await task

    return await repeat(tasks * each, once)


async def timeouts(wait, times=5_000):
    async def once():
        for _ in range(times):
            async with asyncio.timeout(1):
                await wait()

    return await repeat(times, once)


async def sleeps(number):
    late = []

    async def sleeper(seconds):
        due = Stopwatch().wall + seconds * 1e9
        await asyncio.sleep(seconds)
        late.append(Stopwatch().wall - due)

    stopwatch = Stopwatch()
    tasks = []
    for n in range(number):
        tasks.append(asyncio.create_task(sleeper((1_000 + scattered(n) % 999_001) / 1e6)))
        if n % 100 == 99:
            await asyncio.sleep(0)
    for task in tasks:
        await task
    figures = stopwatch.over(number)
    figures["extra"] = {"late_p50": quantile(late, 0.5), "late_p99": quantile(late, 0.99)}
    return figures


async def sleep_zero():
    async def once():
        for _ in range(5_000):
            await asyncio.sleep(0)

    return await repeat(5_000, once)


async def blocking():
    async def once():
        for _ in range(500):
            await asyncio.to_thread(int)

    return await repeat(500, once)


async def memory(number, wait):
    await asyncio.sleep(0.01)
    before = resident()
    tasks = [asyncio.create_task(wait()) for _ in range(number)]
    await asyncio.sleep(0.01)
    grown = resident() - before
    for task in tasks:
        task.cancel()
    return {"ops": number, "cpu_ns": 0.0, "wall_ns": 0.0, "extra": {"bytes": grown / number}}


async def scenario(name, size):
    number = lambda usual: size or usual
    never = asyncio.Event()
    table = {
        "spawn-join": lambda: spawn_join(number(BATCH)),
        "yield-1000": lambda: yields(number(1_000)),
        "yield-lone": lambda: yields(1),
        "ping-pong": ping_pong,
        "request-reply": request_reply,
        "fan-in": lambda: fan_in(number(100)),
        "semaphore-free": semaphore_free,
        "semaphore-contended": lambda: semaphore_contended(number(100)),
        "timeout-ready": lambda: timeouts(functools.partial(value, 1)),
        "timeout-cancelled": lambda: timeouts(functools.partial(asyncio.sleep, 0)),
        "sleeps": lambda: sleeps(number(20_000)),
        "sleep-zero": sleep_zero,
        "blocking": blocking,
        "memory-parked": lambda: memory(number(10_000), never.wait),
        "memory-asleep": lambda: memory(number(10_000), functools.partial(asyncio.sleep, 3600)),
    }
    if name not in table:
        raise Absent(f"takes no part in {name}")
    return await table[name]()


async def serve(size):
    loop = asyncio.get_running_loop()
    import socket

    listener = socket.socket()
    listener.setblocking(False)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    announce(listener.getsockname()[1])
    tasks = set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(echo(loop, connection, size))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def echo(loop, connection, size):
    try:
        while data := await loop.sock_recv(connection, size):
            await loop.sock_sendall(connection, data)
    except OSError:
        pass
    connection.close()


def main():
    import uvloop

    contestant, what, name, size, rest = arguments()
    if what == "one":
        tell(contestant, name, lambda: uvloop.run(scenario(name, size)))
    elif name == "echo":
        uvloop.run(serve(int(rest[0])))
    else:
        print(f'{{"absent": "{contestant} has no {name} server"}}', flush=True)


main()
