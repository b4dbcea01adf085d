package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	onced "github.com/onced/onced/clients/go"
)

const atOnce = 8

// runner holds what is reported.
type runner struct {
	asked    asked
	straight *onced.Client

	mutex    sync.Mutex
	effects  map[string]int
	outcomes []outcome
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	r := &runner{effects: map[string]int{}, outcomes: []outcome{}}
	if err := json.Unmarshal([]byte(os.Args[len(os.Args)-1]), &r.asked); err != nil {
		return err
	}
	scenarios, err := readScenarios(r.asked.Scenarios)
	if err != nil {
		return err
	}
	if r.straight, err = onced.New(r.asked.Server); err != nil {
		return err
	}
	if r.asked.Phase == "run" {
		err = r.runAll(scenarios)
	} else {
		r.replayAll(scenarios)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"effects": r.effects, "outcomes": r.outcomes})
}

func (r *runner) runAll(scenarios []scenario) error {
	client, err := onced.New(r.asked.Proxy)
	if err != nil {
		return err
	}
	for _, s := range scenarios {
		if err := r.setFaults(s.Faults); err != nil {
			return err
		}
		r.forEachKey(s, r.asked.Name, func(key string) { r.carryOut(place{s, key, client}, s.Steps, "steps") })
		if err := r.setFaults(nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) replayAll(scenarios []scenario) {
	for _, owner := range r.asked.Owners {
		for _, s := range scenarios {
			r.forEachKey(s, owner, func(key string) { r.carryOut(place{s, key, r.straight}, s.Replay, "replay") })
		}
	}
}

func (r *runner) setFaults(faults json.RawMessage) error {
	if faults == nil {
		faults = []byte("[]")
	}
	response, err := http.Post(r.asked.Control, "application/json", bytes.NewReader(faults))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (r *runner) forEachKey(s scenario, owner string, carryOut func(key string)) {
	if s.Keys == 0 {
		carryOut(owner + "/" + s.Key)
		return
	}
	var lines sync.WaitGroup
	for line := range atOnce {
		lines.Go(func() {
			for i := line; i < s.Keys; i += atOnce {
				carryOut(fmt.Sprintf("%s/%s-%d", owner, s.Key, i))
			}
		})
	}
	lines.Wait()
}

func (r *runner) add(key, path string, happened outcome) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	happened["key"], happened["path"] = key, path
	r.outcomes = append(r.outcomes, happened)
}

func (r *runner) countEffect(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.effects[key]++
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
