package session

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// hidden is what a Name prints as, whoever prints it.
const hidden = "hidden"

// Name is the text of an identity: a user, or an id by which a session can be
// ended. It prints as a fixed word in every format, log and encoding, so that it
// gets nowhere by accident. The zero Name means "not told".
type Name struct {
	// A pointer: fmt may not call the methods of a field that is not exported, but
	// follows no pointer there. The function keeps Names from being compared.
	text *string
	_    [0]func()
}

// NewName makes a Name.
func NewName(text string) Name {
	if text == "" {
		return Name{}
	}
	return Name{text: &text}
}

// SharedNames returns a function that makes Names which share memory: that costs less
// if there are many. They stay in memory together.
func SharedNames() func(text []byte) Name {
	var texts []string
	var bytes strings.Builder
	return func(text []byte) Name {
		if len(text) == 0 {
			return Name{}
		}
		if len(texts) == cap(texts) {
			texts = make([]string, 0, sharedTexts)
		}
		if bytes.Cap()-bytes.Len() < len(text) {
			bytes = strings.Builder{}
			bytes.Grow(max(sharedBytes, len(text)))
		}
		from := bytes.Len()
		bytes.Write(text)
		texts = append(texts, bytes.String()[from:])
		return Name{text: &texts[len(texts)-1]}
	}
}

// What a piece of shared memory has room for.
const (
	sharedTexts = 256
	sharedBytes = 24 * sharedTexts // a Moid has 24
)

// Open returns the text. Only what compares names, makes pseudonyms of them or
// writes them into the annotations of alerts may call it.
func (n Name) Open() string {
	if n.text == nil {
		return ""
	}
	return *n.text
}

// IsZero reports whether there is no name.
func (n Name) IsZero() bool { return n.text == nil }

// String implements fmt.Stringer.
func (n Name) String() string { return hidden }

// Format implements fmt.Formatter, for every verb.
func (n Name) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText implements encoding.TextMarshaler, which JSON, XML, YAML and logfmt use.
func (n Name) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Person is a user, as the API spells it. It must not be changed.
type Person struct {
	Name  Name   // Intersight: UserIdOrEmail, else User.Moid; OAM: userId
	Store string // OAM: idStoreName, which is part of the user's identity; else ""
}

// NewPerson makes a Person; nil if there is no name.
func NewPerson(name, store string) *Person {
	if name == "" {
		return nil
	}
	return &Person{NewName(name), store}
}

// Identity is who has a session. It is for alerts that go to the people on call,
// never for metrics, logs or pages.
type Identity struct {
	// User is nil where the API did not tell. Sessions of one user may share it, which
	// saves whoever compares users most of the work.
	User *Person
	Moid Name // Intersight: the session's Moid, by which it can be terminated

	// Of the user's login before: zero where the API did not tell.
	LastLogin       time.Time
	LastLoginClient string // an address as the API spells it
}
