// Package commands is what commands do that serve nothing: each writes to what it is
// given, and returns whether, or why, it failed.
//
//	check.go       checks configuration files
//	detections.go  explains the detections, with their settings
//	pseudonym.go   makes pseudonyms of names, to search alerts for
//	record.go      writes snapshots without names
//	replay.go      says what detections would have found in them
package commands
