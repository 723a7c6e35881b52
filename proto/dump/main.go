// Dump writes every protobuf descriptor that package packages links into this program as one FileDescriptorSet.
//
// The set goes to standard output, uncompressed. It is deterministic: files are sorted by path, then ordered so
// that each file comes after the files it imports, which is what readers of a descriptor set expect.
// It imports every package of the pinned go-control-plane module; `npm run proto:remake` writes it.
package main

import (
	"log"
	"os"
	"sort"

	_ "fairway/proto/dump/packages"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		files = append(files, file)
		return true
	})
	sort.Slice(files, func(a, b int) bool { return files[a].Path() < files[b].Path() })

	set := &descriptorpb.FileDescriptorSet{}
	written := map[string]bool{}
	var write func(file protoreflect.FileDescriptor)
	write = func(file protoreflect.FileDescriptor) {
		if written[file.Path()] {
			return
		}
		written[file.Path()] = true
		for i := 0; i < file.Imports().Len(); i++ {
			write(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range files {
		write(file)
	}

	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(bytes); err != nil {
		log.Fatal(err)
	}
}
