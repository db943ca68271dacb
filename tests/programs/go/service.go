// A small service that leaks, bursts and caches, and serves the profiles of Go's standard library.
//
// It prints its address, and ends when its standard input is closed. Its arguments are steps, such as
// leak=200,cache=100: each request for the heap profile first makes the next step; the last step is repeated. So
// nothing depends on time. Before a profile is served, garbage is collected twice, because a heap profile may be up
// to two collections old.
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
	// One sample every 16 KiB on average, so that a test needs little memory.
	samplingIntervalBytes = 16 << 10
	sessionBytes          = 2 << 10
	pageBytes             = 4 << 10
	reportBytes           = 32 << 10
	cachePages            = 1024
)

var (
	sessions [][]byte
	cache    = make([][]byte, cachePages)
	// Receives immediate garbage, so that it is not kept on the stack.
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

// closeSession opens sessions and closes them: the correct form of leakSession.
//
//go:noinline
func closeSession(count int) {
	for i := 0; i < count; i++ {
		sink = make([]byte, sessionBytes)
	}
}

// burstReport makes reports that become garbage immediately.
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

// work executes one part of a step.
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

// script executes one step before each heap profile.
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
		// The test holds the other end: when the test ends, the service ends.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err = http.Serve(listener, mux)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
