package oncedtest

import (
	"crypto/rand"
	"strings"
	"testing"
)

// Namespace makes a namespace that no other test uses.
func Namespace(t *testing.T) string {
	t.Helper()
	return "test/" + strings.ToLower(rand.Text())
}
