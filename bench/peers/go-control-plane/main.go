// The peer: an ADS server made of go-control-plane as its own examples put it together.
//
// Two caches can be chosen. The snapshot cache gets one snapshot for all nodes, with a version for each type, which
// is the cheapest way to use it. The linear cache is one for each type, told only what changed.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	server "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"fairway/bench/peers/lines"
)

// Those of go-control-plane's example server.
const (
	keepaliveTime        = 30 * time.Second
	keepaliveTimeout     = 5 * time.Second
	maxConcurrentStreams = 1000000
)

// A node that comes back names the version of everything that it holds.
const receiveBytesMax = 32 << 20

type order struct {
	Do       string `json:"do"`
	Clusters int    `json:"clusters"`
	Change   change `json:"change"`
	Type     string `json:"type"`
	Bytes    []byte `json:"bytes"`
}

func main() {
	cacheName := flag.String("cache", "snapshot", "snapshot or linear")
	certificate := flag.String("certificate", "", "PEM file of the certificate: serve with TLS")
	key := flag.String("key", "", "PEM file of its key")
	flag.Parse()
	if err := run(*cacheName, *certificate, *key); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(cacheName, certificate, key string) error {
	store, err := newStore(cacheName)
	if err != nil {
		return err
	}
	options := []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxConcurrentStreams),
		grpc.MaxRecvMsgSize(receiveBytesMax),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime, PermitWithoutStream: true}),
	}
	if certificate != "" {
		credentials, err := credentials.NewServerTLSFromFile(certificate, key)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	grpcServer := grpc.NewServer(options...)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), store.cache(), nil))
	go grpcServer.Serve(listener)
	lines.Answer(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
	content := &content{}
	lines.Serve(func(order order) (any, error) { return obey(order, content, store) })
	return nil
}

func obey(order order, content *content, store store) (any, error) {
	switch order.Do {
	case "start", "change":
		before := lines.CPUMs()
		if order.Do == "start" {
			content.fill(order.Clusters)
		} else {
			content.apply(order.Change)
		}
		store.prepare(content)
		return map[string]float64{"cpuMs": lines.CPUMs() - before}, nil
	case "publish":
		at := lines.NowMs()
		return map[string]float64{"atMs": at}, store.publish()
	case "collect":
		debug.FreeOSMemory()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return map[string]uint64{"heapBytes": memory.HeapAlloc + memory.StackInuse}, nil
	case "loop":
		// There is no event loop that could be late.
		return map[string]any{"loopMaxMs": nil}, nil
	case "compare":
		return content.compare(order.Type, order.Bytes)
	}
	return nil, fmt.Errorf("unknown order %q", order.Do)
}
