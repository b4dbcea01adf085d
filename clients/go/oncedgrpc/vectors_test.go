package oncedgrpc

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
)

func TestRequestFingerprintsAreThoseOfEveryLanguage(t *testing.T) {
	var vectors struct {
		Requests []struct {
			Name, Method, Digest string
			Request              json.RawMessage `json:"error_info"`
			Exclude              []string
		} `json:"grpc_requests"`
	}
	text, err := os.ReadFile("../../vectors/adapters.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Requests) == 0 {
		t.Fatalf("the vector file lacks cases: %v", err)
	}
	for _, test := range vectors.Requests {
		var request errdetails.ErrorInfo
		if err := protojson.Unmarshal(test.Request, &request); err != nil {
			t.Fatal(err)
		}
		made, err := fingerprint(test.Method, &request, test.Exclude)
		if err != nil || hex.EncodeToString(made.GetDigest()) != test.Digest {
			t.Errorf("%s: %x, %v", test.Name, made.GetDigest(), err)
		}
	}
}
