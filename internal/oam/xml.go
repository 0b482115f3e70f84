package oam

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxXMLToken = 1 << 20 // bytes of one tag or text: a tag may hold many attributes, each costly

var (
	errDocType  = errors.New("the answer is HTML, or XML with a document type")
	errXMLRoot  = errors.New("the answer is XML, but not a SessionResults")
	errXMLToken = errors.New("the answer is XML with a tag or text that is too long")
	errCharset  = errors.New("the answer is XML in an unknown encoding")
)

// parseXML reads one SessionResults element. Namespaces, attributes and
// comments are left out. A document type is refused, and with it every entity
// of its own; encoding/xml would neither fetch nor expand one.
func parseXML(body []byte) (*node, error) {
	in := &gauge{Reader: bytes.NewReader(body)}
	p := xmlParser{in: in, dec: xml.NewDecoder(in)}
	p.dec.CharsetReader = charsetReader
	root, err := p.root()
	if err != nil {
		return nil, p.explain(err)
	}
	return root, nil
}

type xmlParser struct {
	in    *gauge
	dec   *xml.Decoder
	found []node // the finished nodes of all elements that are open
	depth int
	nodes int
}

// explain replaces errors that may quote the answer.
func (p *xmlParser) explain(err error) error {
	for _, known := range []error{errDeep, errLarge, errDocType, errXMLRoot, errXMLToken, errCharset} {
		if errors.Is(err, known) {
			return known
		}
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); err == io.EOF || ok && syntax.Msg == "unexpected EOF" {
		return errors.New("the answer is XML that ends in the middle")
	}
	return fmt.Errorf("the answer is not valid XML near byte %d", p.dec.InputOffset())
}

func (p *xmlParser) next() (xml.Token, error) {
	p.in.left = maxXMLToken
	t, err := p.dec.Token()
	if _, ok := t.(xml.Directive); ok {
		return nil, errDocType
	}
	return t, err
}

func (p *xmlParser) root() (*node, error) {
	var root *node
	for {
		t, err := p.next()
		switch {
		case err == io.EOF && root != nil:
			return root, nil
		case err != nil:
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if root != nil || !strings.EqualFold(t.Name.Local, resultsName) {
				return nil, errXMLRoot
			}
			root = new(node)
			if err := p.element(root); err != nil {
				return nil, err
			}
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, errXMLRoot
			}
		}
	}
}

// element reads what is in an element, after its start tag.
func (p *xmlParser) element(n *node) error {
	if p.depth++; p.depth > maxDepth {
		return errDeep
	}
	if p.nodes++; p.nodes > maxNodes {
		return errLarge
	}
	begin := len(p.found)
	var joined []byte // where comments cut the text into pieces
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			kid := node{name: t.Name.Local}
			if err := p.element(&kid); err != nil {
				return err
			}
			p.found = append(p.found, kid)
		case xml.CharData:
			switch {
			case joined != nil:
				joined = append(joined, t...)
			case n.text != "":
				joined = append([]byte(n.text), t...)
			case len(bytes.TrimSpace(t)) > 0: // not the blanks between kids
				n.text = string(t)
			}
		case xml.EndElement:
			if joined != nil {
				n.text = string(joined)
			}
			n.kids = slices.Clone(p.found[begin:])
			clear(p.found[begin:])
			p.found = p.found[:begin]
			p.depth--
			return nil
		}
	}
}

// gauge limits what one token may read.
type gauge struct {
	*bytes.Reader
	left int
}

// ReadByte is all that encoding/xml uses.
func (g *gauge) ReadByte() (byte, error) {
	if g.left--; g.left < 0 {
		return 0, errXMLToken
	}
	return g.Reader.ReadByte()
}

// charsetReader knows what WebLogic can be told to write beside UTF-8.
func charsetReader(charset string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252": // these two differ only where control characters would be
		return &latin1{in: in.(io.ByteReader)}, nil
	}
	return nil, errCharset
}

// latin1 turns each byte into the character of that number.
type latin1 struct {
	in   io.ByteReader
	rest []byte
	buf  [utf8.UTFMax]byte
}

func (l *latin1) ReadByte() (byte, error) {
	if len(l.rest) == 0 {
		b, err := l.in.ReadByte()
		if err != nil {
			return 0, err
		}
		l.rest = utf8.AppendRune(l.buf[:0], rune(b))
	}
	b := l.rest[0]
	l.rest = l.rest[1:]
	return b, nil
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}
