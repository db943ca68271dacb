// A small service that leaks, bursts and caches, with the profiler of Go's standard library beside it.
//
// It prints the address that it listens on, and ends when its standard input does. Its arguments are steps, such as
// leak=200,cache=100: each time somebody asks for the heap profile, the next of them is made first, and the last one again
// and again. So nothing in it depends on time. Before a profile is served the garbage is collected twice, since a heap
// profile says what was true up to two collections ago.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

const (
	// One sample every 16 KiB in the mean, so that little memory is enough for a test.
	samplingIntervalBytes = 16 << 10
	sessionBytes          = 2 << 10
	pageBytes             = 4 << 10
	reportBytes           = 32 << 10
	cachePages            = 1024
)

var (
	sessions [][]byte
	cache    = make([][]byte, cachePages)
	// Where what is garbage at once goes, so that it is not kept on the stack.
	sink []byte
)

// leakSession opens sessions that nobody closes.
//
//go:noinline
func leakSession(count int) {
	for i := 0; i < count; i++ {
		sessions = append(sessions, make([]byte, sessionBytes))
	}
}

// closeSession opens sessions and closes them: what leakSession should have done.
//
//go:noinline
func closeSession(count int) {
	for i := 0; i < count; i++ {
		sink = make([]byte, sessionBytes)
	}
}

// burstReport makes reports that are garbage at once.
//
//go:noinline
func burstReport(count int) {
	for i := 0; i < count; i++ {
		sink = make([]byte, reportBytes)
	}
}

// cachePage replaces pages of a cache of fixed size.
//
//go:noinline
func cachePage(count int) {
	for i := 0; i < count; i++ {
		cache[i%cachePages] = make([]byte, pageBytes)
	}
}

var works = map[string]func(count int){
	"leak":  leakSession,
	"close": closeSession,
	"burst": burstReport,
	"cache": cachePage,
}

// work does what one part of a step says.
func work(part string) error {
	name, number, _ := strings.Cut(part, "=")
	do, ok := works[name]
	count, err := strconv.Atoi(number)
	if !ok || err != nil || count < 0 {
		return fmt.Errorf("not a part of a step, such as leak=200: %q", part)
	}
	do(count)
	return nil
}

// script makes one step before each heap profile.
type script struct {
	lock    sync.Mutex
	steps   []string
	profile http.Handler
}

func (it *script) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	it.lock.Lock()
	defer it.lock.Unlock()
	for _, part := range strings.Split(it.steps[0], ",") {
		if err := work(part); err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if len(it.steps) > 1 {
		it.steps = it.steps[1:]
	}
	sink = nil
	runtime.GC()
	runtime.GC()
	it.profile.ServeHTTP(response, request)
}

func main() {
	runtime.MemProfileRate = samplingIntervalBytes
	cachePage(cachePages)
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: service STEP...")
		os.Exit(2)
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/pprof/heap", &script{steps: os.Args[1:], profile: pprof.Handler("heap")})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		// The test that started it holds the other end: when it is gone, so is the service.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err = http.Serve(listener, mux)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
