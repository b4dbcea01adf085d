package onced

// Need tells whether a request that an adapter sees must carry a key.
type Need int

const (
	// Never: the request passes as it is.
	Never Need = iota
	// Optional: a request without a key passes as it is.
	Optional
	// Required: a request without a key is refused.
	Required
)

// Verdict says what a response that an adapter sees means for its key.
type Verdict int

const (
	// Store: it is the outcome, replayed from now on.
	Store Verdict = iota
	// Release: nothing was done, and the same key may be tried again.
	Release
	// Hold: nobody knows whether something was done, so nobody may try again until somebody has looked.
	Hold
)
