package oncedhttp

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	onced "github.com/onced/onced/clients/go"
)

// A response is stored in the form that HTTP itself gives it: status line, headers, an empty line, the body. So every
// client reads it, and a person too. The rules are in clients/vectors/README.md.
const (
	storedType  = "message/http"
	statusLabel = "http.status"
	bodyLabel   = "http.body" // "not-kept" for a body over the limit
)

type response struct {
	status    int
	header    http.Header
	body      []byte
	isNotKept bool
}

// write is the same for a response and its replay.
func (r *response) write(target http.ResponseWriter) {
	maps.Copy(target.Header(), r.header)
	if len(r.body) > 0 {
		target.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	target.WriteHeader(r.status)
	_, _ = target.Write(r.body)
}

// stored keeps the headers of the allow-list only.
func (r *response) stored(allowed []string) *onced.Result {
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %d \r\n", r.status)
	names := make([]string, 0, len(allowed))
	for _, name := range allowed {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		for _, value := range r.header.Values(name) {
			fmt.Fprintf(&text, "%s: %s\r\n", name, oneLine.Replace(value))
		}
	}
	text.WriteString("\r\n")
	labels := map[string]string{statusLabel: strconv.Itoa(r.status)}
	if r.isNotKept {
		labels[bodyLabel] = "not-kept"
	} else {
		text.Write(r.body)
	}
	return &onced.Result{Data: text.Bytes(), ContentType: storedType, Labels: labels}
}

// oneLine is what net/http does to a header when it is sent.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// restored reads what stored made, in any language.
func restored(result *onced.Result) (*response, error) {
	if result.ContentType != storedType {
		return nil, fmt.Errorf("the outcome of this key is %q, not a response", result.ContentType)
	}
	reader := bufio.NewReader(bytes.NewReader(result.Data))
	text := textproto.NewReader(reader)
	line, err := text.ReadLine()
	if err != nil {
		return nil, err
	}
	var major, minor, status int
	if _, err := fmt.Sscanf(line, "HTTP/%d.%d %d", &major, &minor, &status); err != nil {
		return nil, fmt.Errorf("status line %q: %w", line, err)
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reader)
	return &response{
		status: status, header: http.Header(header), body: body, isNotKept: result.Labels[bodyLabel] == "not-kept",
	}, err
}
