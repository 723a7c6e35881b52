package main

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"fairway/bench/peers/lines"
)

// One ADS stream on a connection of its own. It asks for all clusters by wildcard and then, as Envoy does, for the
// endpoints of each by name, and acknowledges everything at once.
type stream struct {
	sync.Mutex
	fleet      *fleet
	index      int
	neverReads bool
	connection *grpc.ClientConn
	call       grpc.ClientStream
	cancel     context.CancelFunc
	scanned    response
	asked      bool
	// The expectation that the fields below belong to.
	expected  *expectation
	seen      [typesCount][]bool
	left      [typesCount]int
	rejected  int
	ackedAtMs float64
	lastAtMs  float64
}

var sotwStream = grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

const (
	sotwMethod  = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	deltaMethod = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
)

func newStream(fleet *fleet, index int, neverReads bool) *stream {
	stream := &stream{fleet: fleet, index: index, neverReads: neverReads}
	stream.scanned.keepsVersions = index == 0
	stream.scanned.refuses = fleet.refuses
	return stream
}

func (s *stream) open(order order) error {
	options, err := dialOptions(order, s.neverReads)
	if err != nil {
		return err
	}
	s.connection, err = grpc.NewClient("passthrough:///"+order.Address, options...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	method := sotwMethod
	if order.Variant == "delta" {
		method = deltaMethod
	}
	s.call, err = s.connection.NewStream(ctx, &sotwStream, method)
	if err != nil {
		return fmt.Errorf("stream %d: %w", s.index, err)
	}
	requests := s.fleet.requests
	if err := s.call.SendMsg(requests.first(s.index)); err != nil {
		return err
	}
	if order.Resume || s.neverReads {
		// An Envoy that comes back asks for everything without waiting for answers.
		s.asked = true
		if err := s.call.SendMsg(requests.endpoints()); err != nil {
			return err
		}
	}
	if s.neverReads {
		return nil
	}
	s.fleet.ended.Add(1)
	go s.run()
	return nil
}

func (s *stream) run() {
	defer s.fleet.ended.Done()
	for {
		// The codec calls `take` with the bytes while they are valid.
		s.scanned.reset()
		if err := s.call.RecvMsg(&s.scanned); err != nil {
			s.fleet.fail(fmt.Errorf("stream %d ended: %w", s.index, err))
			return
		}
		if err := s.answer(); err != nil {
			s.fleet.fail(fmt.Errorf("stream %d: %w", s.index, err))
			return
		}
	}
}

func (s *stream) answer() error {
	response, requests := &s.scanned, s.fleet.requests
	s.fleet.bytes.Add(int64(response.bytes))
	s.fleet.responses.Add(1)
	expected := s.fleet.expected.Load()
	s.Lock()
	defer s.Unlock()
	s.lastAtMs = lines.NowMs()
	s.follow(expected)
	if response.refused {
		s.rejected++
		if s.rejected > expected.rejectsMax {
			return nil
		}
		if err := s.call.SendMsg(requests.rejection(response, expected.reject)); err != nil {
			return err
		}
	} else {
		if err := s.call.SendMsg(requests.acknowledgement(response)); err != nil {
			return err
		}
		if s.index == 0 {
			s.fleet.held.remember(response)
		}
	}
	s.note(expected, response)
	if s.asked || response.kind != clusterType {
		return nil
	}
	s.asked = true
	return s.call.SendMsg(requests.endpoints())
}

// Begins anew when something else is expected than before.
func (s *stream) follow(expected *expectation) {
	if s.expected == expected {
		return
	}
	s.expected = expected
	s.rejected = 0
	for kind, wanted := range expected.names {
		s.left[kind] = wanted.count
		if s.seen[kind] == nil {
			s.seen[kind] = make([]bool, s.fleet.clusters)
		} else {
			clear(s.seen[kind])
		}
	}
}

// Counts the names that were waited for, and tells when there are none left.
func (s *stream) note(expected *expectation, response *response) {
	if s.isDone() {
		return
	}
	kind := response.kind
	for _, index := range response.indexes {
		if index >= len(s.seen[kind]) || s.seen[kind][index] || !expected.names[kind].has(index) {
			continue
		}
		s.seen[kind][index] = true
		s.left[kind]--
	}
	if !s.isDone() {
		return
	}
	s.ackedAtMs = lines.NowMs()
	if expected.left.Add(-1) == 0 {
		close(expected.done)
	}
}

func (s *stream) isDone() bool {
	return s.left[clusterType] == 0 && s.left[endpointsType] == 0
}

func (s *stream) close() {
	if s.cancel != nil {
		s.cancel()
	}
	if s.connection != nil {
		s.connection.Close()
	}
}
