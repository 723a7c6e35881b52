// The load client: many xDS streams, each on a connection of its own, that do what Envoy does at the lowest price.
//
// Bodies are never decoded, so that what is measured is the server. It takes orders from the benchmark: connect so
// many streams, expect these names, tell when every stream has acknowledged them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"fairway/bench/peers/lines"
)

// The client shares the machine with what it measures: it rather uses memory than time.
const garbagePercent = 400

// An order of the benchmark; which fields count depends on `Do`.
type order struct {
	Do        string  `json:"do"`
	Address   string  `json:"address"`
	Authority string  `json:"authority"`
	Variant   string  `json:"variant"`
	Streams   int     `json:"streams"`
	Clusters  int     `json:"clusters"`
	Resume    bool    `json:"resume"`
	NeverRead int     `json:"neverRead"`
	Changed   changed `json:"changed"`
	Reject    *int    `json:"reject"`
	Rejects   int     `json:"rejectsMax"`
	TimeoutMs int     `json:"timeoutMs"`
}

// What is waited for: indexes by type, or all of a type.
type changed struct {
	Clusters     []int `json:"clusters"`
	Endpoints    []int `json:"endpoints"`
	AllClusters  bool  `json:"allClusters"`
	AllEndpoints bool  `json:"allEndpoints"`
}

func main() {
	certificateDir := flag.String("certificate", "", "write a certificate and its key for 127.0.0.1 there, and end")
	flag.Parse()
	if *certificateDir != "" {
		if err := writeCertificate(*certificateDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	debug.SetGCPercent(garbagePercent)
	lines.Answer(map[string]bool{"ready": true})
	fleet := &fleet{}
	lines.Serve(func(order order) (any, error) { return obey(fleet, order) })
}

func obey(fleet *fleet, order order) (any, error) {
	switch order.Do {
	case "connect":
		return fleet.connect(order)
	case "expect":
		fleet.expect(order)
		return map[string]bool{"ok": true}, nil
	case "await":
		return fleet.await(order.TimeoutMs)
	case "report":
		return fleet.report(), nil
	case "close":
		fleet.close()
		return map[string]bool{"ok": true}, nil
	}
	return nil, fmt.Errorf("unknown order %q", order.Do)
}
