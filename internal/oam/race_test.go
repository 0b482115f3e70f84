//go:build race

package oam

const raceEnabled = true
