package oncedhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedhttp"
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

// scene is an HTTP server whose handler counts its effects.
type scene struct {
	t       *testing.T
	url     string
	client  *http.Client
	effects atomic.Int32
}

func serve(t *testing.T, handle func(s *scene, w http.ResponseWriter, r *http.Request), options ...oncedhttp.Option) *scene {
	t.Helper()
	client, err := onced.New(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := &scene{t: t, client: &http.Client{Timeout: 20 * time.Second}}
	tenant := func(r *http.Request) (string, error) { return r.Header.Get("Tenant"), nil }
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(s, w, r) })
	web := httptest.NewUnstartedServer(oncedhttp.Middleware(client, oncedtest.Namespace(t), tenant, options...)(handler))
	web.Config.ErrorLog = nil
	web.Start()
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// charge is a handler with an effect: its number shows whether it ran again.
func charge(s *scene, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	number := s.effects.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", fmt.Sprint("/charges/", number))
	w.Header().Set("Set-Cookie", "session=secret")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"number":%d,"request":%q}`, number, body)
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (s *scene) send(method, key, body string, headers ...string) (*reply, error) {
	request, err := http.NewRequest(method, s.url+"/charges?live=1", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Tenant", "acme")
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return &reply{answer.StatusCode, answer.Header, string(text)}, err
}

func (s *scene) mustSend(method, key, body string, headers ...string) *reply {
	s.t.Helper()
	got, err := s.send(method, key, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *scene) expectProblem(got *reply, status int, kind string) {
	s.t.Helper()
	if got.status != status || !strings.Contains(got.body, `"urn:onced:problem:`+kind+`"`) ||
		got.header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("got %d %s; want %d %s", got.status, got.body, status, kind)
	}
}

func TestARepeatIsAnsweredWithTheFirstResponse(t *testing.T) {
	s := serve(t, charge)
	first := s.mustSend("POST", `"8e03978e"`, `{"amount":10}`)
	again := s.mustSend("POST", "8e03978e", `{ "amount": 1e1 }`)
	if first.status != 201 || again.status != 201 || first.body != again.body || s.effects.Load() != 1 {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("a replay and a first response cannot be told apart")
	}
	for _, name := range []string{"Content-Type", "Location", "Content-Length"} {
		if first.header.Get(name) == "" || first.header.Get(name) != again.header.Get(name) {
			t.Errorf("%s is %q, then %q", name, first.header.Get(name), again.header.Get(name))
		}
	}
	if first.header.Get("Set-Cookie") == "" || again.header.Get("Set-Cookie") != "" {
		t.Error("a header that is not allowed was replayed, or lost from the first response")
	}
	for _, got := range []*reply{first, again} {
		if expires, err := http.ParseTime(got.header.Get("Idempotency-Expires")); err != nil || time.Until(expires) < 23*time.Hour {
			t.Errorf("it expires at %v, %v", expires, err)
		}
	}
}

func TestMissingAndMalformedKeysAreRefused(t *testing.T) {
	s := serve(t, charge)
	s.expectProblem(s.mustSend("POST", "", `{}`), 400, "key-missing")
	for _, key := range []string{`""`, `"   "`, `"a`, `a"b`, `"a"b"`, `"a\n"`, "a b", "a,b", `"a";v=1`, "ключ", strings.Repeat("k", 256)} {
		s.expectProblem(s.mustSend("POST", key, `{}`), 400, "key-malformed")
	}
	if s.effects.Load() != 0 {
		t.Error("a refused request had an effect")
	}
	if got := s.mustSend("GET", "", ``); got.status != 201 {
		t.Errorf("GET without a key got %d", got.status)
	}
}

func TestARepeatInFlightGets409AndWhenToComeBack(t *testing.T) {
	started, mayEnd := make(chan struct{}), make(chan struct{})
	s := serve(t, func(s *scene, w http.ResponseWriter, r *http.Request) {
		close(started)
		<-mayEnd
		charge(s, w, r)
	})
	first := make(chan *reply)
	go func() { got, _ := s.send("POST", "k", `{}`); first <- got }()
	<-started
	got := s.mustSend("POST", "k", `{}`)
	s.expectProblem(got, 409, "in-progress")
	if got.header.Get("Retry-After") == "" {
		t.Error("nothing says when to come back")
	}
	close(mayEnd)
	if end, again := <-first, s.mustSend("POST", "k", `{}`); end.body != again.body || s.effects.Load() != 1 {
		t.Errorf("first %s, again %s", end.body, again.body)
	}
}

func TestAnotherRequestUnderTheSameKeyGets422(t *testing.T) {
	s := serve(t, charge)
	s.mustSend("POST", "k", `{"amount":10}`)
	s.expectProblem(s.mustSend("POST", "k", `{"amount":12}`), 422, "key-reused")
	s.expectProblem(s.mustSend("PATCH", "k", `{"amount":10}`), 422, "key-reused")
	if got := s.mustSend("POST", "k", `{"amount":12}`, "Tenant", "other"); got.status != 201 || s.effects.Load() != 2 {
		t.Errorf("another tenant got %d %s", got.status, got.body)
	}
	s.expectProblem(s.mustSend("POST", "k", `{"amount":10}`, "Tenant", ""), 401, "unauthenticated")
}

func TestWhatAStatusMeansForTheKey(t *testing.T) {
	s := serve(t, func(s *scene, w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Fscan(r.Body, &status)
		s.effects.Add(1)
		http.Error(w, "as asked", status)
	})
	for status, runs := range map[int]int32{400: 1, 404: 1, 401: 2, 409: 2, 429: 2, 503: 2, 500: 1, 504: 1} {
		s.effects.Store(0)
		body := fmt.Sprint(status)
		first, again := s.mustSend("POST", "k-"+body, body), s.mustSend("POST", "k-"+body, body)
		if first.status != status || s.effects.Load() != runs {
			t.Errorf("%d: got %d, %d runs", status, first.status, s.effects.Load())
		}
		if status == 500 || status == 504 {
			s.expectProblem(again, 409, "outcome-unknown")
		} else if again.status != status || again.body != first.body {
			t.Errorf("%d: the repeat got %d %s", status, again.status, again.body)
		}
	}
}

func TestWhichStatusesAreStoredIsAPolicy(t *testing.T) {
	judge := func(status int) onced.Verdict {
		if status == http.StatusNotFound {
			return onced.Release
		}
		return onced.Store
	}
	s := serve(t, func(s *scene, w http.ResponseWriter, r *http.Request) {
		s.effects.Add(1)
		status, _ := strconv.Atoi(r.Header.Get("Status"))
		w.WriteHeader(status)
	}, oncedhttp.WithVerdict(judge))
	for status, runs := range map[string]int32{"404": 2, "500": 1} {
		s.effects.Store(0)
		for range 2 {
			if got := s.mustSend("POST", "k-"+status, "{}", "Status", status); strconv.Itoa(got.status) != status {
				t.Errorf("got %d %s", got.status, got.body)
			}
		}
		if got := s.effects.Load(); got != runs {
			t.Errorf("%s ran %d times", status, got)
		}
	}
}

func TestACallerWhoHangsUpCancelsNothing(t *testing.T) {
	var isCancelled atomic.Bool
	started := make(chan struct{})
	s := serve(t, func(s *scene, w http.ResponseWriter, r *http.Request) {
		close(started)
		time.Sleep(300 * time.Millisecond)
		isCancelled.Store(r.Context().Err() != nil)
		charge(s, w, r)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/charges?live=1", strings.NewReader(`{}`))
	request.Header.Set("Tenant", "acme")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "k")
	go func() { <-started; hangUp() }()
	if _, err := s.client.Do(request); !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got := s.mustSend("POST", "k", `{}`); got.status == 201 {
			if got.header.Get("Idempotency-Replayed") != "true" || isCancelled.Load() || s.effects.Load() != 1 {
				t.Errorf("got %+v, cancelled %v", got, isCancelled.Load())
			}
			return
		}
	}
	t.Error("no outcome within 5 s")
}

func TestAResponseOverTheLimitReachesItsCallerAndIsNotKept(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	s := serve(t, func(s *scene, w http.ResponseWriter, _ *http.Request) {
		s.effects.Add(1)
		_, _ = w.Write(large[:100])
		_, _ = w.Write(large[100:])
	})
	if got := s.mustSend("POST", "k", `{}`); got.status != 200 || got.body != string(large) {
		t.Fatalf("got %d, %d bytes", got.status, len(got.body))
	}
	s.expectProblem(s.mustSend("POST", "k", `{}`), 410, "response-not-kept")
	if s.effects.Load() != 1 {
		t.Errorf("%d effects", s.effects.Load())
	}
}

func TestAPanicIsTheServersAndHoldsTheKey(t *testing.T) {
	s := serve(t, func(*scene, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := s.send("POST", "k", `{}`); err == nil {
		t.Error("the caller got an answer")
	}
	s.expectProblem(s.mustSend("POST", "k", `{}`), 409, "outcome-unknown")
}

func TestAnOutageIsTemporaryAndRunsNothing(t *testing.T) {
	proxy, err := oncedtest.StartProxy(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	proxy.Refuse(true)
	client, _ := onced.New(proxy.Address)
	defer func() { _ = client.Close() }()
	protect := oncedhttp.Middleware(client, oncedtest.Namespace(t), oncedhttp.SingleTenant,
		oncedhttp.WithRun(onced.WithBeginTimeout(500*time.Millisecond)))
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	request.Header.Set("Idempotency-Key", "k")
	protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") })).ServeHTTP(recorder, request)
	if recorder.Code != 503 || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s", recorder.Code, recorder.Body)
	}
}
