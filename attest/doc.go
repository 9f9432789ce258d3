// Package attest turns a decision into what gets signed: in-toto statements
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/statement.md)
// with predicates that other tools already read. No predicate is our own.
//
// It is pure: a [criteria.Decision] goes in, bytes come out, and the same
// decision always gives the same bytes. It signs nothing, sends nothing and
// verifies nothing: package sign signs, package publish publishes, and package
// verify, which trusts nothing that was made here, verifies. Start with
// [Statements].
//
// Statements are public and stay so: they hold no text of a finding, no path
// of a report on the machine that made it, and of a report only its digest,
// unless the report is an SBOM or a VEX document, which is attested whole or goes
// out with what refers to it ([Statement.Document]). The bytes of each
// kind are a promise, held by the files in testdata: what a released version
// attested, later versions verify.
package attest
