package onced

import (
	"strconv"
	"strings"
)

// excludePointer holds the segments still to match; what matches the last one is left out of the fingerprint.
type excludePointer []string

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// parseExclude reads RFC 6901, in which the whole document cannot be excluded.
func parseExclude(pointer string) (excludePointer, error) {
	rest := strings.NewReplacer("~0", "", "~1", "").Replace(pointer)
	if !strings.HasPrefix(pointer, "/") || strings.Contains(rest, "~") {
		return nil, refuse(InvalidExclude,
			`exclude %q is not a JSON pointer: "/" before each segment, "~0" for "~" and "~1" for "/"`, pointer)
	}
	segments := strings.Split(pointer[1:], "/")
	for i, segment := range segments {
		segments[i] = unescapePointer.Replace(segment)
	}
	return segments, nil
}

// place is where in a document the writer is.
type place struct {
	exclude []excludePointer
	path    string
	depth   int
}

// step goes down to a member or element; false when it is excluded.
func (p place) step(segment string) (place, bool) {
	below := place{path: p.path + "/" + segment, depth: p.depth + 1}
	for _, pointer := range p.exclude {
		if pointer[0] != segment && pointer[0] != "*" {
			continue
		}
		if len(pointer) == 1 {
			return place{}, false
		}
		below.exclude = append(below.exclude, pointer[1:])
	}
	return below, true
}

func (p place) stepIndex(index int) (place, bool) { return p.step(strconv.Itoa(index)) }
