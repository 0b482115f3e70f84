// Package recording is a file of snapshots without names, and what detections would
// have found in them.
//
//	line.go    what a line has
//	write.go   a file that lines are appended to
//	record.go  each refresh of a source becomes a line
//	read.go    lines of a file, strictly
//	replay.go  lines become what would have fired and resolved
package recording
