// Package cold measures what a consumer's first verification costs from the
// start of the process to its end. It holds benchmarks only.
package cold
