package plan

import (
	"cmp"
	"slices"
)

// A search without an answer, or with one that says nothing, is no zero, no
// refusal and no proof: it counts as not asked. It is put off, and asked once more
// where there is nothing better left to ask.

// maxInARow is how many searches in a row may stay without an answer before no
// more are sent.
const maxInARow = 3

// maxSilent is how many answers in a row may be without a total before {} is asked:
// a server that has gone, and something that answers in its place, may look like
// one at which nothing matches.
const maxSilent = 12

// listen asks {} where too many answers in a row had no total.
func (s *scrape) listen() {
	if s.silent >= maxSilent && !s.over && s.left() > 0 {
		s.silent = 0
		s.one(Query{})
	}
}

// unanswered puts a set off.
func (s *scrape) unanswered(q Query) {
	s.lost++
	if x := s.sets[q]; x != nil {
		x.lost++
		x.refused = true
		s.putOff = append(s.putOff, x)
	}
}

// again lets sets that were put off be asked once more, and returns them.
func (s *scrape) again() []*set {
	list := slices.DeleteFunc(s.putOff, func(x *set) bool { return x.lost > 1 || s.sets[x.q] != x })
	s.putOff = nil
	for _, x := range list {
		x.refused = false
	}
	return list
}

// retry asks for the sets that were put off.
func (s *scrape) retry() {
	for list := s.again(); len(list) > 0 && s.left() > 1; {
		n := min(s.asker.Width(), len(list), s.left()-1)
		var qs []Query
		for _, x := range list[:n] {
			qs = append(qs, x.q)
		}
		s.ask(qs...)
		list = list[n:]
	}
}

// certain asks, and once more what got no answer.
func (s *scrape) certain(qs ...Query) []Answer {
	answers := s.ask(qs...)
	var missing []Query
	var at []int
	for i := range answers {
		if answers[i].Outcome == Unanswered && len(missing) < s.left() {
			missing, at = append(missing, qs[i]), append(at, i)
		}
	}
	for i, a := range s.ask(missing...) {
		answers[at[i]] = a
	}
	return answers
}

// nobodys are values that no session has, by field.
var nobodys = [...]struct {
	field
	Query
}{{fieldIP, Query{IP: nowhere}}, {fieldUser, Query{User: nobody}}, {fieldStore, Query{Store: nobody}}}

// values are the fields whose values a query asks for; all of them, where it asks
// for none.
func values(q Query) (fields []field) {
	for _, n := range nobodys {
		if q.Kinds() == 0 || q.Kinds()&n.Kinds() != 0 {
			fields = append(fields, n.field)
		}
	}
	return fields
}

// settle finds out whether an answer in a form may say that nothing matches: it is
// that of a value that nobody has, in one of the fields that the query asks for. A
// server may have one form for a store that it lacks, and another for an address.
func (s *scrape) settle(q Query, like Form) {
	for i, n := range nobodys {
		if slices.Contains(values(q), n.field) && s.prove(i, like) == like {
			return
		}
	}
}

// zero notes that a value that nobody has is answered with a total of 0: no other
// form says so in that field.
func (s *scrape) zero(q Query) {
	for _, n := range nobodys {
		if _, done := s.forms[n.field]; q == n.Query && !done {
			s.forms[n.field], s.mem.forms[n.field] = FormTotal, FormTotal
		}
	}
}

const maxProofs = 3 // searches for a value that nobody has, at a time

// prove finds the form of a field. One stray answer decides nothing: two must agree,
// or one with an earlier scrape, or with the proven form of another field. A form
// that is not the one found before is not believed, and will be probed again.
func (s *scrape) prove(i int, like Form) Form {
	f, other := nobodys[i].field, nobodys[(i+1)%len(nobodys)]
	if form, done := s.forms[f]; done || s.proofs[f] > 1 {
		return form
	}
	known, votes := s.mem.forms[f], map[Form]int{}
	votes[known]++
	for _, form := range s.forms {
		if form == known && form == like {
			s.forms[f] = form // the server still answers as it did
			return form
		}
		votes[form] = 1
	}
	found := FormUnknown
	var qs []Query
	var asked []Answer
	for len(asked) < min(maxProofs, s.left()) && found == FormUnknown {
		q := nobodys[i].Query
		// The first time of all, another field may agree: then both are proven.
		both := known == FormUnknown && len(s.forms) == 0 && len(asked) == 1
		if both {
			q = other.Query
		}
		answers := s.asker.Ask([]Query{q})
		if len(answers) == 0 {
			s.over = true
			break
		}
		a, form := &answers[0], FormUnknown
		qs, asked = append(qs, q), append(asked, *a)
		switch {
		case a.Outcome == NoMatch:
			form = a.Form
		case a.Outcome == Found && a.Total == 0:
			form = FormTotal
		case a.Outcome != Unanswered && !both:
			form, known = FormTotal, FormUnknown // the field can't be asked so
		}
		if both {
			if form > FormTotal && votes[form] > 0 {
				found, s.forms[other.field], s.mem.forms[other.field] = form, form, form
			}
			continue
		}
		if votes[form]++; form != FormUnknown && (votes[form] > 1 || form == FormTotal && known == FormUnknown) {
			found = form
		}
	}
	s.proofs[f]++
	if usual := s.mem.can.NoMatch; found > FormTotal && usual != FormUnknown && usual != found && s.left() > 0 {
		// Another field is answered otherwise: is it still this server that answers?
		if answers := s.asker.Ask([]Query{{}}); len(answers) > 0 {
			qs, asked = append(qs, Query{}), append(asked, answers[0])
			if answers[0].Outcome != Found {
				found = FormUnknown
			}
		}
	}
	switch {
	case found == FormUnknown:
	case known != FormUnknown && known != found:
		s.forms[f], s.mem.probed = FormTotal, 0
		s.note("no match is answered in another form than before: it proves nothing, and will be probed again")
	default:
		s.forms[f], s.mem.forms[f] = found, found
		s.mem.can.NoMatch = cmp.Or(s.mem.can.NoMatch, found)
	}
	for i := range asked {
		s.take(qs[i], &asked[i])
	}
	return s.forms[f]
}

const goneNote = "even all sessions are answered as no match: what was proven before stands"

// believes reports whether an answer without a total is proven to say that nothing
// matches. Where a server says the same of everything, twice in a row, it can't be
// told what it meant before.
func (s *scrape) believes(q Query, a *Answer) bool {
	proven := a.Form > FormTotal && slices.ContainsFunc(values(q), func(f field) bool { return s.forms[f] == a.Form })
	if q == (Query{}) {
		if s.nothing++; s.nothing > 1 {
			s.over = true
			s.note(goneNote)
		}
		s.void = append(s.void, a.Form)
		s.doubtLast()
		s.empties = nil
		return false
	}
	return proven && !slices.Contains(s.void, a.Form)
}

// doubtLast takes back what was answered as no match after the last answer with a
// total: the server may have gone by then, and something else answered.
func (s *scrape) doubtLast() {
	for _, q := range s.empties {
		delete(s.witness.answers, q)
		delete(s.witness.nothing, q)
		if x := s.sets[q]; x != nil {
			x.asked, x.refused = 0, true
			s.putOff = append(s.putOff, x)
		}
		if q.Flag != AnyFlag {
			s.flagged = -1
		}
		if q.Expires != 0 || q.Used != 0 {
			s.expired, s.unused = -1, -1
		}
	}
}
