package onced

import (
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// member is one member of an object, in the order of the text.
type member struct {
	name  string
	value any
}

// parseStrictJSON reads JSON text with nothing in it that two readers could understand differently. A value is nil, bool,
// float64, string, []any or []member. A lone surrogate stays in its string as three bytes that are not UTF-8, since it
// is refused only where it is not excluded.
func parseStrictJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, refuse(NotJSON, "the bytes are not UTF-8")
	}
	if !json.Valid(text) {
		return nil, refuse(NotJSON, "the text is not JSON")
	}
	reader := jsonReader{text: text}
	value := reader.value()
	if reader.duplicate != nil {
		return nil, reader.duplicate
	}
	return value, nil
}

// jsonReader reads text that json.Valid has accepted, so it need not look for mistakes.
type jsonReader struct {
	text      []byte
	at        int
	duplicate error
}

func (r *jsonReader) value() any {
	switch r.peek() {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"':
		return r.string()
	case 't':
		r.at += len("true")
		return true
	case 'f':
		r.at += len("false")
		return false
	case 'n':
		r.at += len("null")
		return nil
	default:
		return r.number()
	}
}

// peek passes over blanks.
func (r *jsonReader) peek() byte {
	for {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return r.text[r.at]
		}
	}
}

func (r *jsonReader) object() []member {
	members := []member{}
	names := map[string]bool{}
	r.at++
	for r.peek() != '}' {
		if r.peek() == ',' {
			r.at++
			r.peek()
		}
		name := r.string()
		if names[name] {
			r.duplicate = refuse(DuplicateMember, "the member %q stands twice in one object", name)
		}
		names[name] = true
		r.peek()
		r.at++ // the colon
		members = append(members, member{name, r.value()})
	}
	r.at++
	return members
}

func (r *jsonReader) array() []any {
	items := []any{}
	r.at++
	for r.peek() != ']' {
		if r.peek() == ',' {
			r.at++
		}
		items = append(items, r.value())
	}
	r.at++
	return items
}

func (r *jsonReader) number() any {
	start := r.at
	for r.at < len(r.text) && isNumberByte(r.text[r.at]) {
		r.at++
	}
	// Out of range is infinity, which the writer refuses.
	number, _ := strconv.ParseFloat(string(r.text[start:r.at]), 64)
	return number
}

func isNumberByte(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E'
}

func (r *jsonReader) string() string {
	var value []byte
	for r.at++; r.text[r.at] != '"'; {
		if r.text[r.at] != '\\' {
			value = append(value, r.text[r.at])
			r.at++
			continue
		}
		value = r.appendEscaped(value)
	}
	r.at++
	return string(value)
}

func (r *jsonReader) appendEscaped(value []byte) []byte {
	letter := r.text[r.at+1]
	if letter != 'u' {
		r.at += 2
		return append(value, unescaped(letter))
	}
	first := r.unit()
	if utf16.IsSurrogate(first) && r.at+1 < len(r.text) && r.text[r.at] == '\\' && r.text[r.at+1] == 'u' {
		mark := r.at
		if pair := utf16.DecodeRune(first, r.unit()); pair != utf8.RuneError {
			return utf8.AppendRune(value, pair)
		}
		r.at = mark
	}
	if utf16.IsSurrogate(first) {
		return append(value, 0xe0|byte(first>>12), 0x80|byte(first>>6)&0x3f, 0x80|byte(first)&0x3f)
	}
	return utf8.AppendRune(value, first)
}

// unit reads one \uXXXX.
func (r *jsonReader) unit() rune {
	unit, _ := strconv.ParseUint(string(r.text[r.at+2:r.at+6]), 16, 16)
	r.at += 6
	return rune(unit)
}

func unescaped(letter byte) byte {
	switch letter {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return letter // a quotation mark, a backslash or a slash
	}
}
