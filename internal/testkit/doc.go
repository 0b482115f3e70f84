// Package testkit is what the tests of several packages share: clocks, addresses,
// buffers, servers, an exposition to look into. Only tests may import it.
package testkit
