//go:build !unix

package releasefile_test

import "time"

var started = time.Now()

// cpuTime is the time that went by: elsewhere, what this process used is not to
// be had so simply.
func cpuTime() time.Duration { return time.Since(started) }
