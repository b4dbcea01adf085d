package onced

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/onced/onced/clients/go/oncedv1"
)

// Schemes of fingerprints. The rules are in clients/vectors/README.md; clients/vectors/fingerprints.json holds the cases
// that every client must reproduce.
const (
	// JSONScheme is RFC 8785 canonical JSON, encoded as UTF-8, hashed with SHA-256.
	JSONScheme = "jcs-sha256-v1"
	// BytesScheme is the bytes as they are, hashed with SHA-256.
	BytesScheme = "sha256-v1"
)

// Fingerprint is a hash of the request that a key stands for.
type Fingerprint = oncedv1.Fingerprint

// FingerprintJSON makes the fingerprint of a value, as the JSON that encoding/json makes of it. exclude names parts that
// do not belong to the request's meaning, such as a time stamp that changes with every retry: JSON pointers (RFC 6901) in
// which a segment * stands for every member or element. A *FingerprintError says why there is none.
func FingerprintJSON(value any, exclude ...string) (*Fingerprint, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, &FingerprintError{Reason: UnsupportedType, Message: err.Error(), cause: err}
	}
	// encoding/json writes this escape for nothing but invalid UTF-8, of which any two would look equal.
	if bytes.Contains(text, []byte(`\ufffd`)) {
		return nil, refuse(UnsupportedType, "text that is not UTF-8")
	}
	return FingerprintJSONText(text, exclude...)
}

// FingerprintJSONText makes the fingerprint of JSON that came as text, such as an HTTP body. It is equal to that of the
// parsed value, and refused also for what a parsed value no longer shows: duplicate members and invalid UTF-8.
func FingerprintJSONText(text []byte, exclude ...string) (*Fingerprint, error) {
	canonical, err := CanonicalJSON(text, exclude...)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(canonical)
	return &Fingerprint{Scheme: JSONScheme, Digest: digest[:]}, nil
}

// FingerprintBytes makes the fingerprint of bytes as they are. For requests that are not JSON.
func FingerprintBytes(data []byte) *Fingerprint {
	digest := sha256.Sum256(data)
	return &Fingerprint{Scheme: BytesScheme, Digest: digest[:]}
}

// CanonicalJSON is the text that FingerprintJSONText hashes.
func CanonicalJSON(text []byte, exclude ...string) ([]byte, error) {
	pointers := make([]excludePointer, 0, len(exclude))
	for _, pointer := range exclude {
		parsed, err := parseExclude(pointer)
		if err != nil {
			return nil, err
		}
		pointers = append(pointers, parsed)
	}
	value, err := parseStrictJSON(text)
	if err != nil {
		return nil, err
	}
	return appendCanonical(nil, value, place{exclude: pointers})
}

// FingerprintRefusal says why a request has no fingerprint, in the words of all clients.
type FingerprintRefusal string

// The reasons for a FingerprintError.
const (
	NotJSON          FingerprintRefusal = "NOT_JSON"
	DuplicateMember  FingerprintRefusal = "DUPLICATE_MEMBER"
	NumberOutOfRange FingerprintRefusal = "NUMBER_OUT_OF_RANGE"
	LoneSurrogate    FingerprintRefusal = "LONE_SURROGATE"
	TooDeep          FingerprintRefusal = "TOO_DEEP"
	InvalidExclude   FingerprintRefusal = "INVALID_EXCLUDE"
	InvalidKey       FingerprintRefusal = "INVALID_KEY"
	UnsupportedType  FingerprintRefusal = "UNSUPPORTED_TYPE"
)

// FingerprintError refuses a request, an exclude pointer or a key to derive from. Nothing was sent.
type FingerprintError struct {
	Reason  FingerprintRefusal
	Message string

	cause error
}

func (e *FingerprintError) Error() string {
	return fmt.Sprintf("onced: fingerprint: %s: %s", e.Reason, e.Message)
}

// Unwrap gives the error of encoding/json, if one was the cause.
func (e *FingerprintError) Unwrap() error { return e.cause }

func refuse(reason FingerprintRefusal, format string, values ...any) *FingerprintError {
	return &FingerprintError{Reason: reason, Message: fmt.Sprintf(format, values...)}
}
