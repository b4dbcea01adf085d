import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from onced.v1 import record_pb2 as _record_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAIL_KIND_UNSPECIFIED: _ClassVar[FailKind]
    FAIL_KIND_RETRYABLE: _ClassVar[FailKind]
    FAIL_KIND_FINAL: _ClassVar[FailKind]
    FAIL_KIND_UNKNOWN: _ClassVar[FailKind]
FAIL_KIND_UNSPECIFIED: FailKind
FAIL_KIND_RETRYABLE: FailKind
FAIL_KIND_FINAL: FailKind
FAIL_KIND_UNKNOWN: FailKind

class BeginIntentRequest(_message.Message):
    __slots__ = ("namespace", "key", "fingerprints", "attempt_id", "owner", "lease", "ttl", "wait", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    fingerprints: _containers.RepeatedCompositeFieldContainer[_record_pb2.Fingerprint]
    attempt_id: str
    owner: str
    lease: _duration_pb2.Duration
    ttl: _duration_pb2.Duration
    wait: _duration_pb2.Duration
    labels: _containers.ScalarMap[str, str]
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., fingerprints: _Optional[_Iterable[_Union[_record_pb2.Fingerprint, _Mapping]]] = ..., attempt_id: _Optional[str] = ..., owner: _Optional[str] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class BeginIntentResponse(_message.Message):
    __slots__ = ("acquired", "completed", "failed", "in_progress", "retry_later", "orphaned")
    ACQUIRED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    IN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RETRY_LATER_FIELD_NUMBER: _ClassVar[int]
    ORPHANED_FIELD_NUMBER: _ClassVar[int]
    acquired: Acquired
    completed: Completed
    failed: Failed
    in_progress: InProgress
    retry_later: RetryLater
    orphaned: Orphaned
    def __init__(self, acquired: _Optional[_Union[Acquired, _Mapping]] = ..., completed: _Optional[_Union[Completed, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., in_progress: _Optional[_Union[InProgress, _Mapping]] = ..., retry_later: _Optional[_Union[RetryLater, _Mapping]] = ..., orphaned: _Optional[_Union[Orphaned, _Mapping]] = ...) -> None: ...

class Acquired(_message.Message):
    __slots__ = ("lease_token", "fencing_token", "attempt", "lease_expire_time", "lease_remaining", "taken_over", "checkpoint", "last_error", "degraded", "late_retry", "expire_time")
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEASE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    TAKEN_OVER_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    LATE_RETRY_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    lease_token: bytes
    fencing_token: int
    attempt: int
    lease_expire_time: _timestamp_pb2.Timestamp
    lease_remaining: _duration_pb2.Duration
    taken_over: bool
    checkpoint: bytes
    last_error: _record_pb2.IntentError
    degraded: bool
    late_retry: bool
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, lease_token: _Optional[bytes] = ..., fencing_token: _Optional[int] = ..., attempt: _Optional[int] = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., taken_over: bool = ..., checkpoint: _Optional[bytes] = ..., last_error: _Optional[_Union[_record_pb2.IntentError, _Mapping]] = ..., degraded: bool = ..., late_retry: bool = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Completed(_message.Message):
    __slots__ = ("result", "content_type", "content_encoding", "labels", "result_dropped", "attempt", "fencing_token", "create_time", "complete_time", "expire_time", "result_expire_time")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_ENCODING_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    RESULT_DROPPED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    result: bytes
    content_type: str
    content_encoding: str
    labels: _containers.ScalarMap[str, str]
    result_dropped: bool
    attempt: int
    fencing_token: int
    create_time: _timestamp_pb2.Timestamp
    complete_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    result_expire_time: _timestamp_pb2.Timestamp
    def __init__(self, result: _Optional[bytes] = ..., content_type: _Optional[str] = ..., content_encoding: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., result_dropped: bool = ..., attempt: _Optional[int] = ..., fencing_token: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("error", "attempts_exhausted", "attempt", "fencing_token", "create_time", "fail_time", "expire_time")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_EXHAUSTED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FAIL_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    error: _record_pb2.IntentError
    attempts_exhausted: bool
    attempt: int
    fencing_token: int
    create_time: _timestamp_pb2.Timestamp
    fail_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, error: _Optional[_Union[_record_pb2.IntentError, _Mapping]] = ..., attempts_exhausted: bool = ..., attempt: _Optional[int] = ..., fencing_token: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., fail_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class InProgress(_message.Message):
    __slots__ = ("attempt", "owner", "lease_expire_time", "retry_after", "expire_time")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    owner: str
    lease_expire_time: _timestamp_pb2.Timestamp
    retry_after: _duration_pb2.Duration
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, attempt: _Optional[int] = ..., owner: _Optional[str] = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RetryLater(_message.Message):
    __slots__ = ("retry_after", "retry_time", "attempt", "last_error", "expire_time")
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    retry_after: _duration_pb2.Duration
    retry_time: _timestamp_pb2.Timestamp
    attempt: int
    last_error: _record_pb2.IntentError
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempt: _Optional[int] = ..., last_error: _Optional[_Union[_record_pb2.IntentError, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Orphaned(_message.Message):
    __slots__ = ("orphan", "attempt", "owner", "last_error", "retry_after", "expire_time")
    ORPHAN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    orphan: _record_pb2.Orphan
    attempt: int
    owner: str
    last_error: _record_pb2.IntentError
    retry_after: _duration_pb2.Duration
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, orphan: _Optional[_Union[_record_pb2.Orphan, _Mapping]] = ..., attempt: _Optional[int] = ..., owner: _Optional[str] = ..., last_error: _Optional[_Union[_record_pb2.IntentError, _Mapping]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CompleteRequest(_message.Message):
    __slots__ = ("namespace", "key", "lease_token", "result", "content_type", "content_encoding", "labels", "ttl")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_ENCODING_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    lease_token: bytes
    result: bytes
    content_type: str
    content_encoding: str
    labels: _containers.ScalarMap[str, str]
    ttl: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., lease_token: _Optional[bytes] = ..., result: _Optional[bytes] = ..., content_type: _Optional[str] = ..., content_encoding: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CompleteResponse(_message.Message):
    __slots__ = ("record", "already_applied", "journaled")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ALREADY_APPLIED_FIELD_NUMBER: _ClassVar[int]
    JOURNALED_FIELD_NUMBER: _ClassVar[int]
    record: _record_pb2.RecordSummary
    already_applied: bool
    journaled: bool
    def __init__(self, record: _Optional[_Union[_record_pb2.RecordSummary, _Mapping]] = ..., already_applied: bool = ..., journaled: bool = ...) -> None: ...

class FailRequest(_message.Message):
    __slots__ = ("namespace", "key", "lease_token", "error", "kind", "retry_after", "ttl")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    lease_token: bytes
    error: _record_pb2.IntentError
    kind: FailKind
    retry_after: _duration_pb2.Duration
    ttl: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., lease_token: _Optional[bytes] = ..., error: _Optional[_Union[_record_pb2.IntentError, _Mapping]] = ..., kind: _Optional[_Union[FailKind, str]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class FailResponse(_message.Message):
    __slots__ = ("record", "already_applied", "journaled")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ALREADY_APPLIED_FIELD_NUMBER: _ClassVar[int]
    JOURNALED_FIELD_NUMBER: _ClassVar[int]
    record: _record_pb2.RecordSummary
    already_applied: bool
    journaled: bool
    def __init__(self, record: _Optional[_Union[_record_pb2.RecordSummary, _Mapping]] = ..., already_applied: bool = ..., journaled: bool = ...) -> None: ...

class LookupRequest(_message.Message):
    __slots__ = ("namespace", "key", "include_result")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RESULT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    include_result: bool
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., include_result: bool = ...) -> None: ...

class LookupResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: _record_pb2.IntentRecord
    def __init__(self, record: _Optional[_Union[_record_pb2.IntentRecord, _Mapping]] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("namespace", "key", "lease_token", "lease")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    lease_token: bytes
    lease: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., lease_token: _Optional[bytes] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("lease_expire_time", "lease_remaining", "expire_time")
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEASE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    lease_expire_time: _timestamp_pb2.Timestamp
    lease_remaining: _duration_pb2.Duration
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CheckpointRequest(_message.Message):
    __slots__ = ("namespace", "key", "lease_token", "data", "lease")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    lease_token: bytes
    data: bytes
    lease: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., lease_token: _Optional[bytes] = ..., data: _Optional[bytes] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CheckpointResponse(_message.Message):
    __slots__ = ("lease_expire_time", "lease_remaining", "expire_time", "journaled")
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEASE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOURNALED_FIELD_NUMBER: _ClassVar[int]
    lease_expire_time: _timestamp_pb2.Timestamp
    lease_remaining: _duration_pb2.Duration
    expire_time: _timestamp_pb2.Timestamp
    journaled: bool
    def __init__(self, lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., journaled: bool = ...) -> None: ...

class WatchIntentRequest(_message.Message):
    __slots__ = ("namespace", "key")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class WatchIntentResponse(_message.Message):
    __slots__ = ("record", "final")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    record: _record_pb2.IntentRecord
    final: bool
    def __init__(self, record: _Optional[_Union[_record_pb2.IntentRecord, _Mapping]] = ..., final: bool = ...) -> None: ...

class IssueKeysRequest(_message.Message):
    __slots__ = ("namespace", "count", "ttl")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    count: int
    ttl: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., count: _Optional[int] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class IssueKeysResponse(_message.Message):
    __slots__ = ("keys", "expire_time")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[str]
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, keys: _Optional[_Iterable[str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ClaimOrphansRequest(_message.Message):
    __slots__ = ("namespace", "limit", "lease", "owner")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    limit: int
    lease: _duration_pb2.Duration
    owner: str
    def __init__(self, namespace: _Optional[str] = ..., limit: _Optional[int] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., owner: _Optional[str] = ...) -> None: ...

class ClaimOrphansResponse(_message.Message):
    __slots__ = ("orphans",)
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    orphans: _containers.RepeatedCompositeFieldContainer[ClaimedOrphan]
    def __init__(self, orphans: _Optional[_Iterable[_Union[ClaimedOrphan, _Mapping]]] = ...) -> None: ...

class ClaimedOrphan(_message.Message):
    __slots__ = ("record", "acquired")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ACQUIRED_FIELD_NUMBER: _ClassVar[int]
    record: _record_pb2.IntentRecord
    acquired: Acquired
    def __init__(self, record: _Optional[_Union[_record_pb2.IntentRecord, _Mapping]] = ..., acquired: _Optional[_Union[Acquired, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "capabilities", "store", "tier", "acknowledged", "server_time", "request_bytes_max", "session_in_flight_max")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    SESSION_IN_FLIGHT_MAX_FIELD_NUMBER: _ClassVar[int]
    version: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    store: str
    tier: str
    acknowledged: str
    server_time: _timestamp_pb2.Timestamp
    request_bytes_max: int
    session_in_flight_max: int
    def __init__(self, version: _Optional[str] = ..., capabilities: _Optional[_Iterable[str]] = ..., store: _Optional[str] = ..., tier: _Optional[str] = ..., acknowledged: _Optional[str] = ..., server_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., request_bytes_max: _Optional[int] = ..., session_in_flight_max: _Optional[int] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("id", "begin_intent", "complete", "fail", "renew", "checkpoint", "lookup", "timeout_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    BEGIN_INTENT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    RENEW_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOOKUP_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    begin_intent: BeginIntentRequest
    complete: CompleteRequest
    fail: FailRequest
    renew: RenewRequest
    checkpoint: CheckpointRequest
    lookup: LookupRequest
    timeout_ms: int
    def __init__(self, id: _Optional[int] = ..., begin_intent: _Optional[_Union[BeginIntentRequest, _Mapping]] = ..., complete: _Optional[_Union[CompleteRequest, _Mapping]] = ..., fail: _Optional[_Union[FailRequest, _Mapping]] = ..., renew: _Optional[_Union[RenewRequest, _Mapping]] = ..., checkpoint: _Optional[_Union[CheckpointRequest, _Mapping]] = ..., lookup: _Optional[_Union[LookupRequest, _Mapping]] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ("operations",)
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[Operation]
    def __init__(self, operations: _Optional[_Iterable[_Union[Operation, _Mapping]]] = ...) -> None: ...

class OperationResult(_message.Message):
    __slots__ = ("id", "begin_intent", "complete", "fail", "renew", "checkpoint", "lookup", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    BEGIN_INTENT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    RENEW_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOOKUP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: int
    begin_intent: BeginIntentResponse
    complete: CompleteResponse
    fail: FailResponse
    renew: RenewResponse
    checkpoint: CheckpointResponse
    lookup: LookupResponse
    error: _status_pb2.Status
    def __init__(self, id: _Optional[int] = ..., begin_intent: _Optional[_Union[BeginIntentResponse, _Mapping]] = ..., complete: _Optional[_Union[CompleteResponse, _Mapping]] = ..., fail: _Optional[_Union[FailResponse, _Mapping]] = ..., renew: _Optional[_Union[RenewResponse, _Mapping]] = ..., checkpoint: _Optional[_Union[CheckpointResponse, _Mapping]] = ..., lookup: _Optional[_Union[LookupResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[OperationResult]
    def __init__(self, results: _Optional[_Iterable[_Union[OperationResult, _Mapping]]] = ...) -> None: ...
