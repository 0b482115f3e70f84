// Package wire writes answers as the simulated APIs send them: JSON member by
// member, in any order and with any text, and dates of a simulated clock.
package wire
