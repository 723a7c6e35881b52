// Verdicts says what the code of protoc-gen-validate holds against messages: the oracle of `npm run fuzz:constraints`.
//
// Standard input is a row of frames, each a type name and the bytes of a message of that type, both after their
// length in four bytes, big endian. Standard output has one line of JSON for each: the paths of the violated
// fields in names of the proto, "health_checks/0/timeout", where a required oneof has the path of its message;
// or null for a type that has no such code. What is in an Any is not looked into.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"log"
	"os"
	"sort"
	"strings"

	_ "fairway/proto/dump/packages"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	lines := json.NewEncoder(out)
	for {
		name, err := frame(in)
		if err == io.EOF {
			break
		}
		check(err)
		body, err := frame(in)
		check(err)
		check(lines.Encode(verdict(string(name), body)))
		if in.Buffered() == 0 {
			check(out.Flush())
		}
	}
	check(out.Flush())
}

func frame(in io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(in, body)
	return body, err
}

// verdict returns the sorted paths of what is violated, or nil for a type without code.
func verdict(name string, body []byte) []string {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	check(err)
	message := kind.New().Interface()
	validator, ok := message.(interface{ ValidateAll() error })
	if !ok {
		return nil
	}
	check(proto.Unmarshal(body, message))
	paths := collect(validator.ValidateAll(), message.ProtoReflect().Descriptor(), "", []string{})
	sort.Strings(paths)
	return paths
}

type multiple interface{ AllErrors() []error }

type violation interface {
	Field() string
	Cause() error
}

func collect(err error, kind protoreflect.MessageDescriptor, prefix string, paths []string) []string {
	if err == nil {
		return paths
	}
	if all, ok := err.(multiple); ok {
		for _, each := range all.AllErrors() {
			paths = collect(each, kind, prefix, paths)
		}
		return paths
	}
	one := err.(violation)
	name, index, indexed := strings.Cut(one.Field(), "[")
	field := fieldOf(kind, name)
	if field == nil {
		return append(paths, strings.TrimSuffix(prefix, "/"))
	}
	path := prefix + string(field.Name())
	if indexed {
		path += "/" + strings.TrimSuffix(index, "]")
	}
	switch cause := one.Cause().(type) {
	case multiple, violation:
		inner := field.Message()
		if field.IsMap() {
			inner = field.MapValue().Message()
		}
		return collect(cause.(error), inner, path+"/", paths)
	}
	return append(paths, path)
}

// fieldOf finds a field by its name in Go; a oneof has none.
func fieldOf(kind protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	plain := lettersOf(protoreflect.Name(name))
	for i := 0; i < kind.Oneofs().Len(); i++ {
		oneof := kind.Oneofs().Get(i)
		if !oneof.IsSynthetic() && lettersOf(oneof.Name()) == plain {
			return nil
		}
	}
	for i := 0; i < kind.Fields().Len(); i++ {
		if field := kind.Fields().Get(i); lettersOf(field.Name()) == plain {
			return field
		}
	}
	log.Fatalf("%s has no field %s", kind.FullName(), name)
	return nil
}

func lettersOf(name protoreflect.Name) string {
	return strings.ToLower(strings.ReplaceAll(string(name), "_", ""))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
