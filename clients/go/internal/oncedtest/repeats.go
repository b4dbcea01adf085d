package oncedtest

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	keys       = 1000
	sendings   = 6
	callersMax = 16

	// sendingsMax ends a test in which nothing comes through: with 30 % lost, no key is ever near it.
	sendingsMax = 100
)

// Send sends one request under a key. The reply is nil when it was lost.
type Send func(key string) []byte

// SendEachSixTimes sends each of a thousand keys six times, by sixteen callers at once, and on until a reply came through.
// Replies to one key have to be the same, byte for byte. It returns how many were sent, and how many replies delivered.
func SendEachSixTimes(t *testing.T, connect func() Send) (sent, delivered int) {
	t.Helper()
	var sentSum, deliveredSum atomic.Int32
	faults := make(chan string, keys)
	var callers sync.WaitGroup
	for caller := range callersMax {
		send := connect()
		callers.Go(func() {
			for i := caller; i < keys; i += callersMax {
				key := fmt.Sprint("key-", i)
				times, replies := repeat(send, key)
				sentSum.Add(int32(times))
				deliveredSum.Add(int32(len(replies)))
				if fault := difference(replies); fault != "" {
					faults <- key + " " + fault
				}
			}
		})
	}
	callers.Wait()
	if len(faults) > 0 {
		t.Errorf("%d keys got no reply or different ones: %s", len(faults), <-faults)
	}
	return int(sentSum.Load()), int(deliveredSum.Load())
}

func repeat(send Send, key string) (times int, replies [][]byte) {
	for times < sendings || (len(replies) == 0 && times < sendingsMax) {
		times++
		if reply := send(key); reply != nil {
			replies = append(replies, reply)
		}
	}
	return times, replies
}

func difference(replies [][]byte) string {
	if len(replies) == 0 {
		return "got no reply"
	}
	for _, reply := range replies {
		if !bytes.Equal(reply, replies[0]) {
			return fmt.Sprintf("got %q, then %q", replies[0], reply)
		}
	}
	return ""
}

// Effects counts what was done under each key.
type Effects struct {
	mutex  sync.Mutex
	counts map[string]int
}

// Add counts an effect under a key.
func (e *Effects) Add(key string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	e.counts[key]++
}

// ExpectOneEach wants one effect under each key that SendEachSixTimes sends.
func (e *Effects) ExpectOneEach(t *testing.T) {
	t.Helper()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.counts) != keys {
		t.Errorf("%d keys had an effect, of %d", len(e.counts), keys)
	}
	for key, count := range e.counts {
		if count != 1 {
			t.Errorf("%s, perhaps among others, had %d effects", key, count)
			return
		}
	}
}
