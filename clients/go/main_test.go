package onced_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedv1"
)

var server *oncedtest.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = oncedtest.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// connect makes a client of the server, or of address if given.
func connect(t *testing.T, address string, options ...onced.Option) *onced.Client {
	t.Helper()
	if address == "" {
		address = server.Address
	}
	client, err := onced.New(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func startProxy(t *testing.T) *oncedtest.Proxy {
	t.Helper()
	proxy, err := oncedtest.StartProxy(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	return proxy
}

// bounded ends a test that hangs.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func admin(t *testing.T) oncedv1.AdminServiceClient {
	t.Helper()
	connection, err := grpc.NewClient(server.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return oncedv1.NewAdminServiceClient(connection)
}
