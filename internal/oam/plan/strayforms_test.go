package plan

import (
	"math/rand/v2"
	"testing"
)

// byField answers in a form of its own what asks for a value of one field that
// nobody has, and all else that matches nothing with a total of 0.
type byField struct {
	*answerer
	field field
	form  Form
}

func (x *byField) Search(qs []Query) []Answer {
	answers := x.answerer.Search(qs)
	for i := range answers {
		var value Query
		switch x.field {
		case fieldIP:
			value.IP = qs[i].IP
		case fieldUser:
			value.User = qs[i].User
		case fieldStore:
			value.Store = qs[i].Store
		}
		if value != (Query{}) && len(x.by[value]) == 0 {
			answers[i] = Answer{Outcome: NoMatch, Form: x.form}
		}
	}
	return answers
}

// The form of no match may differ by what is asked for: that of one field is not
// taken for that of another, and no refresh ends early.
func TestFormsByField(t *testing.T) {
	for _, f := range []field{fieldIP, fieldUser, fieldStore} {
		for _, form := range []Form{Form404, Form204, FormOther} {
			for _, n := range []int{300, 3000} {
				x := &byField{newAnswerer(mid(2, n, 60, 3, n*2/5), 2, 200), f, form}
				m := NewMemory()
				for turn := range 3 {
					x.asked = 0
					r, ok := Run(m, Limits{Addresses: 50, Idle: 900}, x)
					if !ok || r.Untrusted != "" {
						t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
					}
					checkTruth(t, x.answerer, &r)
					if r.Lost > 0 || n == 300 && !r.Complete || n == 3000 && turn > 0 && (len(r.Addresses) < 50 || len(r.Stores) < 3) {
						t.Errorf("field %d, form %d, %d sessions: got %d listed, complete %v, %d addresses, %d stores, %d lost; want none lost, and all of 300 listed, or 50 addresses and 3 stores of 3000", f, form, n, len(r.Listed), r.Complete, len(r.Addresses), len(r.Stores), r.Lost)
					}
				}
				if m.filters.Probed == 0 || m.proven.Can.ExactStore != Exact || m.proven.Can.WildcardUser != No {
					t.Errorf("field %d, form %d, %d sessions: got %+v, probed at %d, want exact stores, no wildcards of users, and a probe", f, form, n, m.proven.Can, m.filters.Probed)
				}
			}
		}
	}
}

// A form that one field is proven to have says nothing of another field.
func TestAFormOfAnotherFieldProvesNothing(t *testing.T) {
	a := newAnswerer(mid(2, 3000, 60, 3, 1200), 2, 200)
	r := rand.New(rand.NewPCG(2, 2))
	x := &byField{a, fieldStore, Form404}
	s := &strange{faulty: &faulty{answerer: a, form: FormTotal}, form: Form404, which: func(_ int, q Query) bool { return q.IP != "" && q.IP != nowhere && r.IntN(10) == 0 }}
	m := NewMemory()
	for turn := range 6 {
		a.asked = 0
		asker := Asker(x)
		if turn > 1 {
			asker = s
		}
		got, ok := Run(m, Limits{Addresses: 50}, asker)
		if !ok || got.Untrusted != "" {
			t.Fatalf("got ok %v, untrusted %q, want true and none", ok, got.Untrusted)
		}
		checkTruth(t, a, &got)
		if wrong, _ := falseEnds(a, &got, a.by[Query{}]); wrong > 0 {
			t.Errorf("got %d sessions that are there and said to have ended, want 0", wrong)
		}
	}
}

// One answer in sixty in the server's own form of no match ends nothing, is no zero,
// and costs no refresh: also where everything is asked for.
func TestStrayAnswersInTheServersForm(t *testing.T) {
	for seed := range seeds(4, 20) {
		a := newAnswerer(mid(seed, 3000, 150, 3, 1200), seed, 200)
		lose := atRandom(seed, 60)
		strays := 0
		x := &ownForm{&faulty{answerer: a, form: Form404}, func(n int, _ Query) bool {
			is := n > 1 && lose(n, Query{})
			if is {
				strays++
			}
			return is
		}}
		m := NewMemory()
		for range 3 {
			a.asked = 0
			if _, ok := Run(m, Limits{Addresses: 50, Idle: 900}, x.faulty); !ok {
				t.Fatal("got no answer, want one")
			}
		}
		for range 20 {
			a.asked = 0
			r, ok := Run(m, Limits{Addresses: 50, Idle: 900}, x)
			if !ok || r.Untrusted != "" {
				t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
			}
			if r.Impersonating == 0 {
				t.Errorf("got 0 that impersonate, by one answer without a total, want any other number")
			}
			if wrong, _ := falseEnds(a, &r, a.by[Query{}]); wrong > 0 {
				t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, r.FullyListed)
			}
		}
		if strays == 0 {
			t.Errorf("got no stray answer, want one or more")
		}
	}
}

// ownForm answers some searches, also those for everything, in the form of no match.
type ownForm struct {
	*faulty
	stray func(n int, q Query) bool
}

func (o *ownForm) Search(qs []Query) []Answer {
	before := o.asked
	answers := o.faulty.Search(qs)
	for i := range answers {
		if o.stray(before+i+1, qs[i]) {
			answers[i] = Answer{Outcome: NoMatch, Form: o.form}
		}
	}
	return answers
}

// A stamp of a clock that was ahead does not outlast it.
func TestStampsAhead(t *testing.T) {
	m := NewMemory()
	const now, ahead = 2000, 2000 + 400*24*60*60
	m.lessons.Addresses["10.0.0.1"] = lesson{Size: 3, At: ahead, Asked: ahead}
	m.lessons.Stores["oud"], m.proven.Found[Query{Store: "oud"}], m.lessons.Parted[Query{Store: "oud"}], m.proven.Doubted[fieldIP] = ahead, ahead, ahead, ahead
	m.begin(now)
	if l := m.lessons.Addresses["10.0.0.1"]; l.At != now || l.Asked != now || l.Size != 3 {
		t.Errorf("got %+v, want asked and found at %d, with 3 sessions", l, now)
	}
	if m.lessons.Stores["oud"] != now || m.proven.Found[Query{Store: "oud"}] != now || m.lessons.Parted[Query{Store: "oud"}] != now || m.proven.Doubted[fieldIP] != now {
		t.Errorf("got stores %v, found %v, parted %v, doubted %v, want all at %d", m.lessons.Stores, m.proven.Found, m.lessons.Parted, m.proven.Doubted, now)
	}
}
