// Package commands is what the commands do that are about alerting: each writes to
// what it is given, and returns why it failed.
//
//	detections.go  explains the detections, with their settings
//	pseudonym.go   makes pseudonyms of names, to search alerts for
//	record.go      writes snapshots without names
//	replay.go      says what detections would have found in them
package commands
