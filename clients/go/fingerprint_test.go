package onced

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

type vectors struct {
	JSON []struct {
		Name, JSON, Canonical, Digest, Refused string
		JSONHex                                string `json:"json_hex"`
		Exclude                                []string
	}
	Bytes []struct{ Name, Hex, Digest string }
	Keys  []struct{ Name, Key, Step, Derived, Refused string }
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../vectors/fingerprints.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.JSON) == 0 || len(all.Bytes) == 0 || len(all.Keys) == 0 {
		t.Fatal("the vector file lacks cases")
	}
	return all
}

func TestJSONFingerprintsAreThoseOfEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).JSON {
		t.Run(test.Name, func(t *testing.T) {
			text := []byte(test.JSON)
			if test.JSONHex != "" {
				text = unhex(t, test.JSONHex)
			}
			fingerprint, err := FingerprintJSONText(text, test.Exclude...)
			if test.Refused != "" {
				expectRefusal(t, err, test.Refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			canonical, _ := CanonicalJSON(text, test.Exclude...)
			if string(canonical) != test.Canonical {
				t.Errorf("canonical text is %s, want %s", canonical, test.Canonical)
			}
			if digest := hex.EncodeToString(fingerprint.Digest); digest != test.Digest || fingerprint.Scheme != JSONScheme {
				t.Errorf("fingerprint is %s %s, want %s", fingerprint.Scheme, digest, test.Digest)
			}
		})
	}
}

func TestByteFingerprintsAreThoseOfEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).Bytes {
		fingerprint := FingerprintBytes(unhex(t, test.Hex))
		if digest := hex.EncodeToString(fingerprint.Digest); digest != test.Digest || fingerprint.Scheme != BytesScheme {
			t.Errorf("%s: fingerprint is %s %s, want %s", test.Name, fingerprint.Scheme, digest, test.Digest)
		}
	}
}

func TestDerivedKeysAreThoseOfEveryLanguage(t *testing.T) {
	for _, test := range readVectors(t).Keys {
		t.Run(test.Name, func(t *testing.T) {
			derived, err := DeriveKey(test.Key, test.Step)
			if test.Refused != "" {
				expectRefusal(t, err, test.Refused)
			} else if err != nil || derived != test.Derived {
				t.Errorf("derived key is %q, %v; want %q", derived, err, test.Derived)
			}
		})
	}
}

func TestGoValuesHaveTheFingerprintOfTheirJSON(t *testing.T) {
	type order struct {
		Amount   int    `json:"amount"`
		Currency string `json:"currency"`
		SentAt   string `json:"sent_at"`
	}
	fromValue, err := FingerprintJSON(order{10, "EUR", "now"}, "/sent_at")
	if err != nil {
		t.Fatal(err)
	}
	fromText, _ := FingerprintJSONText([]byte(`{"currency":"EUR","amount":1e1}`))
	if string(fromValue.Digest) != string(fromText.Digest) {
		t.Error("a struct and its JSON have different fingerprints")
	}
	withMark, err := FingerprintJSON("\ufffd")
	if err != nil || withMark == nil {
		t.Errorf("a replacement character that is meant is refused: %v", err)
	}
}

func TestGoValuesWithoutJSONAreRefused(t *testing.T) {
	for name, value := range map[string]any{
		"a channel": make(chan int), "text that is not UTF-8": "\xff", "a name that is not UTF-8": map[string]int{"\xff": 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FingerprintJSON(value)
			expectRefusal(t, err, string(UnsupportedType))
		})
	}
	_, err := FingerprintJSON(int64(1) << 53)
	expectRefusal(t, err, string(NumberOutOfRange))
}

func expectRefusal(t *testing.T, err error, reason string) {
	t.Helper()
	var refusal *FingerprintError
	if !errors.As(err, &refusal) || string(refusal.Reason) != reason {
		t.Errorf("error is %v, want a refusal for %s", err, reason)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
