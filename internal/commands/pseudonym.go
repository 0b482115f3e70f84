package commands

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// The kinds of names that have pseudonyms.
const (
	User    = "user"
	Address = "address"
)

// Kinds lists the kinds.
func Kinds() []string { return []string{User, Address} }

// maxName is how long a name on standard input may be, in bytes.
const maxName = 64 << 10

// Pseudonyms says what names are in alerts.
type Pseudonyms struct {
	Kind  string
	Store string   // identity store of users of OAM; "": users of Intersight, in lower case
	Names []string // none: those of in, one a line
	In    io.Reader
	Out   io.Writer
}

// Run prints a line for each name: the subject of its alerts, a tab, and the name. A
// name that has none costs its own line.
func (p *Pseudonyms) Run(c *config.Config) error {
	if p.Kind == Address && p.Store != "" {
		return errors.New("--identity-store is for users only")
	}
	key, err := keyOf(c)
	if err != nil {
		return err
	}
	made := detection.NewPseudonymizer(key)
	var mistakes []error
	each := func(where, name string) error {
		subject, err := p.subject(made, name)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", where, err))
			return nil
		}
		_, err = fmt.Fprintf(p.Out, "%s\t%s\n", subject, name)
		return err
	}
	if err := p.each(each); err != nil {
		return err
	}
	return errors.Join(mistakes...)
}

// each calls f with each name, and where it stands.
func (p *Pseudonyms) each(f func(where, name string) error) error {
	for i, name := range p.Names {
		if err := f(fmt.Sprintf("name %d", i+1), name); err != nil {
			return err
		}
	}
	if len(p.Names) > 0 {
		return nil
	}
	lines := bufio.NewScanner(p.In)
	lines.Buffer(nil, maxName)
	n := 0
	for lines.Scan() {
		n++
		name := strings.TrimSuffix(lines.Text(), "\r")
		if name == "" {
			continue
		}
		if err := f(fmt.Sprintf("line %d", n), name); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

func (p *Pseudonyms) subject(made *detection.Pseudonymizer, name string) (string, error) {
	if name == "" {
		return "", errors.New("is empty")
	}
	if p.Kind == Address {
		a, ok := grouping.Address(name)
		if !ok {
			return "", errors.New("is not an IP address")
		}
		return made.Address(a.String()), nil
	}
	api := session.Intersight
	if p.Store != "" {
		api = session.OAM
	}
	return made.Person(api, &session.Person{Name: session.NewName(name), Store: p.Store}), nil
}

// keyOf reads the key of pseudonyms.
func keyOf(c *config.Config) ([]byte, error) {
	if c.Alerting == nil {
		return nil, errors.New("the configuration has no alerting block, which names the key of pseudonyms (key_file)")
	}
	return c.Alerting.Key()
}
