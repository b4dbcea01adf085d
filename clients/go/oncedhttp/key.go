package oncedhttp

import "strings"

type keyFound int

const (
	keyGood keyFound = iota
	keyMissing
	keyMalformed
)

const (
	keyBytesMax = 255
	keyRule     = `an idempotency key is one value of 1 to 255 visible ASCII characters, in double quotes or without any`
)

// readKey reads a string of RFC 9651 ("8e03978e"), as the draft has it, or the same without quotes, as most clients send
// it: both are the same key.
func readKey(values []string) (string, keyFound) {
	if len(values) == 0 {
		return "", keyMissing
	}
	value := strings.Trim(values[0], " \t")
	isGood := len(values) == 1
	if strings.HasPrefix(value, `"`) {
		var isString bool
		value, isString = unquoted(value)
		isGood = isGood && isString
	} else {
		isGood = isGood && !strings.ContainsAny(value, `",\`) && !strings.Contains(value, " ")
	}
	if !isGood || value == "" || len(value) > keyBytesMax || strings.ContainsFunc(value, isInvisible) {
		return "", keyMalformed
	}
	return value, keyGood
}

func isInvisible(character rune) bool { return character < ' ' || character > '~' }

// unquoted reads sf-string: nothing but a quote and a backslash may be escaped. Blank ones are refused as keys.
func unquoted(value string) (string, bool) {
	if len(value) < 2 || !strings.HasSuffix(value, `"`) {
		return "", false
	}
	var key strings.Builder
	for rest := value[1 : len(value)-1]; rest != ""; rest = rest[1:] {
		if rest[0] == '"' {
			return "", false
		}
		if rest[0] == '\\' {
			rest = rest[1:]
			if rest == "" || (rest[0] != '"' && rest[0] != '\\') {
				return "", false
			}
		}
		key.WriteByte(rest[0])
	}
	return key.String(), strings.TrimSpace(key.String()) != ""
}
