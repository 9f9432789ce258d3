// Package trustroot keeps what TUF repositories distribute
// (https://theupdateframework.github.io/specification/v1.0.33/): trusted roots,
// by which signatures are verified, and signing configurations. It keeps a
// repository's files on disk, so that whoever verifies needs the network once a
// day at most, and not at all if told so.
//
// What is kept is believed no further than the repository's own signatures and
// dates reach: it is verified anew each time it is read.
package trustroot
