package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"fairway/bench/peers/lines"
)

// So many connections are opened at a time, so that none is lost from the queue of the listening socket.
const dialsAtOnce = 256

// As Envoy's own defaults for HTTP/2.
const (
	streamWindow     = 16 << 20
	connectionWindow = 24 << 20
	responseMax      = 256 << 20
)

// A client that never reads leaves the server with the smallest window there is.
const smallestWindow = 1<<16 - 1

// All streams, and what they wait for.
type fleet struct {
	streams   []*stream
	requests  *requests
	held      held
	expected  atomic.Pointer[expectation]
	failed    atomic.Pointer[error]
	closing   atomic.Bool
	ended     sync.WaitGroup
	clusters  int
	bytes     atomic.Int64
	responses atomic.Int64
}

// What a client says that it holds when it comes back. All streams hold the same, so one keeps it for all.
type held struct {
	sync.Mutex
	versions    [typesCount]map[string]string
	versionInfo [typesCount]string
}

// One change that every stream is to acknowledge.
type expectation struct {
	names      [typesCount]wanted
	reject     int
	rejectsMax int
	left       atomic.Int64
	done       chan struct{}
}

// Of one type: how many names, and which; nil means all of them.
type wanted struct {
	count int
	only  map[int]bool
}

const rejectNone = -1

// In the body of a cluster that is to be refused.
var refusedMark = []byte("refused-by-clients")

func (f *fleet) refuses(index int, body []byte) bool {
	expected := f.expected.Load()
	return expected.reject == index && bytes.Contains(body, refusedMark)
}

func (w wanted) has(index int) bool {
	return w.only == nil || w.only[index]
}

func newWanted(indexes []int, all bool, clusters int) wanted {
	if all {
		return wanted{count: clusters}
	}
	only := make(map[int]bool, len(indexes))
	for _, index := range indexes {
		only[index] = true
	}
	return wanted{count: len(only), only: only}
}

func (f *fleet) expect(order order) {
	expected := &expectation{reject: rejectNone, rejectsMax: order.Rejects, done: make(chan struct{})}
	expected.names[clusterType] = newWanted(order.Changed.Clusters, order.Changed.AllClusters, f.clusters)
	expected.names[endpointsType] = newWanted(order.Changed.Endpoints, order.Changed.AllEndpoints, f.clusters)
	if order.Reject != nil {
		expected.reject = *order.Reject
	}
	expected.left.Store(int64(f.readersCount()))
	f.bytes.Store(0)
	f.responses.Store(0)
	f.expected.Store(expected)
}

func (f *fleet) readersCount() int {
	count := 0
	for _, stream := range f.streams {
		if !stream.neverReads {
			count++
		}
	}
	return count
}

// Opens all streams at once; with `Resume` they hold what the streams before them held.
func (f *fleet) connect(order order) (any, error) {
	f.close()
	f.clusters = order.Clusters
	f.closing.Store(false)
	f.failed.Store(nil)
	if !order.Resume {
		f.held.forget()
	}
	f.requests = newRequests(order.Variant, order.Clusters, &f.held, order.Resume)
	f.streams = make([]*stream, order.Streams+order.NeverRead)
	for index := range f.streams {
		f.streams[index] = newStream(f, index, index >= order.Streams)
	}
	if order.Resume {
		// What is due to a client that comes back may be nothing at all.
		order.Changed = changed{}
	} else {
		order.Changed = changed{AllClusters: true, AllEndpoints: true}
	}
	f.expect(order)
	startedAtMs := lines.NowMs()
	if err := f.open(order); err != nil {
		f.close()
		return nil, err
	}
	return map[string]float64{"startedAtMs": startedAtMs, "openedAtMs": lines.NowMs()}, nil
}

func (f *fleet) open(order order) error {
	slots := make(chan struct{}, dialsAtOnce)
	errs := make(chan error, len(f.streams))
	for _, stream := range f.streams {
		slots <- struct{}{}
		go func() {
			errs <- stream.open(order)
			<-slots
		}()
	}
	var failures error
	for range f.streams {
		if err := <-errs; err != nil && failures == nil {
			failures = err
		}
	}
	return failures
}

// Waits until every stream has acknowledged what is expected.
func (f *fleet) await(timeoutMs int) (any, error) {
	expected := f.expected.Load()
	if expected == nil {
		return nil, errors.New("nothing is expected")
	}
	select {
	case <-expected.done:
	case <-time.After(time.Duration(timeoutMs) * time.Millisecond):
	}
	if failed := f.failed.Load(); failed != nil {
		return nil, *failed
	}
	return f.report(), nil
}

// What has happened since the last expectation was set.
type report struct {
	LateCount int       `json:"lateCount"`
	Missing   string    `json:"missing"`
	AckedAtMs []float64 `json:"ackedAtMs"`
	LastAtMs  float64   `json:"lastAtMs"`
	Bytes     int64     `json:"bytes"`
	Responses int64     `json:"responses"`
	Rejected  int64     `json:"rejected"`
}

func (f *fleet) report() report {
	report := report{Bytes: f.bytes.Load(), Responses: f.responses.Load(), AckedAtMs: []float64{}}
	expected := f.expected.Load()
	for _, stream := range f.streams {
		stream.Lock()
		report.LastAtMs = max(report.LastAtMs, stream.lastAtMs)
		if stream.expected == expected {
			report.Rejected += int64(stream.rejected)
		}
		if stream.expected == expected && stream.isDone() {
			report.AckedAtMs = append(report.AckedAtMs, stream.ackedAtMs)
		} else if !stream.neverReads {
			report.LateCount++
			report.Missing = fmt.Sprintf("stream %d lacks %d clusters and %d endpoint lists", stream.index, stream.left[clusterType], stream.left[endpointsType])
		}
		stream.Unlock()
	}
	return report
}

// Ends all streams and waits until they are gone.
func (f *fleet) close() {
	f.closing.Store(true)
	for _, stream := range f.streams {
		stream.close()
	}
	f.ended.Wait()
	f.streams = nil
}

func (f *fleet) fail(err error) {
	if f.closing.Load() {
		return
	}
	if f.failed.CompareAndSwap(nil, &err) {
		if expected := f.expected.Load(); expected != nil && expected.left.Swap(0) > 0 {
			close(expected.done)
		}
	}
}

func (h *held) forget() {
	h.Lock()
	defer h.Unlock()
	h.versions = [typesCount]map[string]string{{}, {}}
	h.versionInfo = [typesCount]string{}
}

func dialOptions(order order, neverReads bool) ([]grpc.DialOption, error) {
	streamBytes, connectionBytes := int32(streamWindow), int32(connectionWindow)
	if neverReads {
		streamBytes, connectionBytes = smallestWindow, smallestWindow
	}
	options := []grpc.DialOption{
		grpc.WithInitialWindowSize(streamBytes),
		grpc.WithInitialConnWindowSize(connectionBytes),
		grpc.WithSharedWriteBuffer(true),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{}), grpc.MaxCallRecvMsgSize(responseMax)),
	}
	if order.Authority == "" {
		return append(options, grpc.WithTransportCredentials(insecure.NewCredentials())), nil
	}
	trusted, err := credentials.NewClientTLSFromFile(order.Authority, "")
	return append(options, grpc.WithTransportCredentials(trusted)), err
}
