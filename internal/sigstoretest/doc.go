// Package sigstoretest is a Sigstore of one's own for tests: a certificate
// authority, a certificate log, transparency logs that answer as Rekor v1 and v2
// do, and a timestamp authority, at a time that the test chooses. It asks no
// network and checks nothing: a test can have it witness what no honest service
// would, and so make every bundle that a verifier must refuse.
//
// Only tests import it, and what makes something to be measured.
package sigstoretest
