package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

const (
	maxNodes = 100_000 // values in a document, aliases written out
	maxDepth = 50      // the deepest valid key is at 7
)

const minimal = `sources: [{name: intersight, api: intersight, url: "https://intersight.com", api_key: {id: KEY_ID, secret_key_file: intersight.pem}}]`

// document parses the only YAML document of a file, and makes sure that
// walking it, aliases included, is cheap.
func (d *decoder) document(data []byte) (value, bool) {
	if len(data) > maxBytes {
		d.fail(0, "", "is larger than %d KiB, the limit for a configuration", maxBytes>>10)
		return value{}, false
	}
	if line, problem := notText(data); problem != "" {
		d.fail(line, "", "%s", problem)
		return value{}, false
	}
	docs, err := readDocuments(data)
	if err != nil {
		d.syntax(data, err)
		return value{}, false
	}
	if len(docs) == 0 || isNull(docs[0].Content[0]) && len(docs) == 1 {
		d.fail(0, "", "is empty; a minimal file is: %s", minimal)
		return value{}, false
	}
	if len(docs) > 1 {
		d.fail(docs[1].Line, "", "a second YAML document begins here; only one is allowed: remove the --- line")
		return value{}, false
	}
	root := docs[0].Content[0]
	m := measure{extents: make(map[*yaml.Node]extent)}
	m.extent(root)
	if m.problem != "" {
		d.fail(m.line, "", "%s", m.problem)
		return value{}, false
	}
	return value{node: root, line: root.Line}, true
}

// notText finds the first thing that no text file holds, as the YAML parser
// does not say where it is.
func notText(data []byte) (line int, problem string) {
	line = 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, "holds bytes that are not UTF-8; save the file as UTF-8 text"
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r':
			return line, "holds a control character; save the file as UTF-8 text"
		}
		i += n
	}
	return 0, ""
}

// readDocuments returns the first two documents.
func readDocuments(data []byte) (docs []*yaml.Node, err error) {
	// The parser reports its own broken assumptions by panicking.
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("it confuses the YAML parser")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(docs) < 2 {
		n := new(yaml.Node)
		switch err := dec.Decode(n); {
		case err == io.EOF:
			return docs, nil
		case err != nil:
			return nil, err
		case n.Kind != yaml.DocumentNode || len(n.Content) != 1:
			return nil, errors.New("it holds no document")
		}
		docs = append(docs, n)
	}
	return docs, nil
}

// syntax reports what the YAML parser says, which quotes the file only where
// an alias has no anchor, and that might be a secret that begins with "*".
func (d *decoder) syntax(data []byte, err error) {
	msg, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if n, tail, ok := strings.Cut(rest, ": "); ok {
			line, _ = strconv.Atoi(n)
			msg = tail
		}
	}
	switch {
	case strings.HasPrefix(msg, "unknown anchor"):
		if _, name, ok := strings.Cut(msg, "'"); ok {
			name, _, _ = strings.Cut(name, "'")
			before, _, _ := bytes.Cut(data, []byte("*"+name))
			line = 1 + bytes.Count(before, []byte("\n"))
		}
		msg = "an alias (*name) has no anchor (&name) before it; if it is a text that begins with *, quote it"
	case strings.Contains(msg, "cannot start any token"):
		msg += "; indent with blanks, not tabs, and quote texts that begin with one of @ ` %"
	case strings.Contains(msg, "mapping values are not allowed"):
		msg += "; quote texts that hold a colon and a blank, and check the indentation"
	case strings.Contains(msg, "did not find expected") || strings.Contains(msg, "could not find expected"):
		msg += "; look for wrong indentation, or an open quote or bracket, from here on"
		if bytes.Count(data, []byte("\n")) > line && strings.HasPrefix(msg, "did") {
			line++ // the parser counts the lines of what it was in from 0
		}
	case strings.Contains(msg, "unexpected end of stream"):
		msg += "; a quote or bracket that opens here is not closed"
	}
	d.fail(line, "", "is not valid YAML: %s", msg)
}

// measure finds how large and how deep a tree is with aliases written out,
// looking at each node once.
type measure struct {
	extents map[*yaml.Node]extent // zero: being measured
	line    int
	problem string
}

type extent struct{ size, height int }

func (m *measure) extent(n *yaml.Node) extent {
	e, seen := m.extents[n]
	if seen && e.size == 0 {
		m.fail(n, "an anchor (&name) holds an alias of itself")
	}
	if seen || m.problem != "" {
		return e
	}
	m.extents[n] = e
	children := n.Content
	if n.Alias != nil {
		children = []*yaml.Node{n.Alias}
	}
	for _, c := range children {
		below := m.extent(c)
		e.size = min(e.size+below.size, maxNodes)
		e.height = max(e.height, below.height)
	}
	e.size++
	e.height++
	switch {
	case e.size > maxNodes:
		m.fail(n, "has more than %d values with aliases expanded, the limit for a configuration", maxNodes)
	case e.height > maxDepth:
		m.fail(n, "is nested more than %d levels deep, the limit for a configuration", maxDepth)
	}
	m.extents[n] = e
	return e
}

func (m *measure) fail(n *yaml.Node, format string, args ...any) {
	if m.problem == "" {
		m.line, m.problem = n.Line, fmt.Sprintf(format, args...)
	}
}
