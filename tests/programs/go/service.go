// A small service that leaks, bursts and caches on request, with the profiler of Go's standard library beside it.
//
// It prints the address that it listens on, and ends when its standard input does. Nothing in it depends on time: a test
// asks for each step, and /gc makes the heap profile say what is true now (it lags by up to two collections).
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"sync"
)

const (
	// One sample every 16 KiB in the mean, so that little memory is enough for a test.
	samplingIntervalBytes = 16 << 10
	sessionBytes          = 2 << 10
	pageBytes             = 4 << 10
	reportBytes           = 32 << 10
	cachePages            = 512
)

var (
	lock     sync.Mutex
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

// serve makes a step of what is asked for so many times.
func serve(path string, step func(count int)) {
	http.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
		count, err := strconv.Atoi(request.URL.Query().Get("n"))
		if err != nil || count < 0 {
			http.Error(response, "?n= takes a number", http.StatusBadRequest)
			return
		}
		lock.Lock()
		defer lock.Unlock()
		step(count)
	})
}

func collect(int) {
	sink = nil
	runtime.GC()
	runtime.GC()
}

func main() {
	runtime.MemProfileRate = samplingIntervalBytes
	cachePage(cachePages)
	serve("/leak", leakSession)
	serve("/close", closeSession)
	serve("/burst", burstReport)
	serve("/cache", cachePage)
	serve("/gc", collect)
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
	err = http.Serve(listener, nil)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
