package oam

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	errDocType = errors.New("the answer is HTML, or XML with a document type")
	errXMLRoot = errors.New("the answer is XML, but not a SessionResults")
	errXMLEnd  = errors.New("the answer is XML that ends in the middle")

	errXML = errors.New("not well-formed")
)

// xmlCharset returns the charset that an XML declaration names, if there is one and
// its text is readable as ASCII.
func xmlCharset(body []byte) string {
	body = bytes.TrimLeft(body, " \t\r\n")
	if !bytes.HasPrefix(body, []byte("<?xml")) {
		return ""
	}
	declaration, _, _ := bytes.Cut(body[:min(len(body), 200)], []byte("?>"))
	_, rest, _ := bytes.Cut(declaration, []byte("encoding"))
	rest = bytes.TrimLeft(rest, " \t\r\n=")
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	name, _, _ := bytes.Cut(rest[1:], rest[:1])
	return string(name)
}

// walkXML passes what is in a SessionResults element to a builder. Namespaces,
// attributes, comments and instructions are passed over. A document type is
// refused, and with it every entity of its own. encoding/xml is not used because it
// refuses characters that XML forbids, and allocates up to 100 MiB for an answer of
// 2 MiB: it keeps attributes without a limit.
func walkXML(body []byte, b *builder) error {
	w := xmlWalk{rest: body, b: b}
	for len(w.rest) > 0 {
		if err := w.step(); err == errXML {
			return fmt.Errorf("the answer is not valid XML near byte %d", len(body)-len(w.rest))
		} else if err != nil {
			return err
		}
	}
	if !w.rooted || len(w.open) > 0 {
		return errXMLEnd
	}
	return nil
}

type xmlWalk struct {
	rest   []byte
	b      *builder
	open   [][]byte // names of the elements that are open
	begins []int    // in buf, of the texts of those that somebody needs; the others are inside
	buf    []byte
	rooted bool
}

// step takes a text, a tag, or what else is in angle brackets.
func (w *xmlWalk) step() error {
	switch {
	case w.rest[0] != '<':
		end := bytes.IndexByte(w.rest, '<')
		if end < 0 {
			end = len(w.rest)
		}
		err := w.text(w.rest[:end], true)
		w.rest = w.rest[end:]
		return err
	case w.prefix("<!--"):
		_, err := w.until("-->")
		return err
	case w.prefix("<![CDATA["):
		text, err := w.until("]]>")
		if err != nil {
			return err
		}
		return w.text(text, false)
	case w.prefix("<!"):
		return errDocType
	case w.prefix("<?"):
		_, err := w.until("?>")
		return err
	case w.prefix("</"):
		return w.end()
	}
	w.rest = w.rest[1:]
	return w.start()
}

// prefix takes what the rest begins with, if it does.
func (w *xmlWalk) prefix(s string) bool {
	rest, ok := bytes.CutPrefix(w.rest, []byte(s))
	w.rest = rest
	return ok
}

// until takes all up to an end, and the end.
func (w *xmlWalk) until(end string) ([]byte, error) {
	taken, rest, ok := bytes.Cut(w.rest, []byte(end))
	if !ok {
		return nil, errXMLEnd
	}
	w.rest = rest
	return taken, nil
}

// text adds to the text of the element that is open.
func (w *xmlWalk) text(text []byte, escaped bool) error {
	switch {
	case len(w.open) == 0:
		if len(bytes.TrimLeftFunc(text, func(r rune) bool { return r <= ' ' })) > 0 {
			return errXMLRoot
		}
		return nil
	case w.skipping() || !w.b.reads():
		return nil
	}
	var ok bool
	if w.buf, ok = appendXML(w.buf, text, escaped); !ok {
		return errXML
	}
	return nil
}

// skipping reports whether nobody needs the element that is open.
func (w *xmlWalk) skipping() bool { return len(w.open) > len(w.begins) }

// start takes a start tag, or one without content.
func (w *xmlWalk) start() error {
	name, err := w.name()
	if err != nil {
		return err
	}
	empty, err := w.attributes()
	if err != nil {
		return err
	}
	if len(w.open) >= maxNesting {
		return errDeep
	}
	needed := true
	switch {
	case w.skipping():
		needed = false
	case len(w.open) > 0:
		var k key
		if k, needed = w.b.want(local(name)); needed {
			err = w.b.enter(k)
		}
	case w.rooted || !strings.EqualFold(string(local(name)), "SessionResults"):
		err = errXMLRoot
	}
	if err != nil {
		return err
	}
	w.rooted, w.open = true, append(w.open, name)
	if needed {
		w.begins = append(w.begins, len(w.buf))
	}
	if empty {
		return w.close()
	}
	return nil
}

// end takes an end tag.
func (w *xmlWalk) end() error {
	name, err := w.name()
	if err != nil {
		return err
	}
	w.blanks()
	if len(w.rest) == 0 {
		return errXMLEnd
	}
	if len(w.open) == 0 || !bytes.Equal(name, w.open[len(w.open)-1]) || !w.prefix(">") {
		return errXML
	}
	return w.close()
}

// close ends the element that is open.
func (w *xmlWalk) close() error {
	skipping := w.skipping()
	w.open = w.open[:len(w.open)-1]
	if skipping {
		return nil
	}
	last := len(w.begins) - 1
	text := w.buf[w.begins[last]:]
	w.buf, w.begins = w.buf[:w.begins[last]], w.begins[:last]
	if last == 0 {
		w.b.end(text)
		return nil
	}
	return w.b.leave(text)
}

func (w *xmlWalk) blanks() { w.rest = bytes.TrimLeft(w.rest, " \t\r\n") }

// name takes the name of a tag or attribute.
func (w *xmlWalk) name() ([]byte, error) {
	end := bytes.IndexFunc(w.rest, func(r rune) bool {
		return r < utf8.RuneSelf && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(":_-.", r))
	})
	switch {
	case end < 0:
		return nil, errXMLEnd
	case end == 0 || strings.IndexByte("0123456789-.", w.rest[0]) >= 0:
		return nil, errXML
	}
	name := w.rest[:end]
	w.rest = w.rest[end:]
	return name, nil
}

// attributes takes the attributes and the end of a tag, and reports whether the
// element is empty.
func (w *xmlWalk) attributes() (empty bool, err error) {
	for {
		w.blanks()
		switch {
		case len(w.rest) == 0:
			return false, errXMLEnd
		case w.prefix(">"):
			return false, nil
		case w.prefix("/>"):
			return true, nil
		}
		if _, err := w.name(); err != nil {
			return false, err
		}
		if w.blanks(); !w.prefix("=") {
			return false, errXML
		}
		w.blanks()
		quote := "\""
		if w.prefix("'") {
			quote = "'"
		} else if !w.prefix(quote) {
			return false, errXML
		}
		if _, err := w.until(quote); err != nil {
			return false, err
		}
	}
}

// local returns a name without its namespace's prefix.
func local(name []byte) []byte {
	prefix, rest, ok := bytes.Cut(name, []byte(":"))
	if !ok || len(prefix) == 0 || len(rest) == 0 || bytes.IndexByte(rest, ':') >= 0 {
		return name
	}
	return rest
}

// appendXML appends a text, with its entities resolved if it is escaped. It reports
// false if it has unknown ones, or is too long.
func appendXML(out, text []byte, escaped bool) ([]byte, bool) {
	for len(text) > 0 && len(out) <= maxBody {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '&' && escaped:
			name, _, _ := bytes.Cut(text[1:], []byte(";"))
			var ok bool
			if r, ok = entity(string(name[:min(len(name), 20)])); !ok {
				return out, false
			}
			n = len(name) + 2
			out = appendCharacter(out, r)
		case r == '\r': // a line ends in \n, whatever the system
			if bytes.HasPrefix(text, []byte("\r\n")) {
				n = 2
			}
			out = append(out, '\n')
		default:
			out = appendCharacter(out, r)
		}
		text = text[n:]
	}
	return out, len(text) == 0
}

// appendCharacter appends a character or, for one that XML forbids, what package
// charset puts in the place of what can't be decoded.
func appendCharacter(out []byte, r rune) []byte {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || !utf8.ValidRune(r) {
		const hex = "0123456789ABCDEF"
		out = append(out, "\uFFFD"...)
		if r > 0xFF {
			out = append(out, hex[r>>12&15], hex[r>>8&15])
		}
		return append(out, hex[r>>4&15], hex[r&15])
	}
	return utf8.AppendRune(out, r)
}

// entity returns the character that an entity stands for.
func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, is := strings.CutPrefix(digits, "x"); is {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), ok && err == nil && n <= utf8.MaxRune
}
