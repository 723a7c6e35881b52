package main

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The two types that streams ask for, in the order in which they do.
const (
	clusterType = iota
	endpointsType
	typesCount
)

var typeURLs = [typesCount]string{
	"type.googleapis.com/envoy.config.cluster.v3.Cluster",
	"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
}

// What a client needs of a DiscoveryResponse or a DeltaDiscoveryResponse. Bodies are skipped; of a SotW resource the
// name is read, which is the first field of both types.
type response struct {
	kind        int
	nonce       string
	versionInfo string
	bytes       int
	// Of the resources, by the digits at the end of their names.
	indexes []int
	// Of delta resources.
	versions []version
	// Whether versions are wanted: only one stream keeps them.
	keepsVersions bool
	// Whether it has the content that is to be refused, as `refuses` tells by name and body.
	refused bool
	refuses func(index int, body []byte) bool
}

type version struct{ name, version string }

func (r *response) reset() {
	*r = response{indexes: r.indexes[:0], versions: r.versions[:0], keepsVersions: r.keepsVersions, refuses: r.refuses}
}

var errMalformed = errors.New("the response is no valid protobuf message")

// Field numbers of both messages: version (1), resources (2), type URL (4), nonce (5).
func (r *response) scan(message []byte) error {
	r.bytes = len(message)
	typeURL := ""
	err := eachField(message, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			r.versionInfo = string(value)
		case 2:
			return r.scanResource(value)
		case 4:
			typeURL = string(value)
		case 5:
			r.nonce = string(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for kind, url := range typeURLs {
		if url == typeURL {
			r.kind = kind
			return nil
		}
	}
	return fmt.Errorf("a response of type %q was not asked for", typeURL)
}

// A delta Resource has a version (1), an Any (2) and a name (3); a SotW resource is an Any: type URL (1), value (2).
func (r *response) scanResource(resource []byte) error {
	var first, second, third []byte
	err := eachField(resource, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			first = value
		case 2:
			second = value
		case 3:
			third = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	name := third
	if name == nil {
		if name, err = nameOf(second); err != nil {
			return err
		}
	} else if r.keepsVersions {
		r.versions = append(r.versions, version{string(name), string(first)})
	}
	index := indexOf(name)
	r.indexes = append(r.indexes, index)
	if r.refuses != nil && r.refuses(index, second) {
		r.refused = true
	}
	return nil
}

var errFound = errors.New("found")

func nameOf(body []byte) ([]byte, error) {
	var name []byte
	err := eachField(body, func(number protowire.Number, value []byte) error {
		if number != 1 {
			return nil
		}
		name = value
		return errFound
	})
	if err == errFound {
		err = nil
	}
	return name, err
}

// Gives the fields that have a length; the others are skipped.
func eachField(message []byte, take func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return errMalformed
		}
		message = message[length:]
		if kind != protowire.BytesType {
			if length = protowire.ConsumeFieldValue(number, kind, message); length < 0 {
				return errMalformed
			}
			message = message[length:]
			continue
		}
		value, length := protowire.ConsumeBytes(message)
		if length < 0 {
			return errMalformed
		}
		if err := take(number, value); err != nil {
			return err
		}
		message = message[length:]
	}
	return nil
}

// The number at the end of a name.
func indexOf(name []byte) int {
	index, unit := 0, 1
	for at := len(name) - 1; at >= 0 && name[at] >= '0' && name[at] <= '9'; at-- {
		index += int(name[at]-'0') * unit
		unit *= 10
	}
	return index
}
