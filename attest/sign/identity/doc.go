// Package identity obtains the OIDC identity tokens with which Fulcio issues
// certificates: from the CI that a job runs in, from a file or variable, from a
// workload API, or from a person who logs in.
//
// It decides where a token comes from, and whether it is worth sending. It
// verifies no signature of a token that it was given: that is Fulcio's to judge.
// It never falls from one identity to another: a source that is there and gives
// no token is an error.
//
// A token lets whoever holds it sign in somebody's name until it expires. None
// is ever part of an error or of anything printed.
//
// Start with [Choose].
package identity
