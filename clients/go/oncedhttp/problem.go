package oncedhttp

import (
	"encoding/json"
	"net/http"
)

// problem is a refusal by RFC 9457. Its type tells programs the reason.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

var (
	problemMissing    = problem{Type: "key-missing", Title: "Idempotency key missing", Status: http.StatusBadRequest}
	problemMalformed  = problem{Type: "key-malformed", Title: "Idempotency key malformed", Status: http.StatusBadRequest}
	problemUnreadable = problem{Type: "unreadable", Title: "Request unreadable", Status: http.StatusBadRequest}
	problemNobody     = problem{Type: "unauthenticated", Title: "Caller unknown", Status: http.StatusUnauthorized}
	problemTooLarge   = problem{Type: "too-large", Title: "Request too large", Status: http.StatusRequestEntityTooLarge}
	problemInProgress = problem{Type: "in-progress", Title: "Request in progress", Status: http.StatusConflict}
	problemReused     = problem{Type: "key-reused", Title: "Idempotency key reused", Status: http.StatusUnprocessableEntity}
	problemUnknown    = problem{Type: "outcome-unknown", Title: "Outcome unknown", Status: http.StatusConflict}
	problemNotKept    = problem{Type: "response-not-kept", Title: "Response not kept", Status: http.StatusGone}
	problemFailed     = problem{Type: "failed", Title: "Request failed for good", Status: http.StatusConflict}
	problemOutage     = problem{Type: "unavailable", Title: "Idempotency unavailable", Status: http.StatusServiceUnavailable}
	problemRefused    = problem{Type: "refused", Title: "Idempotency misconfigured", Status: http.StatusInternalServerError}
)

func (p problem) write(w http.ResponseWriter, detail string) {
	p.Type = "urn:onced:problem:" + p.Type
	p.Detail = detail
	body, _ := json.Marshal(p)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}
