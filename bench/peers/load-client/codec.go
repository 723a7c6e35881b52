package main

import (
	"fmt"

	"google.golang.org/grpc/mem"
)

// Requests are bytes already, and responses are scanned where they lie: nothing is decoded and little is copied.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(message any) (mem.BufferSlice, error) {
	bytes, ok := message.([]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", message)
	}
	return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
}

func (bytesCodec) Unmarshal(received mem.BufferSlice, message any) error {
	scanned, ok := message.(*response)
	if !ok {
		return fmt.Errorf("cannot receive a %T", message)
	}
	whole := received.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	return scanned.scan(whole.ReadOnlyData())
}
