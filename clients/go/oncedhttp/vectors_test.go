package oncedhttp

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	onced "github.com/onced/onced/clients/go"
)

type vectors struct {
	Keys []struct {
		Name, Key string
		Headers   []string
		Malformed bool
	} `json:"http_keys"`
	Requests []struct {
		Name, Method, Target, Body, Scheme, Digest string
		ContentType                                string `json:"content_type"`
		BodyHex                                    string `json:"body_hex"`
		Exclude                                    []string
	} `json:"http_requests"`
	Responses []struct {
		Name, Body, Stored string
		Status             int
		Headers            [][2]string
	} `json:"http_responses"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../../vectors/adapters.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Keys) == 0 || len(all.Requests) == 0 || len(all.Responses) == 0 {
		t.Fatal("the vector file lacks cases")
	}
	return all
}

func TestKeysAreReadAsInEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).Keys {
		key, found := readKey(test.Headers)
		if (found == keyMalformed) != test.Malformed || key != test.Key {
			t.Errorf("%s: key %q, found %d", test.Name, key, found)
		}
	}
}

func TestRequestFingerprintsAreThoseOfEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).Requests {
		body := []byte(test.Body)
		if test.BodyHex != "" {
			body, _ = hex.DecodeString(test.BodyHex)
		}
		request := httptest.NewRequest(test.Method, test.Target, nil)
		request.Header.Set("Content-Type", test.ContentType)
		made := fingerprint(request, body, test.Exclude)
		if made.GetScheme() != test.Scheme || hex.EncodeToString(made.GetDigest()) != test.Digest {
			t.Errorf("%s: %s %x", test.Name, made.GetScheme(), made.GetDigest())
		}
	}
}

func TestResponsesAreStoredAsInEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).Responses {
		made := response{status: test.Status, header: http.Header{}, body: []byte(test.Body)}
		for _, header := range test.Headers {
			made.header.Add(header[0], header[1])
		}
		allowed := newOptions(nil).replayedHeaders
		stored := made.stored(allowed)
		if string(stored.Data) != test.Stored {
			t.Errorf("%s: stored as %q", test.Name, stored.Data)
		}
		read, err := restored(&onced.Result{Data: []byte(test.Stored), ContentType: storedType})
		if err != nil || read.status != test.Status || string(read.body) != test.Body {
			t.Errorf("%s: read as %+v, %v", test.Name, read, err)
		}
		for _, name := range allowed {
			if !slices.Equal(read.header.Values(name), made.header.Values(name)) {
				t.Errorf("%s: %s is %q", test.Name, name, read.header.Values(name))
			}
		}
	}
}
