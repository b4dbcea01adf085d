package oncedhttp

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	onced "github.com/onced/onced/clients/go"
)

// fingerprint covers the method, the target and the body. A JSON body is compared as JSON; any other, and JSON of which
// there is no fingerprint, byte for byte.
func fingerprint(r *http.Request, body []byte, exclude []string) *onced.Fingerprint {
	target := target(r)
	if isJSON(r.Header.Get("Content-Type")) && json.Valid(body) {
		envelope := `{"body":` + string(body) + `,"method":` + quoted(r.Method) + `,"target":` + quoted(target) + `}`
		pointers := make([]string, len(exclude))
		for i, pointer := range exclude {
			pointers[i] = "/body" + pointer
		}
		if fingerprint, err := onced.FingerprintJSONText([]byte(envelope), pointers...); err == nil {
			return fingerprint
		}
	}
	head := r.Method + " " + target + "\n"
	return onced.FingerprintBytes(append([]byte(head), body...))
}

// target is path and query as sent, which no routing has changed.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

func quoted(text string) string {
	json, _ := json.Marshal(text)
	return string(json)
}

func cut(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	for len(text) > labelBytesMax {
		text = text[:len(text)-1]
		text = strings.ToValidUTF8(text, "")
	}
	return text
}
