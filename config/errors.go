package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// maxErrors bounds how many mistakes one file is told about.
const maxErrors = 200

// Error is one mistake, or one warning. It never holds a secret.
type Error struct {
	File    string
	Line    int    // from 1; 0 where it concerns the whole file
	Key     string // path of the key, such as sources[0].api; "" where there is none
	Message string // what is wrong; what is allowed or how to fix it
}

// Error returns "file:line: key: message", without what does not apply.
func (e Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Message
}

// Errors lists mistakes by line.
type Errors []Error

// Error returns one line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// asError keeps an empty list from becoming a non-nil error.
func (es Errors) asError() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	es = slices.Compact(es) // an alias used twice repeats the mistakes in it
	if len(es) > maxErrors {
		last := es[maxErrors-1]
		es = append(es[:maxErrors:maxErrors], Error{File: last.File, Line: last.Line,
			Message: fmt.Sprintf("there are more than %d mistakes; the rest is left out", maxErrors)})
	}
	return es
}

// cause is an I/O error's text without the operation and the path, which the
// caller names in its own words.
func cause(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
