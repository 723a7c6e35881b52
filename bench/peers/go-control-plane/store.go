package main

import (
	"context"
	"fmt"
	"strconv"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// What is served: `prepare` makes ready what `publish` then hands over.
type store interface {
	cache() cache.Cache
	prepare(content *content)
	publish() error
}

func newStore(name string) (store, error) {
	switch name {
	case "snapshot":
		return &snapshots{all: cache.NewSnapshotCache(false, oneGroup{}, nil)}, nil
	case "linear":
		return newLinear(), nil
	}
	return nil, fmt.Errorf("unknown cache %q: write snapshot or linear", name)
}

// All nodes have the same snapshot.
type oneGroup struct{}

const group = "fleet"

func (oneGroup) ID(*core.Node) string { return group }

type snapshots struct {
	all      cache.SnapshotCache
	next     *cache.Snapshot
	before   *cache.Snapshot
	versions int
}

func (s *snapshots) cache() cache.Cache { return s.all }

// A type that did not change keeps its version: with one version for all, SotW would send everything again.
func (s *snapshots) prepare(content *content) {
	s.versions++
	version := strconv.Itoa(s.versions)
	next := &cache.Snapshot{}
	if s.before != nil {
		next.Resources = s.before.Resources
	}
	if len(content.changed.clusters) > 0 {
		next.Resources[types.Cluster] = cache.NewResources(version, content.clusters)
	}
	if len(content.changed.endpoints) > 0 {
		next.Resources[types.Endpoint] = cache.NewResources(version, content.endpoints)
	}
	s.next = next
}

func (s *snapshots) publish() error {
	s.before = s.next
	return s.all.SetSnapshot(context.Background(), group, s.next)
}

type linear struct {
	clusters, endpoints       *cache.LinearCache
	newClusters, newEndpoints map[string]types.Resource
}

func newLinear() *linear {
	return &linear{clusters: cache.NewLinearCache(resource.ClusterType), endpoints: cache.NewLinearCache(resource.EndpointType)}
}

func (l *linear) cache() cache.Cache {
	return &cache.MuxCache{
		Classify:      func(request *cache.Request) string { return request.GetTypeUrl() },
		ClassifyDelta: func(request *cache.DeltaRequest) string { return request.GetTypeUrl() },
		Caches:        map[string]cache.Cache{resource.ClusterType: l.clusters, resource.EndpointType: l.endpoints},
	}
}

func (l *linear) prepare(content *content) {
	l.newClusters = pick(content.clusters, content.changed.clusters)
	l.newEndpoints = pick(content.endpoints, content.changed.endpoints)
}

func (l *linear) publish() error {
	if len(l.newClusters) > 0 {
		if err := l.clusters.UpdateResources(l.newClusters, nil); err != nil {
			return err
		}
	}
	if len(l.newEndpoints) == 0 {
		return nil
	}
	return l.endpoints.UpdateResources(l.newEndpoints, nil)
}

func pick(all []types.Resource, indexes []int) map[string]types.Resource {
	picked := make(map[string]types.Resource, len(indexes))
	for _, index := range indexes {
		picked[name(index)] = all[index]
	}
	return picked
}
