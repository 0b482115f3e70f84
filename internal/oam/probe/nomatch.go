package probe

import (
	"iter"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// NoMatch finds out which answers without a total say that nothing matches. Such an
// answer may as well come from what stands before the server.
type NoMatch struct {
	Usual   filter.Form                  // the form of the server, as far as known; FormTotal also if there is none
	Known   map[filter.Field]filter.Form // as earlier refreshes have found
	Changed bool                         // a form is another one than before
	Gone    bool                         // twice in a row even {} was answered so

	fixed   filter.Kinds                 // fields of the base that all queries are within: no other value can be asked for
	forms   map[filter.Field]filter.Form // as proven in this refresh
	proofs  map[filter.Field]int         // times that they were looked for
	void    []filter.Form                // those in which even {} was answered: they prove nothing
	nothing int                          // times in a row that {} was
}

// NewNoMatch begins a refresh whose queries are within a base.
func NewNoMatch(usual filter.Form, known map[filter.Field]filter.Form, base filter.Query) *NoMatch {
	return &NoMatch{Usual: usual, Known: known, fixed: base.Kinds(), forms: map[filter.Field]filter.Form{}, proofs: map[filter.Field]int{}}
}

// Again forgets the usual form, as filters are probed anew, and the forms that
// earlier refreshes have found if there were none.
func (n *NoMatch) Again(probed bool) {
	if !probed {
		n.Usual = filter.FormUnknown
		clear(n.Known)
	}
}

// absent is a value that no session has in a field.
type absent struct {
	filter.Field
	filter.Query
}

// nobodys are such values, by field.
var nobodys = [...]absent{{filter.ByIP, filter.Query{IP: nowhere}}, {filter.ByUser, filter.Query{User: nobody}}, {filter.ByStore, filter.Query{Store: nobody}}}

// free are the fields that are not fixed.
func free(fixed filter.Kinds) (fields []filter.Field) {
	for _, n := range [...]filter.Field{filter.ByIP, filter.ByStore, filter.ByUser} {
		if !fixed.Has(n) {
			fields = append(fields, n)
		}
	}
	return fields
}

// nobodyIn is the query for a value that no session has in a field.
func nobodyIn(f filter.Field) filter.Query {
	i := slices.IndexFunc(nobodys[:], func(n absent) bool { return n.Field == f })
	return nobodys[i].Query
}

// fieldsOf are the fields whose values a query asks for; all that are free, if it
// asks for none.
func (n *NoMatch) fieldsOf(q filter.Query) (fields []filter.Field) {
	for _, f := range free(n.fixed) {
		if q.Kinds() == 0 || q.Kinds().Has(f) {
			fields = append(fields, f)
		}
	}
	return fields
}

// Settle finds out whether an answer in a form may say that nothing matches: it is
// that of a value that nobody has, in one of the fields that the query asks for. A
// server may have one form for a store that it lacks, and another for an address.
// left says how many queries there are.
func (n *NoMatch) Settle(q filter.Query, like filter.Form, left func() int) iter.Seq[*Ask] {
	return func(yield func(*Ask) bool) {
		for i, x := range nobodys {
			if slices.Contains(n.fieldsOf(q), x.Field) && n.prove(i, like, left, yield) == like {
				return
			}
		}
	}
}

// Zero takes in that a query was answered with a total of 0: for a value that nobody
// has, no other form says so in that field.
func (n *NoMatch) Zero(q filter.Query) {
	for _, x := range nobodys {
		if _, done := n.forms[x.Field]; q == x.Query && !done {
			n.forms[x.Field], n.Known[x.Field] = filter.FormTotal, filter.FormTotal
		}
	}
}

const maxProofs = 3 // searches for a value that nobody has, at a time

// prove finds the form of a field. One stray answer decides nothing: two must agree,
// or one with an earlier refresh, or with the proven form of another field. A form
// that is not the one found before is not believed, and will be probed again.
func (n *NoMatch) prove(i int, like filter.Form, left func() int, yield func(*Ask) bool) filter.Form {
	f := nobodys[i].Field
	if form, done := n.forms[f]; done || n.proofs[f] > 1 {
		return form
	}
	known := n.Known[f]
	for _, form := range n.forms {
		if form == known && form == like {
			n.forms[f] = form // the server still answers as it did
			return form
		}
	}
	v := vote{n: n, i: i, known: known, yield: yield}
	found := v.hold(left)
	n.proofs[f]++
	if v.another(found) && left() > 0 {
		// Another field is answered otherwise: is it still this server that answers?
		if a := v.ask(filter.Query{}); a.Answered && a.Outcome != filter.Found {
			found = filter.FormUnknown
		}
	}
	n.decide(f, found, v.known)
	for _, q := range v.zeros {
		n.Zero(q)
	}
	return n.forms[f]
}

// decide takes in the form that a field was found to have. One that is not the one
// found before is not believed.
func (n *NoMatch) decide(f filter.Field, found, known filter.Form) {
	switch {
	case found == filter.FormUnknown:
	case known != filter.FormUnknown && known != found:
		n.forms[f], n.Changed = filter.FormTotal, true
	default:
		n.forms[f], n.Known[f] = found, found
		if n.Usual == filter.FormUnknown {
			n.Usual = found
		}
	}
}

// vote is on the form of a field.
type vote struct {
	n     *NoMatch
	i     int // of nobodys
	known filter.Form
	yield func(*Ask) bool
	asked int
	zeros []filter.Query
	ended bool
}

func (v *vote) ask(q filter.Query) *Ask {
	a := &Ask{Query: q}
	v.ended = !v.yield(a) || !a.Answered
	v.asked++
	if a.Answered && a.Outcome == filter.Found && a.Total == 0 {
		v.zeros = append(v.zeros, q)
	}
	return a
}

// another reports whether a form is another one than that of the server's other
// fields.
func (v *vote) another(found filter.Form) bool {
	usual := v.n.Usual
	return found > filter.FormTotal && usual != filter.FormUnknown && usual != found
}

// hold asks until two answers agree.
func (v *vote) hold(left func() int) (found filter.Form) {
	votes := map[filter.Form]int{v.known: 1}
	for _, form := range v.n.forms {
		votes[form] = 1
	}
	for !v.ended && v.asked < min(maxProofs, left()) && found == filter.FormUnknown {
		// The first time of all, another field may agree: then both are proven.
		if v.known == filter.FormUnknown && len(v.n.forms) == 0 && v.asked == 1 {
			found = v.askAnother(votes)
			continue
		}
		a := v.ask(nobodys[v.i].Query)
		if !a.Answered {
			break
		}
		form := formOf(a)
		if form == filter.FormUnknown && a.Outcome != filter.Unanswered {
			form, v.known = filter.FormTotal, filter.FormUnknown // the field can't be asked so
		}
		if votes[form]++; form != filter.FormUnknown && (votes[form] > 1 || form == filter.FormTotal && v.known == filter.FormUnknown) {
			found = form
		}
	}
	return found
}

// askAnother asks for a value that nobody has in another field.
func (v *vote) askAnother(votes map[filter.Form]int) filter.Form {
	other := nobodys[v.i]
	for i := range nobodys {
		if x := nobodys[(v.i+1+i)%len(nobodys)]; !v.n.fixed.Has(x.Field) {
			other = x
			break
		}
	}
	a := v.ask(other.Query)
	if form := formOf(a); a.Answered && form > filter.FormTotal && votes[form] > 0 {
		v.n.forms[other.Field], v.n.Known[other.Field] = form, form
		return form
	}
	return filter.FormUnknown
}

// formOf is how an answer says that nothing matches.
func formOf(a *Ask) filter.Form {
	switch {
	case a.Outcome == filter.NoMatch:
		return a.Form
	case a.Outcome == filter.Found && a.Total == 0:
		return filter.FormTotal
	}
	return filter.FormUnknown
}

// Believes reports whether an answer without a total is proven to say that nothing
// matches.
func (n *NoMatch) Believes(q filter.Query, form filter.Form) bool {
	return form > filter.FormTotal && !slices.Contains(n.void, form) &&
		slices.ContainsFunc(n.fieldsOf(q), func(f filter.Field) bool { return n.forms[f] == form })
}

// Everything takes in that even {} was answered without a total. If that happens
// twice in a row, the server has gone: it can't be known what it meant before.
func (n *NoMatch) Everything(form filter.Form) {
	n.nothing++
	n.Gone = n.nothing > 1
	n.void = append(n.void, form)
}

// Answered takes in that {} was answered with a total.
func (n *NoMatch) Answered() { n.nothing = 0 }
