// A gRPC client in Go that finds its backends by xDS: grpc-go.
//
//	GRPC_XDS_BOOTSTRAP=bootstrap.json go-client xds:///orders
//
// It takes commands line by line and answers each with a line of JSON; ../../grpc-client.ts has the words. It ends
// with its standard input, so that it never outlives who started it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds"
)

const (
	// Far beyond what a call on this machine takes; one that hangs is a failure.
	deadline = 15 * time.Second
	// How many calls of the load are under way.
	concurrency = 4
	// Between two calls of a loop: enough to leave the machine to the others.
	pause = 4 * time.Millisecond
)

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string                      { return "proto" }
func (bytesCodec) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, value any) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}

type command struct {
	Command string
	Count   int
	Method  string
	Headers map[string]string
}

type counts struct {
	mutex    sync.Mutex
	Answers  map[string]int `json:"answers"`
	Failures []string       `json:"failures"`
}

func newCounts() *counts { return &counts{Answers: map[string]int{}, Failures: []string{}} }

type load struct {
	counts  *counts
	stopped atomic.Bool
	loops   sync.WaitGroup
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	var running *load
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var each command
		if err := json.Unmarshal(lines.Bytes(), &each); err != nil {
			panic(err)
		}
		result := newCounts()
		switch {
		case each.Command == "call":
			for range each.Count {
				call(connection, each, result)
			}
		case each.Command == "start":
			running = start(connection, each)
		case running != nil:
			running.stopped.Store(true)
			running.loops.Wait()
			result = running.counts
		}
		line, err := json.Marshal(result)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}

func start(connection *grpc.ClientConn, each command) *load {
	started := &load{counts: newCounts()}
	for range concurrency {
		started.loops.Go(func() {
			for !started.stopped.Load() {
				call(connection, each, started.counts)
				time.Sleep(pause)
			}
		})
	}
	return started
}

func call(connection *grpc.ClientConn, each command, result *counts) {
	limited, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	limited = metadata.NewOutgoingContext(limited, metadata.New(each.Headers))
	request, answer := []byte{}, []byte{}
	err := connection.Invoke(limited, each.Method, &request, &answer, grpc.ForceCodec(bytesCodec{}))
	result.mutex.Lock()
	defer result.mutex.Unlock()
	if err != nil {
		result.Failures = append(result.Failures, fmt.Sprintf("%s: %s", status.Code(err), status.Convert(err).Message()))
		return
	}
	result.Answers[string(answer)]++
}
