package onced

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// Arrays and objects within one another. Deeper input is hostile, and some languages would overflow their stack.
	depthMax = 128
	// Beyond it two languages may read different numbers.
	safeIntegerMax = 1<<53 - 1
)

// appendCanonical writes a value of parseStrictJSON by RFC 8785.
func appendCanonical(text []byte, value any, at place) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return append(text, "null"...), nil
	case bool:
		return strconv.AppendBool(text, value), nil
	case float64:
		return appendNumber(text, value, at)
	case string:
		return appendString(text, value, at)
	case []any:
		return appendArray(text, value, at)
	default:
		return appendObject(text, value.([]member), at)
	}
}

func appendArray(text []byte, items []any, at place) ([]byte, error) {
	if at.depth >= depthMax {
		return nil, tooDeep()
	}
	text = append(text, '[')
	isFirst := true
	for index, item := range items {
		below, isKept := at.stepIndex(index)
		if !isKept {
			continue
		}
		if !isFirst {
			text = append(text, ',')
		}
		isFirst = false
		var err error
		if text, err = appendCanonical(text, item, below); err != nil {
			return nil, err
		}
	}
	return append(text, ']'), nil
}

func appendObject(text []byte, members []member, at place) ([]byte, error) {
	if at.depth >= depthMax {
		return nil, tooDeep()
	}
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	text = append(text, '{')
	isFirst := true
	for _, member := range members {
		below, isKept := at.step(member.name)
		if !isKept {
			continue
		}
		if !isFirst {
			text = append(text, ',')
		}
		isFirst = false
		var err error
		if text, err = appendString(text, member.name, below); err != nil {
			return nil, err
		}
		if text, err = appendCanonical(append(text, ':'), member.value, below); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

func tooDeep() error {
	return refuse(TooDeep, "more than %d arrays and objects within one another", depthMax)
}

// compareUTF16 orders by UTF-16 code units, as RFC 8785 asks; it differs from the order of bytes beyond U+FFFF.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// appendNumber writes what ECMAScript writes, which is the rule of RFC 8785.
func appendNumber(text []byte, number float64, at place) ([]byte, error) {
	if !(math.Abs(number) <= safeIntegerMax) {
		return nil, refuse(NumberOutOfRange,
			"%v at %q is not a number of magnitude up to 2^53 - 1, which every language reads alike: send it as a string",
			number, at.path)
	}
	if number == 0 {
		return append(text, '0'), nil // also for -0
	}
	if math.Abs(number) >= 1e-6 {
		return strconv.AppendFloat(text, number, 'f', -1, 64), nil
	}
	written := strconv.AppendFloat(nil, number, 'e', -1, 64)
	return append(text, bytes.Replace(written, []byte("e-0"), []byte("e-"), 1)...), nil
}

func appendString(text []byte, value string, at place) ([]byte, error) {
	// parseStrictJSON leaves lone surrogates as bytes that are not UTF-8.
	if !utf8.ValidString(value) {
		return nil, refuse(LoneSurrogate, "text at %q holds half of a surrogate pair", at.path)
	}
	text = append(text, '"')
	for i := range len(value) {
		text = appendCharacter(text, value[i])
	}
	return append(text, '"'), nil
}

func appendCharacter(text []byte, character byte) []byte {
	const hex = "0123456789abcdef"
	switch character {
	case '"', '\\':
		return append(text, '\\', character)
	case '\b':
		return append(text, `\b`...)
	case '\f':
		return append(text, `\f`...)
	case '\n':
		return append(text, `\n`...)
	case '\r':
		return append(text, `\r`...)
	case '\t':
		return append(text, `\t`...)
	}
	if character < 0x20 {
		return append(text, '\\', 'u', '0', '0', hex[character>>4], hex[character&15])
	}
	return append(text, character)
}
