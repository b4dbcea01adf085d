package onced

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Codec writes results of type T to be stored, and reads them back for a replay.
type Codec[T any] interface {
	Encode(value T) (*Result, error)
	Decode(result *Result) (T, error)
}

// defaultCodec stores []byte as it is, protobuf messages in binary, and all else as JSON.
type defaultCodec[T any] struct{}

func (defaultCodec[T]) Encode(value T) (*Result, error) {
	switch value := any(value).(type) {
	case []byte:
		return &Result{Data: value, ContentType: "application/octet-stream"}, nil
	case proto.Message:
		data, err := proto.Marshal(value)
		return &Result{Data: data, ContentType: "application/protobuf"}, err
	default:
		data, err := json.Marshal(value)
		return &Result{Data: data, ContentType: "application/json"}, err
	}
}

func (defaultCodec[T]) Decode(result *Result) (value T, err error) {
	switch target := any(&value).(type) {
	case *[]byte:
		*target = result.Data
		return value, nil
	default:
		if message, ok := any(value).(proto.Message); ok {
			fresh := message.ProtoReflect().Type().New().Interface()
			err = proto.Unmarshal(result.Data, fresh)
			return fresh.(T), err
		}
		if len(result.Data) == 0 {
			return value, nil // stored by a language that has results without a value
		}
		return value, json.Unmarshal(result.Data, &value)
	}
}

// requestFingerprint makes the fingerprint of what was given to RunOnce as the request; nil for nil.
func requestFingerprint(request any, exclude []string) (*Fingerprint, error) {
	switch request := request.(type) {
	case nil:
		return nil, nil
	case *Fingerprint:
		return request, nil
	case []byte:
		return FingerprintBytes(request), nil
	case json.RawMessage:
		return FingerprintJSONText(request, exclude...)
	case proto.Message:
		// Protobuf's own JSON, since the binary form is not the same in every language and release.
		text, err := protojson.Marshal(request)
		if err != nil {
			return nil, refuse(UnsupportedType, "%v", err)
		}
		return FingerprintJSONText(text, exclude...)
	default:
		return FingerprintJSON(request, exclude...)
	}
}

func codecOf[T any](chosen any) (Codec[T], error) {
	if chosen == nil {
		return defaultCodec[T]{}, nil
	}
	if codec, ok := chosen.(Codec[T]); ok {
		return codec, nil
	}
	return nil, fmt.Errorf("onced: WithCodec was given a %T, which is not for results of type %T", chosen, *new(T))
}
