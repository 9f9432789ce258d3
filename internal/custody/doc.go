// Package custody keeps secrets where they belong: [Enter] makes the process
// one that dumps no memory and hands no secret to the programs it starts,
// [ReadFile] and [ReadStream] read secrets from files that are their owner's
// alone.
//
// What it cannot do: Go copies memory as it likes, and a key that was parsed
// stays in it until the process ends. Memory may be swapped to disk, and root
// reads everything.
package custody
