// The etcd server as a program of this project's own, because `go install` refuses etcd's module:
// it has replace directives.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
