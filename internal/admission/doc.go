// Package admission answers a Kubernetes API server that asks whether a workload
// may run: AdmissionReview in, images out of it, each image's digest verified
// under every policy that matches, AdmissionReview out.
//
// A request passes through once. [Server.ServeHTTP] reads it, decode says what
// it asks, images finds every image in the object, decide asks the policies, and
// what they say becomes the response. Verification is package verify's, asked
// through package answer as the commands ask it.
//
// Whatever cannot be read, is not known, or is not answered in time is denied
// with the reason. Nothing here keeps a yes for longer than what it rests on
// lasts, and nothing is asked of a network while a yes is kept.
package admission
