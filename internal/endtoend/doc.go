// Package endtoend holds the tests of the whole: sources that scrape the
// simulated APIs over real HTTP, a collector that counts, and the world's truth
// to compare with.
package endtoend
