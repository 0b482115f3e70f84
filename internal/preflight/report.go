package preflight

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// state is how a line fares, from best to worst.
type state int

const (
	unknown state = iota // for want of something above it
	good
	doubtful
	failed
)

func (s state) String() string { return [...]string{"-", "ok", "warning", "failed"}[s] }

// line is the answer to a question.
type line struct {
	name   string
	state  state
	text   string
	remedy string // what to do; "": nothing
}

// block is all that is said of a source.
type block struct {
	title string
	lines []line
}

func (b *block) worst() (w state) {
	for _, l := range b.lines {
		w = max(w, l.state)
	}
	return w
}

// print writes the block in columns.
func (b *block) print(w io.Writer) {
	width := 0
	for _, l := range b.lines {
		width = max(width, utf8.RuneCountInString(l.name))
	}
	fmt.Fprintln(w, plain(b.title))
	last := ""
	for _, l := range b.lines {
		name := l.name
		if name == last {
			name = ""
		}
		last = l.name
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-*s  %-7s  %s", width, plain(name), l.state, plain(l.text)), " "))
		if l.remedy != "" {
			fmt.Fprintf(w, "  %-*s  %-7s  → %s\n", width, "", "", plain(l.remedy))
		}
	}
}

// plain leaves nothing in a text that a terminal would obey: names come from servers.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s)
}

// summary counts what was tried.
type summary struct {
	kinds  []string
	all    map[string]int
	failed int
	doubts int
}

func (s *summary) add(kind string, worst state) {
	if s.all == nil {
		s.all = map[string]int{}
	}
	if s.all[kind]++; s.all[kind] == 1 {
		s.kinds = append(s.kinds, kind)
	}
	switch worst {
	case failed:
		s.failed++
	case doubtful:
		s.doubts++
	}
}

func (s *summary) String() string {
	var asked []string
	for _, kind := range s.kinds {
		asked = append(asked, count(s.all[kind], kind))
	}
	return fmt.Sprintf("asked %s: %d failed, %d with warnings", strings.Join(asked, " and "), s.failed, s.doubts)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
