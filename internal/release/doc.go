// Package release has the tests of what `make release` makes. They need its tools,
// and minutes: they are built with the tag "release".
package release
