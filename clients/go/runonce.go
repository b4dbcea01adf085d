package onced

import (
	"context"
	"fmt"
)

// RunOnce runs work unless key was done before, and returns the stored result if it was.
//
// request is what the key stands for; the same key with another request is refused with ErrKeyReused. Its fingerprint is
// that of its JSON, of its bytes for []byte, of its protobuf JSON for a message; nil for no check. Results are stored as
// JSON, bytes or protobuf, by their type, unless WithCodec says otherwise.
//
// An error of the work decides over the key: see Final, Retryable and Unknown. Any other error counts as Unknown, which
// holds the key, unless WithClassify translates it.
//
// The end of ctx ends the waiting for somebody else. Work that has begun is finished and recorded all the same.
//
// When the work does not run, or its outcome could not be recorded, the error is one of *FailedError, *InProgressError,
// *RetryLaterError, *OrphanedError, *ResultDroppedError, *NotRecordedError, *FingerprintError, *Error, or that of ctx.
func RunOnce[T any](
	ctx context.Context, client *Client, namespace, key string, request any,
	work func(ctx context.Context, attempt *Attempt) (T, error), options ...RunOption,
) (T, error) {
	var value T
	o := client.runOptions(options)
	codec, err := codecOf[T](o.codec)
	if err != nil {
		return value, err
	}
	fingerprint, err := requestFingerprint(request, o.exclude)
	if err != nil {
		return value, err
	}
	if fingerprint != nil {
		options = append(options[:len(options):len(options)], WithFingerprints(fingerprint))
	}
	encoded := func(ctx context.Context, attempt *Attempt) (*Result, error) {
		var err error
		if value, err = work(ctx, attempt); err != nil {
			return nil, err
		}
		result, err := codec.Encode(value)
		if err != nil {
			refused := *errOutcomeRefused // the work was done, so it must not be repeated
			refused.Err = fmt.Errorf("onced: the result cannot be stored: %w", err)
			return nil, &refused
		}
		return result, nil
	}
	result, err := client.Do(ctx, namespace, key, encoded, options...)
	if err != nil {
		return value, err
	}
	return codec.Decode(result) // also after the work ran now, so that its caller and later ones get the same
}
