package oncedhttp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/onced/onced/clients/go/internal/oncedtest"
)

func TestAThousandRequestsSentSixTimesOverALossyNetworkTakeEffectOnce(t *testing.T) {
	var effects oncedtest.Effects
	s := serve(t, func(s *scene, w http.ResponseWriter, r *http.Request) {
		effects.Add(r.Header.Get("Idempotency-Key"))
		charge(s, w, r)
	})
	proxy, err := oncedtest.StartProxy(strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	proxy.LoseReplies(0.3)
	s.url = "http://" + proxy.Address
	// A connection for each request: a lost reply is one request's own, and Go does not send it again by itself.
	s.client.Transport = &http.Transport{DisableKeepAlives: true}

	sent, delivered := oncedtest.SendEachSixTimes(t, func() oncedtest.Send { return s.sendForOutcome })
	effects.ExpectOneEach(t)
	if share := 1 - float64(delivered)/float64(sent); share < 0.25 {
		t.Errorf("only %.2f of the replies were lost", share)
	}
}

// sendForOutcome returns body and headers, but for those that belong to each reply or are not on the allow-list.
func (s *scene) sendForOutcome(key string) []byte {
	got, err := s.send("POST", key, `{"order":"`+key+`"}`)
	if err != nil {
		return nil
	}
	if got.status != http.StatusCreated {
		s.t.Errorf("%s: got %d %s", key, got.status, got.body)
	}
	for _, name := range []string{"Date", "Connection", "Idempotency-Replayed", "Set-Cookie"} {
		got.header.Del(name)
	}
	return fmt.Appendf(nil, "%v %s", got.header, got.body)
}
