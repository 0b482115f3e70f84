// Package testkit is what tests of several packages share. Nothing but tests may
// import it.
package testkit
