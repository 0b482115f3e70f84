package intersight

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// sessionProperties are those asked of iam/Sessions. SessionId must never be
// among them: it is the token of a live session.
func sessionProperties() []string {
	return []string{"Moid", "CreateTime", "EndTime", "Status", "Role", "UserIdOrEmail", "User", "ClientIpAddress",
		"Expiration", "IdleTimeExpiration", "LastLoginTime", "FailedLogins"}
}

// oldSessionProperties are those that the appliances of 2021 had already (Cisco's
// PowerShell SDK 1.0.9, docs/IamSession.md).
func oldSessionProperties() []string {
	return []string{"Moid", "CreateTime", "ClientIpAddress", "Expiration", "IdleTimeExpiration", "LastLoginClient", "LastLoginTime"}
}

func limitProperties() []string {
	return []string{"IdleTimeOut", "SessionTimeOut", "MaximumLimit", "PerUserLimit", "Account", "Permission"}
}

func oldLimitProperties() []string {
	return []string{"IdleTimeOut", "SessionTimeOut", "MaximumLimit", "PerUserLimit"}
}

// tryFullAfter is how long an API that refused properties isn't asked for them.
const tryFullAfter = time.Hour

// selection is what $select asks for: all we can use, or what an API that
// refused some of it was found to accept. It is safe for concurrent use.
type selection struct {
	full, minimal []string
	keep          string // never left out

	mu       sync.Mutex
	accepted []string // nil: nothing refused so far
	since    time.Time
}

// properties returns what to ask for now.
func (s *selection) properties(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted == nil {
		return s.full
	}
	if d := now.Sub(s.since); d < 0 || d >= tryFullAfter {
		s.accepted = nil
		return s.full
	}
	return s.accepted
}

// accept remembers what the API accepted after it had refused more.
func (s *selection) accept(properties []string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted, s.since = properties, now
}

// narrower returns what to ask for after the API refused properties with that
// body, nil where the refusal can't be about them. It is always fewer than
// before, or the minimum.
func (s *selection) narrower(properties []string, refusal []byte) []string {
	droppable := except(properties, s.keep)
	if named := namedProperties(refusal, droppable); len(named) > 0 {
		return except(properties, named...)
	}
	known := func(p string) bool { return slices.Contains(s.minimal, p) }
	if !slices.ContainsFunc(properties, func(p string) bool { return !known(p) }) {
		return nil
	}
	var next []string
	for _, p := range s.minimal {
		// What the full selection had and this one has not was refused by name.
		if slices.Contains(properties, p) || !slices.Contains(s.full, p) {
			next = append(next, p)
		}
	}
	return next
}

func except(list []string, drop ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(p string) bool { return slices.Contains(drop, p) })
}

// namedProperties returns those properties that a refusal names. It looks where
// a name is surest first, because some are words of everyday English (User,
// Role, Status). A text that names all of them only repeats the question.
func namedProperties(refusal []byte, properties []string) []string {
	for _, text := range refusalTexts(refusal) {
		var named []string
		words := strings.FieldsFunc(text, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
		for _, p := range properties {
			if slices.Contains(words, p) {
				named = append(named, p)
			}
		}
		if 0 < len(named) && (len(named) < len(properties) || len(named) == 1) {
			return named
		}
	}
	return nil
}

var quotedName = regexp.MustCompile("['\"`‘’“”]([A-Za-z0-9_.]+)['\"`‘’“”]")

// refusalTexts returns the parts of an error answer that may name properties.
func refusalTexts(body []byte) []string {
	doc, err := document(body)
	if err != nil || !doc.is('{') {
		return []string{string(body)}
	}
	var params strings.Builder
	add := func(v raw) {
		params.Write(v.text())
		params.WriteByte('\n')
	}
	list := doc.field("messageParams")
	for _, v := range list.fields {
		add(v)
	}
	for v := range list.items {
		add(v)
	}
	message := string(doc.field("message").text())
	quoted := strings.Join(quotedName.FindAllString(message, -1), " ")
	texts := []string{params.String(), quoted, message}
	if message == "" {
		texts = append(texts, string(body))
	}
	return texts
}
