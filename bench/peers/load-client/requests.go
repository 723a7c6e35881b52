package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The requests of one variant. What all streams send alike is encoded once.
type requests struct {
	delta bool
	// The part that names the endpoints of every cluster, and with it what is held of them.
	names []byte
	held  [typesCount][]byte
	infos [typesCount]string
	// What was accepted last.
	accepted *held
}

// The code of INVALID_ARGUMENT, which Envoy gives with a rejection of content.
const rejectedCode = 3

// Field numbers of discovery.proto; those of a DiscoveryRequest first, then those of a DeltaDiscoveryRequest.
const (
	sotwVersion, sotwNode, sotwNames, sotwType, sotwNonce, sotwError         = 1, 2, 3, 4, 5, 6
	deltaNode, deltaType, deltaSubscribe, deltaHeld, deltaNonce, deltaErrors = 1, 2, 3, 5, 6, 7
)

func newRequests(variant string, clusters int, held *held, resume bool) *requests {
	requests := &requests{delta: variant == "delta", accepted: held}
	number := protowire.Number(sotwNames)
	if requests.delta {
		number = deltaSubscribe
	}
	for index := range clusters {
		requests.names = appendText(requests.names, number, fmt.Sprintf("cluster-%05d", index))
	}
	if !resume {
		return requests
	}
	requests.infos = held.versionInfo
	for kind, versions := range held.versions {
		for name, version := range versions {
			entry := appendText(appendText(nil, 1, name), 2, version)
			requests.held[kind] = appendBytes(requests.held[kind], deltaHeld, entry)
		}
	}
	return requests
}

// The first request of a stream: who it is, and all clusters.
func (r *requests) first(index int) []byte {
	id := fmt.Sprintf("node-%05d", index)
	node := appendText(appendText(nil, 1, id), 2, "bench")
	if r.delta {
		bytes := appendBytes(nil, deltaNode, node)
		bytes = appendText(bytes, deltaType, typeURLs[clusterType])
		return append(bytes, r.held[clusterType]...)
	}
	bytes := appendBytes(nil, sotwNode, node)
	if info := r.infos[clusterType]; info != "" {
		bytes = appendText(bytes, sotwVersion, info)
	}
	return appendText(bytes, sotwType, typeURLs[clusterType])
}

// Asks for the endpoints of all clusters, by name.
func (r *requests) endpoints() []byte {
	if r.delta {
		bytes := appendText(nil, deltaType, typeURLs[endpointsType])
		bytes = append(bytes, r.names...)
		return append(bytes, r.held[endpointsType]...)
	}
	var bytes []byte
	if info := r.infos[endpointsType]; info != "" {
		bytes = appendText(bytes, sotwVersion, info)
	}
	bytes = append(bytes, r.names...)
	return appendText(bytes, sotwType, typeURLs[endpointsType])
}

func (r *requests) acknowledgement(response *response) []byte {
	return r.answer(response, response.versionInfo)
}

func (r *requests) answer(response *response, versionInfo string) []byte {
	url := typeURLs[response.kind]
	if r.delta {
		return appendText(appendText(nil, deltaType, url), deltaNonce, response.nonce)
	}
	size := len(versionInfo) + len(url) + len(response.nonce) + 16
	if response.kind == endpointsType {
		size += len(r.names)
	}
	bytes := make([]byte, 0, size)
	bytes = appendText(bytes, sotwVersion, versionInfo)
	if response.kind == endpointsType {
		bytes = append(bytes, r.names...)
	}
	bytes = appendText(bytes, sotwType, url)
	return appendText(bytes, sotwNonce, response.nonce)
}

// Refuses a response in Envoy's words. In SotW the version is one that was accepted before.
func (r *requests) rejection(response *response, index int) []byte {
	number := protowire.Number(sotwError)
	if r.delta {
		number = deltaErrors
	}
	name := fmt.Sprintf("cluster-%05d", index)
	status := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), rejectedCode)
	status = appendText(status, 2, fmt.Sprintf("Error adding/updating cluster(s) %s: refused by the load client", name))
	return appendBytes(r.answer(response, r.accepted.infoOf(response.kind)), number, status)
}

func (h *held) infoOf(kind int) string {
	h.Lock()
	defer h.Unlock()
	return h.versionInfo[kind]
}

func (h *held) remember(response *response) {
	h.Lock()
	defer h.Unlock()
	h.versionInfo[response.kind] = response.versionInfo
	for _, version := range response.versions {
		h.versions[response.kind][version.name] = version.version
	}
}

func appendText(bytes []byte, number protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(bytes, number, protowire.BytesType), text)
}

func appendBytes(bytes []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(bytes, number, protowire.BytesType), value)
}
