// A service in Go that registers itself in etcd, with etcd's own client.
//
//	go run . http://127.0.0.1:2379 shop 127.0.0.1:9003
//
// The instance is there while the lease is kept alive. At the end it is drained for a moment and then taken away.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	ttlSeconds = 10
	// Until all Envoys know; `fairway register` waits for exactly that, and not for a time.
	drain = 2 * time.Second
)

type instance struct {
	Address  string            `json:"address"`
	Labels   map[string]string `json:"labels,omitempty"`
	Draining bool              `json:"draining,omitempty"`
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: go run . <etcd> <service> <ip:port>")
	}
	endpoint, service, address := os.Args[1], os.Args[2], os.Args[3]
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(hello)}
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatalf("cannot serve: %v", err)
		}
	}()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 3 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	self := instance{Address: address, Labels: map[string]string{"version": "v1"}}
	key := fmt.Sprintf("/services/%s/%s", service, address)
	again, told := "", ""
	registered := func() {
		fmt.Printf("registered %s%s\n", key, again)
		again, told = " again", ""
	}
	for ending.Err() == nil {
		err := keep(ending, client, key, self, registered)
		if err == nil {
			continue
		}
		// Once for each outage, and not for each try.
		if err.Error() != told {
			log.Printf("etcd: %v", err)
		}
		told = err.Error()
		time.Sleep(time.Second)
	}
	// What is being answered is answered to its end.
	server.Shutdown(context.Background())
}

// keep registers under a new lease and returns when the lease is lost, or after the end.
func keep(ending context.Context, client *clientv3.Client, key string, self instance, registered func()) error {
	soon, cancel := context.WithTimeout(ending, 3*time.Second)
	defer cancel()
	lease, err := client.Grant(soon, ttlSeconds)
	if err != nil {
		return err
	}
	if err := put(soon, client, key, self, lease.ID); err != nil {
		return err
	}
	registered()
	alive, err := client.KeepAlive(ending, lease.ID)
	if err != nil {
		return err
	}
	for range alive {
	}
	if ending.Err() == nil {
		return fmt.Errorf("lease %x is lost", lease.ID)
	}
	last, cancel := context.WithTimeout(context.Background(), drain+3*time.Second)
	defer cancel()
	self.Draining = true
	if err := put(last, client, key, self, lease.ID); err != nil {
		return err
	}
	fmt.Printf("%s drains for %v\n", key, drain)
	time.Sleep(drain)
	_, err = client.Revoke(last, lease.ID)
	return err
}

func put(ctx context.Context, client *clientv3.Client, key string, self instance, lease clientv3.LeaseID) error {
	value, err := json.Marshal(self)
	if err != nil {
		return err
	}
	_, err = client.Put(ctx, key, string(value), clientv3.WithLease(lease))
	return err
}

func hello(response http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(response, "hello from Go")
}
