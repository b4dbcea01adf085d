package oncedhttp

import (
	"bytes"
	"maps"
	"net/http"
	"sync"
)

// recorder holds a response back until it is recorded. A body over the limit cannot be stored, and is let through.
type recorder struct {
	bytesMax int
	header   http.Header

	mutex     sync.Mutex
	target    http.ResponseWriter // nil once the caller has left
	status    int
	sent      http.Header // as they were when the status was written
	body      bytes.Buffer
	isPassing bool
}

func newRecorder(target http.ResponseWriter, bytesMax int) *recorder {
	return &recorder{target: target, bytesMax: bytesMax, header: http.Header{}}
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.writeHeader(status)
}

func (r *recorder) writeHeader(status int) {
	if r.status != 0 || status < http.StatusOK {
		return // a second status is ignored, as net/http does; an informational one is not an outcome
	}
	r.status, r.sent = status, r.header.Clone()
}

func (r *recorder) Write(data []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.writeHeader(http.StatusOK)
	if !r.isPassing && r.body.Len()+len(data) <= r.bytesMax {
		return r.body.Write(data)
	}
	r.pass()
	if r.target == nil {
		return len(data), nil // the caller has left, the work goes on
	}
	return r.target.Write(data)
}

// Flush does nothing: a response is sent when it is recorded. It is here for handlers that demand it.
func (r *recorder) Flush() {}

// pass sends what was held back, and lets through what follows.
func (r *recorder) pass() {
	if r.isPassing {
		return
	}
	r.isPassing = true
	if r.target == nil {
		return
	}
	maps.Copy(r.target.Header(), r.sent)
	r.target.WriteHeader(r.status)
	_, _ = r.target.Write(r.body.Bytes())
}

// leave lets go of the caller's connection.
func (r *recorder) leave() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.target = nil
}

func (r *recorder) response() *response {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.writeHeader(http.StatusOK)
	return &response{status: r.status, header: r.sent, body: r.body.Bytes(), isNotKept: r.isPassing}
}
