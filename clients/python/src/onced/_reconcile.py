"""Orphans: keys of which nobody knows whether their side effect happened."""

from __future__ import annotations

from dataclasses import dataclass

from onced._claim import Won
from onced._core import duration_of
from onced._run import check_text
from onced.options import RunOptions
from onced.v1 import idempotency_pb2 as pb


@dataclass(frozen=True)
class Reconciled:
    """What one round of reconcile did."""

    claimed: int
    completed: int
    """Now completed."""


def claim_request(namespace: str, limit: int, run: RunOptions) -> pb.ClaimOrphansRequest:
    check_text("namespace", namespace)
    request = pb.ClaimOrphansRequest(namespace=namespace, limit=limit, owner=run.get("owner", ""))
    if "lease_seconds" in run:
        request.lease.CopyFrom(duration_of(run["lease_seconds"]))
    return request


def won_orphan(orphan: pb.ClaimedOrphan, asked: pb.ClaimOrphansRequest, sent_at: float) -> Won:
    summary = orphan.record.summary
    request = pb.BeginIntentRequest(namespace=summary.namespace, key=summary.key)
    if asked.HasField("lease"):
        request.lease.CopyFrom(asked.lease)
    return Won(request, orphan.acquired, sent_at)
