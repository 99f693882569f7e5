// Go among the contestants: goroutines on one processor.
//
// `one SCENARIO [--size N]` measures and prints a line of figures, as crates/bench/src/measure.rs
// does; `serve echo BUFFER` serves until it is ended.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const samples = 15

type figures struct {
	Contestant string             `json:"contestant"`
	Scenario   string             `json:"scenario"`
	Ops        int                `json:"ops"`
	Cpu        float64            `json:"cpu_ns"`
	Wall       float64            `json:"wall_ns"`
	Extra      map[string]float64 `json:"extra"`
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) > 3 && os.Args[1] == "serve" {
		size, _ := strconv.Atoi(os.Args[3])
		if os.Args[2] != "echo" {
			absent("go has no " + os.Args[2] + " server")
			return
		}
		serve(size)
		return
	}
	if len(os.Args) < 3 || os.Args[1] != "one" {
		fmt.Fprintln(os.Stderr, "one SCENARIO [--size N], or serve echo BUFFER")
		os.Exit(2)
	}
	size := 0
	if len(os.Args) > 4 && os.Args[3] == "--size" {
		size, _ = strconv.Atoi(os.Args[4])
	}
	measure, ok := scenario(os.Args[2], size)
	if !ok {
		absent("go takes no part in " + os.Args[2])
		return
	}
	found := measure()
	found.Contestant, found.Scenario = "go", os.Args[2]
	line, _ := json.Marshal(found)
	fmt.Println(string(line))
}

func absent(why string) {
	line, _ := json.Marshal(map[string]string{"absent": why})
	fmt.Println(string(line))
}

func scenario(name string, size int) (func() figures, bool) {
	number := func(usual int) int {
		if size > 0 {
			return size
		}
		return usual
	}
	table := map[string]func() figures{
		"spawn-join":          func() figures { return spawnJoin(number(1000)) },
		"spawn-detached":      func() figures { return spawnDetached(number(1000)) },
		"yield-1000":          func() figures { return yields(number(1000)) },
		"yield-lone":          func() figures { return yields(1) },
		"ping-pong":           pingPong,
		"request-reply":       requestReply,
		"fan-in":              func() figures { return fanIn(number(100)) },
		"semaphore-free":      semaphoreFree,
		"semaphore-contended": func() figures { return semaphoreContended(number(100)) },
		"pool":                func() figures { return pool(number(1000)) },
		"timeout-ready":       timeoutReady,
		"timeout-cancelled":   timeoutCancelled,
		"sleeps":              func() figures { return sleeps(number(100_000)) },
		"sleep-zero":          sleepZero,
		"memory-parked":       func() figures { return memory(number(100_000), func() { select {} }) },
		"memory-asleep":       func() figures { return memory(number(100_000), func() { time.Sleep(time.Hour) }) },
	}
	measure, ok := table[name]
	return measure, ok
}

// CPU time of the process, in nanoseconds.
func cpu() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func repeat(ops int, once func()) figures {
	for i := 0; i < 3; i++ {
		once()
	}
	var cpus, walls []float64
	for i := 0; i < samples; i++ {
		before, began := cpu(), time.Now()
		once()
		walls = append(walls, float64(time.Since(began))/float64(ops))
		cpus = append(cpus, float64(cpu()-before)/float64(ops))
	}
	return figures{Ops: ops * samples, Cpu: quantile(cpus, 0.5), Wall: quantile(walls, 0.5), Extra: map[string]float64{}}
}

func quantile(values []float64, q float64) float64 {
	sort.Float64s(values)
	return values[int(q*float64(len(values)-1))]
}

func spawnJoin(batch int) figures {
	batches := (20_000 + batch - 1) / batch
	return repeat(batches*batch, func() {
		for i := 0; i < batches; i++ {
			results := make([]chan int, batch)
			for n := range results {
				result := make(chan int, 1)
				results[n] = result
				n := n
				go func() { result <- n }()
			}
			for _, result := range results {
				<-result
			}
		}
	})
}

func spawnDetached(batch int) figures {
	batches := (20_000 + batch - 1) / batch
	return repeat(batches*batch, func() {
		for i := 0; i < batches; i++ {
			left := batch
			done := make(chan struct{})
			for n := 0; n < batch; n++ {
				go func() {
					left--
					if left == 0 {
						close(done)
					}
				}()
			}
			<-done
		}
	})
}

func yields(tasks int) figures {
	each := (100_000 + tasks - 1) / tasks
	return repeat(tasks*each, func() {
		var all sync.WaitGroup
		all.Add(tasks)
		for n := 0; n < tasks; n++ {
			go func() {
				for i := 0; i < each; i++ {
					runtime.Gosched()
				}
				all.Done()
			}()
		}
		all.Wait()
	})
}

func pingPong() figures {
	const rounds = 20_000
	return repeat(rounds, func() {
		there, back := make(chan int, 1), make(chan int, 1)
		go func() {
			for n := range there {
				back <- n + 1
			}
		}()
		for n := 0; n < rounds; n++ {
			there <- n
			<-back
		}
		close(there)
	})
}

func requestReply() figures {
	const rounds = 20_000
	type request struct {
		n     int
		reply chan int
	}
	return repeat(rounds, func() {
		requests := make(chan request, 1)
		go func() {
			for asked := range requests {
				asked.reply <- asked.n + 1
			}
		}()
		for n := 0; n < rounds; n++ {
			reply := make(chan int, 1)
			requests <- request{n, reply}
			<-reply
		}
		close(requests)
	})
}

func fanIn(producers int) figures {
	each := (50_000 + producers - 1) / producers
	return repeat(producers*each, func() {
		queue := make(chan int, 64)
		for p := 0; p < producers; p++ {
			go func() {
				for i := 0; i < each; i++ {
					queue <- 1
				}
			}()
		}
		for i := 0; i < producers*each; i++ {
			<-queue
		}
	})
}

func semaphoreFree() figures {
	permits := make(chan struct{}, 1)
	return repeat(100_000, func() {
		for i := 0; i < 100_000; i++ {
			permits <- struct{}{}
			<-permits
		}
	})
}

func semaphoreContended(tasks int) figures {
	each := (20_000 + tasks - 1) / tasks
	return repeat(tasks*each, func() {
		permits := make(chan struct{}, 10)
		var all sync.WaitGroup
		all.Add(tasks)
		for n := 0; n < tasks; n++ {
			go func() {
				for i := 0; i < each; i++ {
					permits <- struct{}{}
					runtime.Gosched()
					<-permits
				}
				all.Done()
			}()
		}
		all.Wait()
	})
}

func pool(size int) figures {
	const jobs = 50_000
	return repeat(jobs, func() {
		places := make(chan struct{}, size)
		var all sync.WaitGroup
		all.Add(jobs)
		for i := 0; i < jobs; i++ {
			places <- struct{}{}
			go func() {
				runtime.Gosched()
				<-places
				all.Done()
			}()
		}
		all.Wait()
	})
}

// A timer that is set and stopped around nothing.
func timeoutReady() figures {
	return repeat(20_000, func() {
		for i := 0; i < 20_000; i++ {
			timer := time.AfterFunc(time.Second, func() {})
			timer.Stop()
		}
	})
}

func timeoutCancelled() figures {
	return repeat(20_000, func() {
		for i := 0; i < 20_000; i++ {
			timer := time.AfterFunc(time.Second, func() {})
			runtime.Gosched()
			timer.Stop()
		}
	})
}

func sleeps(number int) figures {
	late := make([]float64, 0, number)
	var all sync.WaitGroup
	all.Add(number)
	before, began := cpu(), time.Now()
	for n := 0; n < number; n++ {
		duration := time.Duration(1_000+scattered(uint64(n))%999_001) * time.Microsecond
		go func() {
			due := time.Now().Add(duration)
			time.Sleep(duration)
			late = append(late, float64(time.Since(due)))
			all.Done()
		}()
		if n%100 == 99 {
			runtime.Gosched()
		}
	}
	all.Wait()
	spent, took := cpu()-before, time.Since(began)
	return figures{
		Ops:  number,
		Cpu:  float64(spent) / float64(number),
		Wall: float64(took) / float64(number),
		Extra: map[string]float64{
			"late_p50": quantile(late, 0.5),
			"late_p99": quantile(late, 0.99),
		},
	}
}

// Numbers in no order, the same each time.
func scattered(n uint64) uint64 {
	mixed := (n + 1) * 0x9e3779b97f4a7c15
	return ((mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9) >> 20
}

func sleepZero() figures {
	return repeat(20_000, func() {
		for i := 0; i < 20_000; i++ {
			time.Sleep(0)
			runtime.Gosched() // a sleep of nothing returns at once
		}
	})
}

func memory(number int, wait func()) figures {
	go time.Sleep(time.Millisecond)
	time.Sleep(10 * time.Millisecond)
	before := resident()
	for i := 0; i < number; i++ {
		go wait()
	}
	time.Sleep(100 * time.Millisecond)
	grown := resident() - before
	return figures{Ops: number, Extra: map[string]float64{"bytes": float64(grown) / float64(number)}}
}

func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize()
}

func serve(size int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		absent(err.Error())
		return
	}
	fmt.Println("listening", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go echo(connection, size)
	}
}

func echo(connection net.Conn, size int) {
	defer connection.Close()
	buffer := make([]byte, size)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}
