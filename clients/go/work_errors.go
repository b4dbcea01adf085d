package onced

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/onced/onced/clients/go/oncedv1"
)

// WorkError is what a work returns, made by Final, Retryable or Unknown, to say what its failure means for the key.
type WorkError struct {
	// Kind says what happens to the key.
	Kind oncedv1.FailKind
	// Code is for programs, 1 to 128 bytes. Message is for people, up to 1024 bytes; the text of Err by default.
	Code    string
	Message string
	// Detail is replayed byte for byte with its ContentType. Up to 4 KiB.
	Detail      []byte
	ContentType string
	// RetryAfter delays the next attempt. Only for a retryable error.
	RetryAfter time.Duration
	// Err is the error itself.
	Err error

	isImplied bool // Err says nothing about its meaning, and is returned as it is
}

// Final says that the side effect did not and will not happen: every later caller gets this error. Use it for refusals
// that a repeat cannot change, such as a declined card.
func Final(code string, err error) *WorkError {
	return &WorkError{Kind: oncedv1.FailKind_FAIL_KIND_FINAL, Code: code, Err: err}
}

// Retryable says that the side effect did not happen: another attempt may start, after the delay.
func Retryable(err error, after time.Duration) *WorkError {
	return &WorkError{Kind: oncedv1.FailKind_FAIL_KIND_RETRYABLE, Code: "RETRYABLE", RetryAfter: after, Err: err}
}

// Unknown says that nobody knows whether the side effect happened: nobody may start until somebody has resolved it.
func Unknown(err error) *WorkError {
	return &WorkError{Kind: oncedv1.FailKind_FAIL_KIND_UNKNOWN, Code: "UNKNOWN", Err: err}
}

func (e *WorkError) Error() string {
	if e.Message != "" && e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.message()
}

// Unwrap gives the error itself.
func (e *WorkError) Unwrap() error { return e.Err }

func (e *WorkError) message() string {
	if e.Message != "" || e.Err == nil {
		return e.Message
	}
	return e.Err.Error()
}

const (
	errorCodeBytesMax    = 128
	errorMessageBytesMax = 1024
)

func (e *WorkError) intentError() *oncedv1.IntentError {
	return &oncedv1.IntentError{
		Code:        cut(e.Code, errorCodeBytesMax),
		Message:     cut(e.message(), errorMessageBytesMax),
		Detail:      e.Detail,
		ContentType: e.ContentType,
	}
}

// classified finds out what an error of the work means; nil for none.
func (o *runOptions) classified(err error) *WorkError {
	if err == nil {
		return nil
	}
	var known *WorkError
	if errors.As(err, &known) {
		return known
	}
	if o.classify != nil && errors.As(o.classify(err), &known) {
		return known
	}
	return unclassified(err)
}

// unclassified: whoever fails without saying more has most often lost the answer of something it called, and then the
// side effect may have happened. To let the next caller try again would be convenient in all other cases, and charge a
// customer twice in this one.
func unclassified(err error) *WorkError {
	unknown := Unknown(err)
	unknown.isImplied = true
	return unknown
}

// own is the error that the work returned.
func (e *WorkError) own() error {
	if e.isImplied {
		return e.Err
	}
	return e
}

// cut shortens text to a number of bytes without splitting a character, and makes it UTF-8, as protobuf demands.
func cut(text string, bytesMax int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= bytesMax {
		return text
	}
	for bytesMax > 0 && !utf8.RuneStart(text[bytesMax]) {
		bytesMax--
	}
	return text[:bytesMax]
}
