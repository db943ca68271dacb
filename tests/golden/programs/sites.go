// The program whose heap the goldens of Go show: sites of different block sizes, an inlined one, a recursive one, a
// method of a generic type, and one in a goroutine. It writes its profile as text and, the same moment, as pprof.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
)

var kept [][]byte

//go:noinline
func small(count int) {
	for i := 0; i < count; i++ {
		kept = append(kept, make([]byte, 1000))
	}
}

func inlined() []byte { return make([]byte, 300000) }

//go:noinline
func large(count int) {
	for i := 0; i < count; i++ {
		kept = append(kept, inlined())
	}
}

type box[T any] struct{ items []T }

//go:noinline
func (it *box[T]) fill(count int) { it.items = make([]T, count) }

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

//go:noinline
func text(count int) map[string]int {
	words := map[string]int{}
	for i := 0; i < count; i++ {
		words[string(make([]byte, i))] = i
	}
	return words
}

func write(path string, debug int) {
	file, err := os.Create(path)
	if err == nil {
		err = pprof.Lookup("heap").WriteTo(file, debug)
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	runtime.MemProfileRate = 65536
	small(5000)
	large(50)
	words := text(2000)
	numbers := &box[int64]{}
	numbers.fill(200000)
	done := make(chan *tree)
	go func() { done <- grow(14) }()
	root := <-done
	kept = kept[2500:]
	runtime.GC()
	runtime.GC()
	write(os.Args[1], 1)
	write(os.Args[2], 0)
	runtime.KeepAlive(root)
	runtime.KeepAlive(words)
	runtime.KeepAlive(numbers)
}
