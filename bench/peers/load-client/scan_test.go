package main

import (
	"slices"
	"testing"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func pack(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func scanned(t *testing.T, message proto.Message) *response {
	t.Helper()
	bytes, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	response := &response{keepsVersions: true}
	if err := response.scan(bytes); err != nil {
		t.Fatal(err)
	}
	return response
}

func TestADeltaResponseIsScannedForVersionNonceAndNames(t *testing.T) {
	response := scanned(t, &discovery.DeltaDiscoveryResponse{
		SystemVersionInfo: "7",
		TypeUrl:           typeURLs[endpointsType],
		Nonce:             "n-1",
		Resources: []*discovery.Resource{
			{Name: "cluster-00012", Version: "v12", Resource: pack(t, &endpoint.ClusterLoadAssignment{ClusterName: "other-1"})},
			{Name: "cluster-00003", Version: "v3"},
		},
		RemovedResources: []string{"cluster-00009"},
	})
	if response.kind != endpointsType || response.nonce != "n-1" || response.versionInfo != "7" {
		t.Errorf("got %+v", response)
	}
	if !slices.Equal(response.indexes, []int{12, 3}) {
		t.Errorf("got names %v", response.indexes)
	}
	if !slices.Equal(response.versions, []version{{"cluster-00012", "v12"}, {"cluster-00003", "v3"}}) {
		t.Errorf("got versions %v", response.versions)
	}
}

func TestTheNamesOfASotwResponseAreInItsBodies(t *testing.T) {
	response := scanned(t, &discovery.DiscoveryResponse{
		VersionInfo: "7",
		TypeUrl:     typeURLs[clusterType],
		Nonce:       "n-2",
		Resources:   []*anypb.Any{pack(t, &cluster.Cluster{Name: "cluster-00042", AltStatName: "x"})},
	})
	if response.kind != clusterType || response.nonce != "n-2" || !slices.Equal(response.indexes, []int{42}) {
		t.Errorf("got %+v", response)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	if err := (&response{}).scan([]byte{0x0a, 0xff}); err == nil {
		t.Error("it was taken")
	}
	if err := (&response{}).scan(nil); err == nil {
		t.Error("a response without a type was taken")
	}
}

func TestRequestsMeanWhatEnvoySends(t *testing.T) {
	held := &held{}
	held.forget()
	held.versions[clusterType]["cluster-00001"] = "v1"
	held.versionInfo[clusterType] = "5"
	received := &response{kind: clusterType, nonce: "n-1", versionInfo: "6"}

	delta := newRequests("delta", 2, held, true)
	first := &discovery.DeltaDiscoveryRequest{}
	decode(t, delta.first(4), first)
	if first.Node.Id != "node-00004" || first.TypeUrl != typeURLs[clusterType] || first.InitialResourceVersions["cluster-00001"] != "v1" {
		t.Errorf("got %v", first)
	}
	second := &discovery.DeltaDiscoveryRequest{}
	decode(t, delta.endpoints(), second)
	if !slices.Equal(second.ResourceNamesSubscribe, []string{"cluster-00000", "cluster-00001"}) {
		t.Errorf("got %v", second)
	}
	refusal := &discovery.DeltaDiscoveryRequest{}
	decode(t, delta.rejection(received, 1), refusal)
	if refusal.ErrorDetail.GetCode() != rejectedCode || refusal.ResponseNonce != "n-1" {
		t.Errorf("got %v", refusal)
	}

	sotw := newRequests("sotw", 2, held, false)
	ack := &discovery.DiscoveryRequest{}
	decode(t, sotw.acknowledgement(received), ack)
	if ack.VersionInfo != "6" || ack.ResponseNonce != "n-1" || ack.ErrorDetail != nil || len(ack.ResourceNames) != 0 {
		t.Errorf("got %v", ack)
	}
	nack := &discovery.DiscoveryRequest{}
	decode(t, sotw.rejection(received, 1), nack)
	if nack.VersionInfo != "5" || nack.ErrorDetail.GetCode() != rejectedCode {
		t.Errorf("got %v", nack)
	}
}

func decode(t *testing.T, bytes []byte, into proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(bytes, into); err != nil {
		t.Fatal(err)
	}
}
