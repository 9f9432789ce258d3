// Package source finds bundles for package verify: in files and directories,
// OCI image layouts and registries. It verifies nothing, and trusts nothing it
// finds: a source can hide a bundle, and it can add one, and neither makes a
// yes of a no.
//
// Each source finds or says why it could not look: what cannot be read is never
// the same as nothing there.
package source
