package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
)

// The bounds of what is read.
const (
	maxLine = 256 << 20 // bytes, some 500,000 sessions
	maxText = 1 << 10   // bytes
)

// Reader reads the lines of a recording. What is not exactly such a line is an error,
// which says where it is and shows no text of it but keys.
type Reader struct {
	name string
	in   *bufio.Reader
	line int
	buf  []byte
}

// NewReader returns a Reader of what is called name.
func NewReader(in io.Reader, name string) *Reader {
	return &Reader{name: name, in: bufio.NewReaderSize(in, 64<<10)}
}

// Next returns the next line, or io.EOF.
func (r *Reader) Next() (*Line, error) {
	r.line++
	text, err := r.read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	var l *Line
	if err == nil {
		l, err = parse(bytes.TrimSuffix(text, []byte("\n")))
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", r.name, r.line, err)
	}
	return l, nil
}

func (r *Reader) read() ([]byte, error) {
	r.buf = r.buf[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.buf = append(r.buf, part...)
		switch {
		case len(r.buf) > maxLine:
			return nil, fmt.Errorf("is longer than %d MiB", maxLine>>20)
		case err == nil, errors.Is(err, io.EOF) && len(r.buf) > 0:
			return r.buf, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// parser reads one line.
type parser struct {
	*json.Decoder
}

func parse(text []byte) (*Line, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8")
	}
	p := &parser{Decoder: json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	l := &Line{}
	given, err := p.object(lineKeys(l))
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("is cut off, as by an end of the recording or a full disk; remove it")
		}
		return nil, err
	}
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after the object")
	}
	return l, check(l, given)
}

// check says what a line lacks, or has although it does not belong there.
func check(l *Line, given map[string]bool) error {
	want, not := []string{"v", "source", "api", "taken"}, []string(nil)
	if rest := []string{"complete", "total", "sessions"}; given["error"] {
		not = append(rest, "lifetime")
	} else {
		want = append(want, rest...)
	}
	for _, k := range want {
		if !given[k] {
			return fmt.Errorf("%s is missing", k)
		}
	}
	for _, k := range not {
		if given[k] {
			return fmt.Errorf("%s can't be beside error", k)
		}
	}
	if l.Error == "" && given["error"] {
		return errors.New("error is empty")
	}
	if l.Total < int64(len(l.Sessions)) {
		return fmt.Errorf("total is %d, less than the %d sessions", l.Total, len(l.Sessions))
	}
	return nil
}

// keys are the keys that an object may have, and what reads their values.
type keys map[string]func(*parser) error

func lineKeys(l *Line) keys {
	return keys{
		"v": func(p *parser) error {
			var n int64
			if err := a(&n, natural)(p); err != nil {
				return err
			}
			if n != version {
				return fmt.Errorf("version %d is not known", n)
			}
			return nil
		},
		"source": required(&l.Source),
		"api": func(p *parser) error {
			var s string
			if err := required(&s)(p); err != nil {
				return err
			}
			if l.API = session.API(s); l.API != session.Intersight && l.API != session.OAM {
				return errors.New("is not an API")
			}
			return nil
		},
		"taken":    a(&l.Taken, instant),
		"error":    text(&l.Error),
		"complete": a(&l.Complete, boolean),
		"total":    a(&l.Total, natural),
		"lifetime": optional(&l.Lifetime, natural),
		"sessions": func(p *parser) error { return p.sessions(l) },
	}
}

// sessionKeys read into what s points to, so that one map does for all sessions.
func sessionKeys(s *Session) keys {
	return keys{
		"id":             pseudonym(ofSession, &s.ID),
		"user":           pseudonym(ofUser, &s.User),
		"role":           text(&s.Role),
		"status":         status(&s.Status),
		"address":        pseudonym(ofAddress, &s.Address),
		"network":        text(&s.Network),
		"prefix":         pseudonym(ofPrefix, &s.Prefix),
		"identity_store": text(&s.IdentityStore),
		"created":        optional(&s.Created, instant),
		"ended":          optional(&s.Ended, instant),
		"expires":        optional(&s.Expires, instant),
		"last_login":     optional(&s.LastLogin, instant),
		"failed_logins":  optional(&s.FailedLogins, natural),
		"impersonating":  optional(&s.Impersonating, boolean),
	}
}

func (p *parser) sessions(l *Line) error {
	if err := p.delim('['); err != nil {
		return err
	}
	var s Session
	fields := sessionKeys(&s)
	for p.More() {
		s = Session{}
		given, err := p.object(fields)
		if err != nil {
			return fmt.Errorf("%d: %w", len(l.Sessions), err)
		}
		for _, k := range []string{"id", "status"} {
			if !given[k] {
				return fmt.Errorf("%d: %s is missing", len(l.Sessions), k)
			}
		}
		l.Sessions = append(l.Sessions, s)
	}
	return p.delim(']')
}

// object reads an object, and returns the keys that it has.
func (p *parser) object(fields keys) (map[string]bool, error) {
	if err := p.delim('{'); err != nil {
		return nil, err
	}
	given := make(map[string]bool, len(fields))
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return nil, broken(err)
		}
		key, _ := t.(string)
		read, ok := fields[key]
		switch {
		case !ok:
			return nil, fmt.Errorf("has a key that is not known: %q", shorten(key))
		case given[key]:
			return nil, fmt.Errorf("has %s twice", key)
		}
		given[key] = true
		if err := read(p); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return given, p.delim('}')
}

// shorten keeps the beginning of a key.
func shorten(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "..."
}

// broken is an error of the JSON parser without what it quotes.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errors.New("is not JSON")
}

func (p *parser) delim(want json.Delim) error {
	t, err := p.Token()
	if err != nil {
		return broken(err)
	}
	if t != want {
		return fmt.Errorf("wants %s", want)
	}
	return nil
}

// value reads a value that is no object and no list; nil is null.
func (p *parser) value() (any, error) {
	t, err := p.Token()
	if err != nil {
		return nil, broken(err)
	}
	if _, ok := t.(json.Delim); ok {
		return nil, errors.New("wants a single value")
	}
	return t, nil
}

// text reads a text; null is none.
func text(to *string) func(*parser) error {
	return func(p *parser) error {
		v, err := p.value()
		if err != nil || v == nil {
			return err
		}
		s, ok := v.(string)
		switch {
		case !ok:
			return errors.New("wants a text")
		case len(s) > maxText:
			return fmt.Errorf("is longer than %d bytes", maxText)
		}
		*to = s
		return nil
	}
}

func required(to *string) func(*parser) error {
	return func(p *parser) error {
		if err := text(to)(p); err != nil {
			return err
		}
		if *to == "" {
			return errors.New("is empty")
		}
		return nil
	}
}

// pseudonym reads one that begins so: whatever does not is a name.
func pseudonym(begin string, to *string) func(*parser) error {
	return func(p *parser) error {
		if err := text(to)(p); err != nil {
			return err
		}
		if *to != "" && !strings.HasPrefix(*to, begin) {
			return fmt.Errorf("is no pseudonym: it does not begin with %s", begin)
		}
		return nil
	}
}

func status(to *string) func(*parser) error {
	return func(p *parser) error {
		if err := required(to)(p); err != nil {
			return err
		}
		if _, ok := statusOf(*to); !ok {
			return errors.New("is not known")
		}
		return nil
	}
}

func statusOf(name string) (session.Status, bool) {
	for _, s := range session.Statuses() {
		if s.String() == name {
			return s, true
		}
	}
	return session.Unknown, false
}

// natural reads a whole number from 0 on.
func natural(v any, to *int64) error {
	n, ok := v.(json.Number)
	if !ok {
		return errors.New("wants a number")
	}
	i, err := n.Int64()
	if err != nil || i < 0 {
		return errors.New("wants a whole number from 0 on")
	}
	*to = i
	return nil
}

func boolean(v any, to *bool) error {
	b, ok := v.(bool)
	if !ok {
		return errors.New("wants true or false")
	}
	*to = b
	return nil
}

func instant(v any, to *time.Time) error {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		return errors.New("wants a time as in RFC 3339")
	}
	*to = t.UTC()
	return nil
}

// a reads a value.
func a[T any](to *T, read func(any, *T) error) func(*parser) error {
	return func(p *parser) error {
		v, err := p.value()
		if err != nil {
			return err
		}
		return read(v, to)
	}
}

// optional reads a value that may be null.
func optional[T any](to **T, read func(any, *T) error) func(*parser) error {
	return func(p *parser) error {
		v, err := p.value()
		if err != nil || v == nil {
			return err
		}
		*to = new(T)
		return read(v, *to)
	}
}
