package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/oncedv1"
)

const (
	repeatsMax  = 200
	stopTimeout = 20 * time.Second
)

type place struct {
	scenario scenario
	key      string
	client   *onced.Client
}

func (r *runner) carryOut(at place, steps []step, path string) {
	for i, s := range steps {
		stepPath := fmt.Sprintf("%s/%d", path, i)
		switch s.Do {
		case "pause":
			time.Sleep(milliseconds(s.Ms))
		case "begin":
			r.add(at.key, stepPath, r.begin(at, s))
		default:
			r.add(at.key, stepPath, r.runUntilAnswered(at, s, stepPath))
		}
	}
}

func (r *runner) namespace(s scenario) string {
	if s.Namespace == "" {
		return r.asked.Namespace
	}
	return r.asked.Namespace + "/" + s.Namespace
}

func (r *runner) begin(at place, s step) outcome {
	request := &oncedv1.BeginIntentRequest{Namespace: r.namespace(at.scenario), Key: at.key}
	if s.LeaseMs != nil {
		request.Lease = durationpb.New(milliseconds(*s.LeaseMs))
	}
	answer, err := at.client.Begin(context.Background(), request)
	if err != nil {
		return failure(err)
	}
	if answer.GetAcquired() == nil {
		return outcome{"outcome": "error", "detail": answer.String()}
	}
	return outcome{"outcome": "acquired"}
}

func (r *runner) runUntilAnswered(at place, s step, path string) outcome {
	for repeats := 0; ; repeats++ {
		happened := r.run(at, s, path)
		if happened["outcome"] != "unreachable" || !s.UntilAnswered || repeats == repeatsMax {
			return happened
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *runner) run(at place, s step, path string) outcome {
	client := at.client
	if s.Client == "second" {
		client = r.straight
	}
	var seen outcome
	options := []onced.RunOption{onced.WithExclude(at.scenario.Exclude...)}
	if s.LeaseMs != nil {
		options = append(options, onced.WithLease(milliseconds(*s.LeaseMs)))
	}
	if s.WaitMs != nil {
		options = append(options, onced.WithWait(milliseconds(*s.WaitMs)))
	}
	value, err := onced.RunOnce(context.Background(), client, r.namespace(at.scenario), at.key, requestOf(at.scenario, s),
		func(ctx context.Context, attempt *onced.Attempt) (any, error) {
			seen = outcome{"attempt": attempt.Number()}
			if checkpoint, ok := attempt.Checkpoint(); ok {
				seen["checkpoint"] = string(checkpoint)
			}
			return r.work(ctx, at, s.Work, attempt, path)
		}, options...)
	happened := outcome{"outcome": "completed", "value": value, "replayed": seen == nil}
	if err != nil {
		happened = failure(err)
	}
	if seen != nil {
		happened["seen"] = seen
	}
	return happened
}

func requestOf(s scenario, of step) any {
	text := s.Request
	if of.Request != nil {
		text = of.Request
	}
	if text == nil && s.RequestHex != "" {
		bytes, _ := hex.DecodeString(s.RequestHex)
		return bytes
	}
	var value any
	if text != nil {
		_ = json.Unmarshal(text, &value)
	}
	return value
}

func (r *runner) work(ctx context.Context, at place, todo work, attempt *onced.Attempt, path string) (any, error) {
	if todo.Checkpoint != nil {
		if err := attempt.SaveCheckpoint(ctx, []byte(*todo.Checkpoint)); err != nil {
			return nil, err
		}
	}
	if todo.Effect {
		r.countEffect(at.key)
	}
	time.Sleep(milliseconds(todo.TakesMs))
	if todo.WaitsForStop {
		select {
		case <-ctx.Done():
		case <-time.After(stopTimeout):
		}
	}
	r.carryOut(at, todo.During, path+"/during")
	cause := errors.New(todo.Message)
	switch todo.Throws {
	case "final":
		return nil, onced.Final(todo.Code, cause)
	case "retryable":
		return nil, onced.Retryable(cause, milliseconds(todo.RetryAfterMs))
	case "unknown":
		return nil, onced.Unknown(cause)
	case "other":
		return nil, cause
	}
	var value any
	if todo.Returns != nil {
		if err := json.Unmarshal(todo.Returns, &value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// failure names an error as the vectors' README.md does.
func failure(err error) outcome {
	var failed *onced.FailedError
	var called *onced.Error
	var work *onced.WorkError
	switch {
	case errors.As(err, &failed):
		return outcome{"outcome": "failed", "replayed": failed.Replayed, "code": failed.Code, "message": failed.Message}
	case errors.As(err, new(*onced.InProgressError)):
		return outcome{"outcome": "in-progress"}
	case errors.As(err, new(*onced.RetryLaterError)):
		return outcome{"outcome": "retry-later"}
	case errors.As(err, new(*onced.OrphanedError)):
		return outcome{"outcome": "orphaned"}
	case errors.As(err, new(*onced.NotRecordedError)):
		return outcome{"outcome": "not-recorded"}
	case errors.Is(err, onced.ErrKeyReused):
		return outcome{"outcome": "key-reused"}
	case errors.As(err, &work) && work.Kind == oncedv1.FailKind_FAIL_KIND_RETRYABLE:
		return outcome{"outcome": "retryable"}
	case errors.As(err, &called) && called.Temporary():
		return outcome{"outcome": "unreachable", "detail": err.Error()}
	case errors.As(err, &called):
		return outcome{"outcome": "error", "detail": err.Error()}
	default: // what the work returned, as it was
		return outcome{"outcome": "unknown", "detail": err.Error()}
	}
}
