package intersight

import (
	"slices"
	"strings"
)

// values are the texts that an object tells, by property.
type values func(property string) (text string, told bool)

// filter is a $filter that was understood; it is true of the objects to list.
type filter func(values) bool

// deepest is how many parentheses may be open at once.
const deepest = 20

// parseFilter reads a $filter: eq, ne and in over texts, not, and, or and
// parentheses. The real one knows more; a program that relies on that must not
// think that this one understood. known are the properties there are, texts those
// that can be compared with a text.
func parseFilter(text string, o *Options, known, texts func(string) bool) (filter, *badQuery) {
	tokens, ok := tokensOf(text)
	if !ok {
		return nil, bad("The '$filter' expression is malformed.")
	}
	p := &filterParser{tokens: tokens, options: o, known: known, texts: texts}
	f := p.or()
	if p.refused == nil && len(p.tokens) > 0 {
		p.refuse()
	}
	return f, p.refused
}

// token is a word, a quoted text or one of ( ) , .
type token struct {
	text   string
	quoted bool
	spaced bool // after a space
}

func (t token) is(word string) bool { return !t.quoted && t.text == word }

// property reports whether the token can be the name of one.
func (t token) property() bool {
	return !t.quoted && t.text[0] >= 'A' && t.text[0] <= 'Z'
}

const wordLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

func tokensOf(s string) (out []token, ok bool) {
	for spaced := false; s != ""; {
		length := len(s) - len(strings.TrimLeft(s, wordLetters))
		switch c := s[0]; {
		case c == ' ':
			s, spaced = s[1:], true
			continue
		case c == '\'':
			text, rest, closed := quotedText(s[1:])
			if !closed {
				return nil, false
			}
			out = append(out, token{text, true, spaced})
			s, spaced = rest, false
			continue
		case strings.IndexByte("(),", c) >= 0:
			length = 1
		case length == 0:
			return nil, false
		}
		out = append(out, token{s[:length], false, spaced})
		s, spaced = s[length:], false
	}
	return out, true
}

// quotedText reads a text up to its closing quote; a doubled quote is one of the
// text.
func quotedText(s string) (text, rest string, closed bool) {
	var b strings.Builder
	for {
		part, after, found := strings.Cut(s, "'")
		b.WriteString(part)
		if !found {
			return "", "", false
		}
		if !strings.HasPrefix(after, "'") {
			return b.String(), after, true
		}
		b.WriteByte('\'')
		s = after[1:]
	}
}

// filterParser descends: or, and, one condition. After a refusal it has no tokens
// left and what it returns means nothing.
type filterParser struct {
	tokens  []token
	depth   int
	options *Options
	known   func(string) bool
	texts   func(string) bool
	refused *badQuery
}

func (p *filterParser) refuse() { p.refuseAs(bad("The '$filter' expression is malformed.")) }

func (p *filterParser) refuseAs(why *badQuery) {
	if p.refused == nil {
		p.refused = why
	}
	p.tokens = nil
}

// next takes a token; one that there is not is a comma, which fits nowhere.
func (p *filterParser) next() token {
	if len(p.tokens) == 0 {
		p.refuse()
		return token{text: ","}
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// take takes the next token if it is the word.
func (p *filterParser) take(word string) bool {
	if len(p.tokens) > 0 && p.tokens[0].is(word) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

// expect takes the word, or refuses.
func (p *filterParser) expect(word string) {
	if !p.take(word) {
		p.refuse()
	}
}

// operator takes an operator between spaces.
func (p *filterParser) operator(word string) bool {
	if len(p.tokens) < 2 || !p.tokens[0].is(word) || !p.tokens[0].spaced || !p.tokens[1].spaced {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *filterParser) or() filter {
	f := p.and()
	for p.operator("or") {
		one, other := f, p.and()
		f = func(v values) bool { return one(v) || other(v) }
	}
	return f
}

func (p *filterParser) and() filter {
	f := p.condition()
	for p.operator("and") {
		one, other := f, p.condition()
		f = func(v values) bool { return one(v) && other(v) }
	}
	return f
}

func (p *filterParser) condition() filter {
	if p.take("not") {
		if len(p.tokens) == 0 || !p.tokens[0].is("(") { // not binds more tightly than eq
			p.refuse()
			return nil
		}
		f := p.condition()
		return func(v values) bool { return !f(v) }
	}
	if p.take("(") {
		if p.depth++; p.depth > deepest {
			p.refuse()
			return nil
		}
		f := p.or()
		p.expect(")")
		p.depth--
		return f
	}
	return p.comparison()
}

// property takes the name of a property that can be compared with a text.
func (p *filterParser) property() string {
	name := p.next()
	known := p.known(name.text)
	switch {
	case p.refused != nil, !name.property():
		p.refuse()
	case known && !p.texts(name.text):
		p.refuseAs(bad("Property '%s' can't be compared with a text.", name.text))
	case known, p.options.Refusal == RefuseNot:
	case p.options.Refusal == RefuseNaming:
		p.refuseAs(bad("Property '%s' does not exist in the type.", name.text))
	default:
		p.refuseAs(bad("The query is invalid."))
	}
	return name.text
}

func (p *filterParser) comparison() filter {
	name := p.property()
	var wanted []string
	negated := false
	switch {
	case p.operator("eq"):
		wanted = []string{p.literal()}
	case p.operator("ne"):
		wanted, negated = []string{p.literal()}, true
	case p.operator("in"):
		p.expect("(")
		wanted = append(wanted, p.literal())
		for p.take(",") {
			wanted = append(wanted, p.literal())
		}
		p.expect(")")
	default:
		p.refuse()
	}
	same := func(a, b string) bool { return a == b }
	if p.options.FoldFilter {
		same = strings.EqualFold
	}
	return func(v values) bool {
		text, told := v(name)
		return (told && slices.ContainsFunc(wanted, func(w string) bool { return same(w, text) })) != negated
	}
}

func (p *filterParser) literal() string {
	t := p.next()
	if !t.quoted {
		p.refuse()
	}
	return t.text
}
