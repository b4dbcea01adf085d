"""What the HTTP adapters have in common: Idempotency-Key by the IETF draft, stored as every language's adapter stores it."""
