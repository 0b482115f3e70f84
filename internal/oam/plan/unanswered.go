package plan

import "slices"

// A search without an answer, or with one that says nothing, is no zero, no
// refusal and no proof: it counts as not asked. It is put off, and asked once more
// where there is nothing better left to ask.

// maxInARow is how many searches in a row may stay without an answer before no
// more are sent.
const maxInARow = 3

// unanswered puts a set off.
func (s *scrape) unanswered(q Query) {
	s.lost++
	s.inARow++
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

// settle finds out in which form this server says that nothing matches, after one
// answer in a form that may say so: it is that of values that nobody has. One stray
// answer decides nothing: two values must agree, or one with an earlier scrape. A
// form that is not the one found before is not believed, and will be probed again.
func (s *scrape) settle(like Form) {
	can := &s.mem.can
	votes, values := map[Form]bool{can.NoMatch: true}, 0
	nobodys := [...]Query{{IP: nowhere}, {User: nobody}, {Store: nobody}}
	var asked []Answer
	for _, q := range nobodys {
		if s.left() <= len(asked) || s.form != FormUnknown {
			break
		}
		answers := s.asker.Ask([]Query{q})
		if len(answers) == 0 {
			s.over = true
			break
		}
		asked = append(asked, answers[0])
		a, form := &answers[0], FormUnknown
		switch {
		case a.Outcome == NoMatch:
			form = a.Form
		case a.Outcome == Found && a.Total == 0:
			form = FormTotal
		}
		if form != FormUnknown {
			if values++; votes[form] {
				s.form = form
			}
			votes[form] = true
		}
	}
	if s.form == FormUnknown && values == 1 && votes[like] {
		s.form = like // a server that looks at one of these fields only
	}
	switch s.tries++; {
	case s.form == FormUnknown && s.tries < 2, s.form == can.NoMatch:
	case s.form == FormUnknown:
		s.form = FormTotal
	case can.NoMatch == FormUnknown:
		can.NoMatch = s.form
	default:
		s.form, s.mem.probed = FormTotal, 0
		s.note("no match is answered in another form than before: it proves nothing, and will be probed again")
	}
	for i := range asked {
		s.take(nobodys[i], &asked[i])
	}
}

// believes reports whether an answer without a total is proven to say that nothing
// matches. Where a server says the same of everything, it can't be told what it
// meant before.
func (s *scrape) believes(q Query, a *Answer) bool {
	proven := a.Form > FormTotal && a.Form == s.form
	if q == (Query{}) {
		if proven {
			s.fail("everything_answered_as_no_match")
		}
		s.void = append(s.void, a.Form)
		return false
	}
	return proven && !slices.Contains(s.void, a.Form)
}

// doubtLast takes back what was answered as no match after the last answer with a
// total: the server may have gone by then, and something else answered.
func (s *scrape) doubtLast() {
	for _, q := range s.empties {
		delete(s.witness.answers, q)
		if x := s.sets[q]; x != nil {
			x.asked, x.refused = 0, true
		}
		if q.Flag != AnyFlag {
			s.flagged = -1
		}
		if q.Expires != 0 || q.Used != 0 {
			s.expired, s.unused = -1, -1
		}
	}
}
