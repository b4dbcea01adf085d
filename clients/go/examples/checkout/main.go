// Checkout charges a card and sends a mail, each once, however often it is run for one order:
//
//	npx onced serve --store memory: &
//	go run ./examples/checkout order-17
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	onced "github.com/onced/onced/clients/go"
)

type order struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: checkout ORDER")
		os.Exit(2)
	}
	if err := run(order{ID: os.Args[1], Amount: 10}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o order) error {
	target := os.Getenv("ONCED_TARGET")
	if target == "" {
		target = "127.0.0.1:50051"
	}
	client, err := onced.New(target, onced.WithLogger(slog.Default()),
		onced.WithRunDefaults(onced.WithLease(10*time.Second)))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for _, step := range []string{"charge", "mail"} {
		key, err := onced.DeriveKey(o.ID, step)
		if err != nil {
			return err
		}
		receipt, err := onced.RunOnce(context.Background(), client, "examples/checkout", key, o, doing(step, o))
		if err != nil {
			return err
		}
		fmt.Println(receipt)
	}
	return nil
}

// doing is the side effect: what a provider would do.
func doing(step string, o order) func(context.Context, *onced.Attempt) (string, error) {
	return func(_ context.Context, attempt *onced.Attempt) (string, error) {
		if o.Amount <= 0 {
			return "", onced.Final("AMOUNT", errors.New("the amount must be positive"))
		}
		if attempt.IsTakenOver() {
			// Here a real one asks its provider whether the attempt before got through.
			fmt.Printf("%s: attempt %d was lost, this is attempt %d\n", step, attempt.Number()-1, attempt.Number())
		}
		fmt.Println("doing", step)
		return fmt.Sprintf("%s of %s done at %s", step, o.ID, time.Now().Format(time.RFC3339)), nil
	}
}
