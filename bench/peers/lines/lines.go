// Package lines is how the benchmark gives orders to its programs: one JSON document a line on standard input,
// one answer a line on standard output. It also has the clock on which programs of one machine agree.
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// An order may carry the name of every cluster.
const lineBytesMax = 64 << 20

// Serve answers orders one after the other until standard input ends: the benchmark is over, however it ended.
func Serve[Order any](obey func(Order) (any, error)) {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<16), lineBytesMax)
	for input.Scan() {
		var order Order
		if err := json.Unmarshal(input.Bytes(), &order); err != nil {
			Answer(map[string]string{"error": err.Error()})
			continue
		}
		answer, err := obey(order)
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		Answer(answer)
	}
}

// Answer writes one line.
func Answer(answer any) {
	line, err := json.Marshal(answer)
	if err != nil {
		line = []byte(fmt.Sprintf(`{"error":%q}`, err.Error()))
	}
	os.Stdout.Write(append(line, '\n'))
}

const clockMonotonic = 1

var (
	startedAt   = time.Now()
	startedAtMs = monotonicMs()
)

// NowMs is the kernel's monotonic clock, which every program of this machine reads the same.
func NowMs() float64 {
	return startedAtMs + float64(time.Since(startedAt))/1e6
}

func monotonicMs() float64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Sec)*1e3 + float64(now.Nsec)/1e6
}

// CPUMs is the processor time of this program so far.
func CPUMs() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	ms := func(time syscall.Timeval) float64 { return float64(time.Sec)*1e3 + float64(time.Usec)/1e3 }
	return ms(usage.Utime) + ms(usage.Stime)
}
