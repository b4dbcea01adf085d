// Command scenarios carries out clients/vectors/scenarios.json with this client and prints what happened. The vectors'
// README.md says how it is started.
package main

import (
	"encoding/json"
	"os"
)

// asked is the runner's argument.
type asked struct {
	Phase     string
	Name      string
	Owners    []string
	Namespace string
	Scenarios string
	Server    string
	Proxy     string
	Control   string
}

type scenario struct {
	Key        string
	Keys       int
	Namespace  string
	Request    json.RawMessage
	RequestHex string `json:"request_hex"`
	Exclude    []string
	Faults     json.RawMessage
	Steps      []step
	Replay     []step
}

type step struct {
	Do            string
	Client        string
	Request       json.RawMessage
	LeaseMs       *int64 `json:"lease_ms"`
	WaitMs        *int64 `json:"wait_ms"`
	Ms            int64
	UntilAnswered bool `json:"until_answered"`
	Work          work
}

type work struct {
	Effect       bool
	Checkpoint   *string
	TakesMs      int64 `json:"takes_ms"`
	WaitsForStop bool  `json:"waits_for_stop"`
	During       []step
	Returns      json.RawMessage
	Throws       string
	Code         string
	Message      string
	RetryAfterMs int64 `json:"retry_after_ms"`
}

// outcome is what happened in a step, by the names of the vectors' README.md.
type outcome map[string]any

func readScenarios(path string) ([]scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct{ Scenarios []scenario }
	return file.Scenarios, json.Unmarshal(text, &file)
}
