// Package advisory answers which known vulnerabilities the components of a bill
// of materials have, from records of the OSV schema
// (https://ossf.github.io/osv-schema/) that somebody downloaded before.
//
// [Builder] reads records and writes an index, a file that holds what matching
// needs and nothing else. [Open] opens one, and [Index.Match] looks components
// up in it. Nothing here asks a network.
//
// What cannot be decided is said: a component without a package URL, of an
// ecosystem that the index does not hold, or with a version that has no place in
// the ecosystem's order is undecided and never clean.
package advisory
