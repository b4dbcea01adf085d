package onced

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	keyBytesMax = 512
	// Names what is hashed, so that the digest can never be one that something else made.
	deriveDomain = "onced-derive-key-v1"
)

// DeriveKey makes the key of one step of an operation: the same for the same two arguments in every release and language,
// different for any other pair. 45 characters of A-Z a-z 0-9 - _, so that payment providers take it as an idempotency key
// too. DeriveKey("order-17", "charge") and DeriveKey("order-17", "mail") let one order do each step once.
func DeriveKey(key, step string) (string, error) {
	if err := checkKey("key", key); err != nil {
		return "", err
	}
	if err := checkKey("step", step); err != nil {
		return "", err
	}
	// Neither holds a NUL, so no other pair gives the same bytes.
	digest := sha256.Sum256([]byte(deriveDomain + "\x00" + key + "\x00" + step))
	return "d1" + base64.RawURLEncoding.EncodeToString(digest[:]), nil
}

func checkKey(name, value string) error {
	switch {
	case !utf8.ValidString(value):
		return refuse(InvalidKey, "%s is not UTF-8", name)
	case len(value) > keyBytesMax:
		return refuse(InvalidKey, "%s has %d bytes of UTF-8; at most %d are allowed", name, len(value), keyBytesMax)
	case strings.ContainsFunc(value, unicode.IsControl):
		return refuse(InvalidKey, "%s holds a control character", name)
	case strings.TrimFunc(value, isBlank) == "":
		return refuse(InvalidKey, "%s is empty or blank: it would be shared by all who forgot theirs", name)
	}
	return nil
}

// isBlank is what all clients take for a blank: white space and the zero-width no-break space.
func isBlank(character rune) bool { return unicode.IsSpace(character) || character == '\ufeff' }
