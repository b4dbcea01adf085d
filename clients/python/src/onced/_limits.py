"""Limits of this client, in one place. Seconds, unless the name says otherwise."""

BEGIN_TIMEOUT = 2.0  # all tries of BeginIntent, beside the wait that was asked for
LOOK_TIMEOUT = 1.0  # all tries of Lookup and GetServerInfo
SETTLE_TIMEOUT = 5.0  # all tries of one call of any other kind; run_once goes on after that
SETTLE_FOR = 24 * 60 * 60.0  # until run_once gives up to record an outcome: as long as an attempt can hold a key
RUN_WAIT = 60.0  # for the outcome of somebody else
BEGIN_FOR = 60.0  # for a server that does not answer
LEAVE_FOR = 5.0  # to record that work was interrupted, before the interrupt goes on

TRIES_MAX = 4  # of one call
BACKOFF_BASE = 0.05  # longest pause before the second try; doubles with each
BACKOFF_MAX = 1.0  # longest pause between two tries
SETTLE_BACKOFF_MAX = 5.0  # the same, between two calls that record an outcome
BUDGET_TOKENS = 10.0  # a failed try takes one, a good one gives back a tenth: no repeats below half
BUDGET_REFILL = 0.1

WAIT_SLICE_MAX = 10.0  # longest wait asked of the server at once, below usual proxy limits
ASK_AGAIN_MAX = 1.0  # longest pause while somebody else is at it, whose outcome may come early
ASK_AGAIN_MIN = 0.01

RENEWALS_PER_LEASE = 3  # so that two renewals may fail before the work has to stop
RETRIES_PER_LEASE = 12  # after a failed renewal try again sooner
MARGIN_PER_LEASE = 1 / 6  # left when the work is told to stop, and the time that one renewal may take
RENEW_TIMEOUT_MIN = 0.05  # one try of a renewal, however short the lease
RENEW_PAUSE_MIN = 0.02  # between renewals, of a server that gives no more time

CONNECT_MS = 5_000  # one attempt to connect
RECONNECT_MS_MIN = 100
RECONNECT_MS_MAX = 2_000  # gRPC's own default reaches two minutes, for which every call would fail
KEEPALIVE_MS = 20_000  # silence in a call before the connection is probed
KEEPALIVE_TIMEOUT_MS = 5_000
RECEIVE_BYTES_MAX = 16 * 1024 * 1024

CODE_BYTES_MAX = 128  # of an error's code and message; what is longer is cut, since to refuse it would lose the outcome
MESSAGE_BYTES_MAX = 1024
