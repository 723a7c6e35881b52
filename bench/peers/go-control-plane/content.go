package main

import (
	"fmt"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// What the load client refuses a cluster for.
const refusedMark = "refused-by-clients"

// How many hosts a service has.
const endpointsPerCluster = 10

// What is changed: a cluster, a cluster so that clients refuse it, the endpoints of one, or those of all. `Turn` is a number that was not used before.
type change struct {
	What  string `json:"what"`
	Index int    `json:"index"`
	Turn  int    `json:"turn"`
}

// All resources as they are to be, and the names of what the last change touched.
type content struct {
	clusters  []types.Resource
	endpoints []types.Resource
	changed   changed
}

// Indexes by type.
type changed struct {
	clusters, endpoints []int
}

func (content *content) fill(count int) {
	content.clusters = make([]types.Resource, count)
	content.endpoints = make([]types.Resource, count)
	for index := range count {
		content.clusters[index] = newCluster(index, 0)
		content.endpoints[index] = newEndpoints(index, 0)
	}
	content.changed = changed{clusters: upTo(count), endpoints: upTo(count)}
}

func (content *content) apply(change change) {
	switch change.What {
	case "cluster":
		content.clusters[change.Index] = newCluster(change.Index, change.Turn)
		content.changed = changed{clusters: []int{change.Index}}
	case "refused-cluster":
		refused := newCluster(change.Index, change.Turn)
		refused.AltStatName = refusedMark
		content.clusters[change.Index] = refused
		content.changed = changed{clusters: []int{change.Index}}
	case "endpoints":
		content.endpoints[change.Index] = newEndpoints(change.Index, change.Turn)
		content.changed = changed{endpoints: []int{change.Index}}
	case "all-endpoints":
		for index := range content.endpoints {
			content.endpoints[index] = newEndpoints(index, change.Turn)
		}
		content.changed = changed{endpoints: upTo(len(content.endpoints))}
	}
}

// Whether bytes that another program made mean the same as what is made here.
func (content *content) compare(typeURL string, bytes []byte) (any, error) {
	var ours, theirs proto.Message = newCluster(7, 3), &cluster.Cluster{}
	if typeURL == resource.EndpointType {
		ours, theirs = newEndpoints(7, 3), &endpoint.ClusterLoadAssignment{}
	}
	if err := proto.Unmarshal(bytes, theirs); err != nil {
		return nil, err
	}
	return map[string]bool{"same": proto.Equal(ours, theirs)}, nil
}

func name(index int) string {
	return fmt.Sprintf("cluster-%05d", index)
}

func newCluster(index, turn int) *cluster.Cluster {
	return &cluster.Cluster{
		Name:                 name(index),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig: &cluster.Cluster_EdsClusterConfig{EdsConfig: &core.ConfigSource{
			ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
			ResourceApiVersion:    core.ApiVersion_V3,
		}},
		ConnectTimeout: durationpb.New(1e9),
		CircuitBreakers: &cluster.CircuitBreakers{Thresholds: []*cluster.CircuitBreakers_Thresholds{
			{MaxRequests: wrapperspb.UInt32(uint32(1000 + turn))},
		}},
	}
}

func newEndpoints(index, turn int) *endpoint.ClusterLoadAssignment {
	hosts := make([]*endpoint.LbEndpoint, endpointsPerCluster)
	for host := range hosts {
		address := &core.SocketAddress{
			Address:       fmt.Sprintf("10.%d.%d.%d", index/256, index%256, host+1),
			PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(1024 + turn%60000)},
		}
		hosts[host] = &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: address}},
		}}}
	}
	return &endpoint.ClusterLoadAssignment{
		ClusterName: name(index),
		Endpoints: []*endpoint.LocalityLbEndpoints{{
			Locality:    &core.Locality{Region: "region", Zone: "zone"},
			LbEndpoints: hosts,
		}},
	}
}

func upTo(count int) []int {
	indexes := make([]int, count)
	for index := range indexes {
		indexes[index] = index
	}
	return indexes
}
