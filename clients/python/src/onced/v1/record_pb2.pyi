import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IntentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTENT_STATE_UNSPECIFIED: _ClassVar[IntentState]
    INTENT_STATE_IN_PROGRESS: _ClassVar[IntentState]
    INTENT_STATE_COMPLETED: _ClassVar[IntentState]
    INTENT_STATE_FAILED: _ClassVar[IntentState]
    INTENT_STATE_RELEASED: _ClassVar[IntentState]
    INTENT_STATE_UNKNOWN: _ClassVar[IntentState]
    INTENT_STATE_ORPHANED: _ClassVar[IntentState]

class OrphanCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORPHAN_CAUSE_UNSPECIFIED: _ClassVar[OrphanCause]
    ORPHAN_CAUSE_LEASE_EXPIRED: _ClassVar[OrphanCause]
    ORPHAN_CAUSE_HOLDER_UNKNOWN: _ClassVar[OrphanCause]
INTENT_STATE_UNSPECIFIED: IntentState
INTENT_STATE_IN_PROGRESS: IntentState
INTENT_STATE_COMPLETED: IntentState
INTENT_STATE_FAILED: IntentState
INTENT_STATE_RELEASED: IntentState
INTENT_STATE_UNKNOWN: IntentState
INTENT_STATE_ORPHANED: IntentState
ORPHAN_CAUSE_UNSPECIFIED: OrphanCause
ORPHAN_CAUSE_LEASE_EXPIRED: OrphanCause
ORPHAN_CAUSE_HOLDER_UNKNOWN: OrphanCause

class Fingerprint(_message.Message):
    __slots__ = ("scheme", "digest")
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    scheme: str
    digest: bytes
    def __init__(self, scheme: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class IntentError(_message.Message):
    __slots__ = ("code", "message", "detail", "content_type")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    detail: bytes
    content_type: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., detail: _Optional[bytes] = ..., content_type: _Optional[str] = ...) -> None: ...

class RecordSummary(_message.Message):
    __slots__ = ("namespace", "key", "state", "attempt", "fencing_token", "create_time", "update_time", "settle_time", "expire_time", "result_expire_time")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SETTLE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    state: IntentState
    attempt: int
    fencing_token: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    settle_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    result_expire_time: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., state: _Optional[_Union[IntentState, str]] = ..., attempt: _Optional[int] = ..., fencing_token: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settle_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IntentRecord(_message.Message):
    __slots__ = ("summary", "fingerprints", "labels", "owner", "lease_expire_time", "lease_remaining", "orphan", "checkpoint", "result", "result_bytes", "result_dropped", "content_type", "content_encoding", "outcome_labels", "error", "retry_time", "revision")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class OutcomeLabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEASE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    ORPHAN_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    RESULT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESULT_DROPPED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_ENCODING_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_LABELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    summary: RecordSummary
    fingerprints: _containers.RepeatedCompositeFieldContainer[Fingerprint]
    labels: _containers.ScalarMap[str, str]
    owner: str
    lease_expire_time: _timestamp_pb2.Timestamp
    lease_remaining: _duration_pb2.Duration
    orphan: Orphan
    checkpoint: bytes
    result: bytes
    result_bytes: int
    result_dropped: bool
    content_type: str
    content_encoding: str
    outcome_labels: _containers.ScalarMap[str, str]
    error: IntentError
    retry_time: _timestamp_pb2.Timestamp
    revision: int
    def __init__(self, summary: _Optional[_Union[RecordSummary, _Mapping]] = ..., fingerprints: _Optional[_Iterable[_Union[Fingerprint, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., owner: _Optional[str] = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., orphan: _Optional[_Union[Orphan, _Mapping]] = ..., checkpoint: _Optional[bytes] = ..., result: _Optional[bytes] = ..., result_bytes: _Optional[int] = ..., result_dropped: bool = ..., content_type: _Optional[str] = ..., content_encoding: _Optional[str] = ..., outcome_labels: _Optional[_Mapping[str, str]] = ..., error: _Optional[_Union[IntentError, _Mapping]] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class Orphan(_message.Message):
    __slots__ = ("orphan_time", "cause")
    ORPHAN_TIME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    orphan_time: _timestamp_pb2.Timestamp
    cause: OrphanCause
    def __init__(self, orphan_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[_Union[OrphanCause, str]] = ...) -> None: ...
