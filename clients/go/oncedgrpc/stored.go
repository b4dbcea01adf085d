package oncedgrpc

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	onced "github.com/onced/onced/clients/go"
)

// Responses are stored as their bytes, a failed call's status as the bytes of google.rpc.Status.
const (
	responseType = "application/grpc+proto"
	statusType   = "application/protobuf; proto=google.rpc.Status"
)

func storedResponse(message proto.Message) (*onced.Result, error) {
	data, err := proto.Marshal(message)
	if err != nil {
		return nil, onced.Unknown(err)
	}
	return &onced.Result{Data: data, ContentType: responseType}, nil
}

// restoredResponse is a message that is marshalled to exactly the stored bytes: all of them are unknown fields. Reading and
// writing them again would order maps anew. The first caller gets it too.
func restoredResponse(fullMethod string, result *onced.Result) (any, error) {
	if result.ContentType != responseType {
		return nil, status.Errorf(codes.Internal, "the outcome of this key is %q, not a response", result.ContentType)
	}
	message := newResponse(fullMethod)
	message.SetUnknown(result.Data)
	return message.Interface(), nil
}

// newResponse is an empty response of the method, for interceptors that look at its type.
func newResponse(fullMethod string) protoreflect.Message {
	name := strings.ReplaceAll(strings.TrimPrefix(fullMethod, "/"), "/", ".")
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if method, ok := descriptor.(protoreflect.MethodDescriptor); err == nil && ok {
		if response, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName()); err == nil {
			return response.New()
		}
	}
	return (&emptypb.Empty{}).ProtoReflect()
}

// storedStatus is an outcome. Details beyond the server's limit are left out, for the first caller too.
func storedStatus(answer *status.Status) error {
	whole := answer.Proto()
	detail, err := proto.Marshal(whole)
	if err == nil && len(detail) > detailBytesMax {
		detail, err = proto.Marshal(&spb.Status{Code: whole.GetCode(), Message: cut(whole.GetMessage())})
	}
	if err != nil {
		return onced.Unknown(err)
	}
	failure := onced.Final(answer.Code().String(), answer.Err())
	failure.Message, failure.Detail, failure.ContentType = answer.Message(), detail, statusType
	return failure
}

func restoredStatus(failed *onced.FailedError) error {
	if failed.AttemptsExhausted {
		return refusal(failed)
	}
	var stored spb.Status
	if failed.ContentType != statusType || proto.Unmarshal(failed.Detail, &stored) != nil {
		return status.Error(codes.FailedPrecondition, "this key failed for good: "+failed.Message)
	}
	return status.FromProto(&stored).Err()
}

// fingerprint covers the method and the request as protobuf's own JSON, since its binary form is not the same in every
// language and release.
func fingerprint(fullMethod string, request proto.Message, exclude []string) (*onced.Fingerprint, error) {
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	pointers := make([]string, len(exclude))
	for i, pointer := range exclude {
		pointers[i] = "/request" + pointer
	}
	envelope := fmt.Sprintf(`{"method":%q,"request":%s}`, fullMethod, text)
	return onced.FingerprintJSONText([]byte(envelope), pointers...)
}

func retryDelay(answer *status.Status) time.Duration {
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func cut(text string) string {
	if len(text) <= labelBytesMax {
		return text
	}
	return strings.ToValidUTF8(text[:labelBytesMax], "")
}
